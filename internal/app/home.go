package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/health"
	"doorstation/internal/phone"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// rhythm is how often Home Assistant is asked.
type rhythm struct {
	// poll is how often SIP Core's settings are looked at again: a door has no page changes to do it on. It counts from the
	// beginning of a look, and is spread by a tenth to both sides so that several doors do not ask at once.
	poll time.Duration
	// retryFirst and retryMost bound the wait after a failure; it doubles in between.
	retryFirst, retryMost time.Duration
	// refusedFirst and refusedMost bound for how long a token that was refused is not shown again; it doubles in between. Home Assistant
	// counts each time as a wrong login, and may ban the door after a few.
	refusedFirst, refusedMost time.Duration
	// busy is how often changed settings look whether the visit that keeps them waiting is over.
	busy time.Duration
}

// defaultRhythm lets a change, and a Home Assistant that is back, be noticed within 15 s.
func defaultRhythm() rhythm {
	return rhythm{
		poll: 10 * time.Second, retryFirst: time.Second, retryMost: 12 * time.Second, busy: 250 * time.Millisecond,
		refusedFirst: 15 * time.Minute, refusedMost: 24 * time.Hour,
	}
}

// home follows Home Assistant: it fetches SIP Core's settings, makes a line of them, and changes the line as they change. When
// Home Assistant is away at the start it does so with the settings it kept. It never gives up: everything it meets can be mended
// by a person while it runs.
type home struct {
	opt    Options
	rhythm rhythm
	faults faults
	phone  *phone.Phone
	lines  lineHolder
	// configured is told the settings before a line of them is up.
	configured func(settings.Settings)
	store      *settings.Store
	asking     asking
	wake       chan struct{}

	// Touched by Run's goroutine only.
	inUse     *settings.Candidate // of the line that is up, nil without one
	waiting   *settings.Candidate // waits for the end of a visit to be in use
	kept      settings.Kept       // what the store held at the start
	origin    string
	failing   bool      // Home Assistant did not answer last time
	heard     bool      // it has answered since the start
	saveAgain time.Time // after a failure
	unknown   []string  // keys that were logged

	mu     sync.Mutex
	report control.Settings
}

func newHome(o Options, h *health.Register, p *phone.Phone) *home {
	c := &clients{local: o.Local, getenv: o.Getenv, log: o.Log, now: o.Now, rhythm: o.rhythm()}
	return &home{
		opt: o, rhythm: o.rhythm(), faults: faults{h}, phone: p, store: settings.NewStore(o.StateDir),
		asking: asking{clients: c, now: o.Now}, wake: make(chan struct{}, 1), report: control.Settings{Origin: originNone},
	}
}

// Nudge says that now is a good time to ask Home Assistant: the network has changed. It returns at once.
func (h *home) Nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends and then takes the line down: the door is unregistered when it returns.
func (h *home) Run(ctx context.Context) error {
	defer func() {
		h.phone.SetLine(nil)
		h.lines.replace(nil)
		h.asking.clients.drop()
	}()
	h.loadKept()
	wait := h.rhythm.retryFirst
	for {
		began := time.Now()
		err := h.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		pause := max(h.rhythm.poll*9/10+rand.N(h.rhythm.poll/5)-time.Since(began), h.rhythm.retryFirst)
		if err == nil {
			wait = h.rhythm.retryFirst
		} else {
			pause = wait/2 + rand.N(wait/2)
			h.opt.Log.Warn("settings not taken", "error", err, "again_in", pause.Round(time.Millisecond))
			wait = min(2*wait, h.rhythm.retryMost)
			h.useKept()
		}
		nudged, goOn := h.rest(ctx, pause)
		if !goOn {
			return nil
		}
		if nudged {
			wait = h.rhythm.retryFirst
			h.asking.clients.drop()                                 // its connection may have been made from an address that is gone
			if !sleep(ctx, h.rhythm.retryFirst-time.Since(began)) { // a network that comes and goes is no flood
				return nil
			}
		}
	}
}

// rest waits, and puts settings to use that wait for the end of a visit. A nudge ends it early. It says not to go on when
// ctx ends first.
func (h *home) rest(ctx context.Context, pause time.Duration) (nudged, goOn bool) {
	over := time.NewTimer(pause)
	defer over.Stop()
	for {
		var visit <-chan time.Time
		if h.waiting != nil {
			visit = time.After(h.rhythm.busy)
		}
		select {
		case <-ctx.Done():
			return false, false
		case <-over.C:
			return false, true
		case <-h.wake:
			return true, true
		case <-visit:
			if err := h.register(); err != nil {
				h.opt.Log.Warn("settings not taken", "error", err)
			}
		}
	}
}

// sleep returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// look asks Home Assistant once and takes what is new.
func (h *home) look(ctx context.Context) error {
	asked := ctx
	if h.inUse == nil && len(h.kept.Raw) > 0 {
		var cancel context.CancelFunc
		asked, cancel = context.WithTimeoutCause(ctx, firstLimit, errFirstLimit)
		defer cancel()
	}
	got, err := h.asking.look(asked)
	if ctx.Err() != nil {
		return fmt.Errorf("ask Home Assistant: %w", context.Cause(ctx)) // the agent stops: nobody's fault
	}
	h.faults.fetch(err)
	if err != nil {
		h.failing = true
		h.heldAge()
		return err
	}
	if h.failing {
		h.failing = false
		h.nudgeLine()
	}
	h.heard = true
	h.faults.Clear(health.CodeSettingsKept)
	if got.changed || h.newest() == nil {
		if err = h.take(got); err != nil {
			h.asking.again() // what kept it from being used may be mended outside of Home Assistant
			return err
		}
	}
	h.asking.taken(got)
	h.keep(got)
	h.tell(func(s *control.Settings) {
		if !s.Refused {
			s.Fetched = timeOrNil(h.opt.Now())
		}
	})
	return nil
}

// nudgeLine has the line try again at once, as its way may lead through Home Assistant, which has just come back.
func (h *home) nudgeLine() {
	if l := h.lines.current(); l != nil && l.agent.Registration().State != sip.Registered {
		l.agent.Nudge()
	}
}

// take decides what becomes of new settings. The first ones are lived with as they are; later ones are refused as a whole when
// they are broken.
func (h *home) take(got answer) error {
	c, err := settings.Read(h.opt.Local, got.raw, got.who)
	if !slices.Equal(c.Unknown, h.unknown) {
		h.unknown = c.Unknown
		h.opt.Log.Debug("SIP Core has settings that this version does not know", "keys", c.Unknown)
	}
	if before := h.before(); before != nil {
		breaking := c.Breaks(*before)
		if err != nil || len(breaking) > 0 {
			h.tell(func(s *control.Settings) { s.Refused = true })
			h.faults.refused(breaking, err)
			h.useKept()
			return nil
		}
	}
	h.faults.refused(nil, nil)
	h.tell(func(s *control.Settings) { s.Refused = false })
	h.faults.problems(c.Problems, asNotAnObject(err))
	if !errors.Is(err, settings.ErrNotAnObject) {
		h.faults.merge(c.Notices, err)
	}
	if err != nil {
		return fmt.Errorf("read SIP Core's settings: %w", err)
	}
	if err = h.adopt(c); err != nil {
		return err
	}
	h.origin = originFresh
	h.tell(func(s *control.Settings) { s.Origin = originFresh })
	return nil
}

// asNotAnObject passes on that there was nothing to read.
func asNotAnObject(err error) error {
	if errors.Is(err, settings.ErrNotAnObject) {
		return err
	}
	return nil
}

// before is what new settings take the place of, nil for the first ones: those in use, else the kept ones.
func (h *home) before() *settings.Candidate {
	if newest := h.newest(); newest != nil || len(h.kept.Raw) == 0 {
		return newest
	}
	c, err := settings.Read(h.opt.Local, h.kept.Raw, h.kept.Who)
	if err != nil {
		return nil
	}
	return &c
}

// newest is what the next settings differ from.
func (h *home) newest() *settings.Candidate {
	if h.waiting != nil {
		return h.waiting
	}
	return h.inUse
}

// tell changes what status says of the settings.
func (h *home) tell(change func(*control.Settings)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.report)
}

// status is what status says of the settings.
func (h *home) status() control.Settings {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.report
}
