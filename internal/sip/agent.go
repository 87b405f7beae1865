package sip

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// steady is how long a registration must have stood for the next connection to be tried without a pause.
const steady = 5 * time.Second

// An Agent is registered at a PBX as one extension and makes calls there.
type Agent struct {
	cfg     Config
	log     *slog.Logger
	id      identity
	dial    dialFunc
	backoff *backoff
	look    lookFunc
	nudged  chan struct{} // holds a token after Nudge; taken by watch while there is a connection, and else by rest
	wallet  *wallet
	heart   atomic.Pointer[time.Time] // when the loop came round last; see beat
	wg      sync.WaitGroup            // Invites under way and handlers of legs

	// used by Run's goroutine only
	reg      *registrar
	proven   bool // the password was right once
	refusals int  // in a row

	mu      sync.Mutex
	started bool
	stopped bool // no more calls
	state   Registration
	conn    *conn // while registered
	legs    map[string]*Leg
	orphans []orphan
}

// New checks the configuration and makes an agent. Nothing happens before Run.
func New(c Config) (*Agent, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Expires == 0 {
		c.Expires = DefaultExpires
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	id := identity{
		extension: c.Extension, display: c.DisplayName, domain: c.Domain, userAgent: displayName(c.UserAgent),
		contactHost: newToken() + ".invalid",
	}
	d := newDialer(c.Resolver, log)
	a := &Agent{
		cfg: c, log: log, id: id, dial: d.dial, backoff: newBackoff(), nudged: make(chan struct{}, 1),
		reg:    newRegistrar(id, c.Expires),
		wallet: &wallet{user: c.Extension, password: c.Password},
		state:  Registration{State: Starting, Extension: c.Extension, Since: time.Now()},
		legs:   map[string]*Leg{},
	}
	a.look = looker{id, d, log}.look
	return a, nil
}

// Registration tells how the agent stands with its PBX.
func (a *Agent) Registration() Registration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// Run keeps the agent connected and registered until ctx ends. Then it ends the calls that are up (BYE, CANCEL), takes
// the registration back, closes the connection, waits for all that it started, handlers included, and returns nil.
func (a *Agent) Run(ctx context.Context) error {
	a.mu.Lock()
	if a.started {
		a.mu.Unlock()
		return ErrRunning
	}
	a.started = true
	a.mu.Unlock()
	out := &outage{}
	for ctx.Err() == nil {
		at := a.connected(ctx)
		if ctx.Err() != nil {
			break
		}
		if at.stood >= steady {
			a.backoff.reset()
			*out = outage{}
		}
		out.note(at)
		pause := out.shorten(a.backoff.next())
		news := a.change(func(r *Registration) {
			r.State, r.ExpiresAt, r.RetryAt, r.Err = Unreachable, time.Time{}, time.Now().Add(pause), at.err
		})
		level := slog.LevelDebug // the same failure again, at every attempt
		if news {
			level = slog.LevelWarn
		}
		a.log.Log(ctx, level, "not connected to the PBX", "error", at.err, "retry_in", pause)
		a.rest(ctx, pause, out)
	}
	a.mu.Lock()
	a.stopped = true
	left := slices.Collect(maps.Values(a.legs))
	a.mu.Unlock()
	for _, l := range left {
		l.abandoned()
	}
	a.wg.Wait()
	a.change(func(r *Registration) { r.State, r.ExpiresAt, r.RetryAt, r.Err = Stopped, time.Time{}, time.Time{}, nil })
	return nil
}

// Nudge says that now is a good time to look whether the PBX can be reached: a button was pressed, the network changed. A pause
// before the next attempt ends at once; a connection that stands is asked for a sign of life. It returns at once.
func (a *Agent) Nudge() { signal(a.nudged) }

// change alters the state, and reports it when it is another one. Only Run's goroutine changes it.
func (a *Agent) change(alter func(*Registration)) (news bool) {
	a.mu.Lock()
	before := a.state
	alter(&a.state)
	now := a.state
	if now.State != before.State {
		now.Since = time.Now()
		a.state.Since = now.Since
	}
	a.mu.Unlock()
	same := now.State == before.State && now.ExpiresAt.Equal(before.ExpiresAt) && now.Server == before.Server &&
		now.Transport == before.Transport && fmt.Sprint(now.Err) == fmt.Sprint(before.Err)
	if !same && a.cfg.OnRegistration != nil {
		a.cfg.OnRegistration(now)
	}
	return !same
}

// newLeg books a call. The caller must call a.wg.Done once nothing of it runs any more.
func (a *Agent) newLeg(target, offer string, h Handler) (*Leg, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.stopped:
		return nil, ErrStopped
	case a.conn == nil:
		return nil, ErrNotRegistered
	}
	uri := sipmsg.Uri{Scheme: "sip", User: escapeUser(target), Host: a.id.domain}
	l := a.makeLeg(a.conn, dialog{
		id: a.id, callID: newToken(), localTag: newToken(), remote: sipmsg.ToHeader{Address: uri}, target: uri,
	})
	l.h, l.local, l.cred = h, offer, a.credentials()
	l.log = a.log.With("call_id", l.dlg.callID, "target", target)
	a.legs[l.dlg.key()] = l
	a.wg.Add(1)
	return l, nil
}

// makeLeg makes a leg that is on no books yet.
func (a *Agent) makeLeg(c *conn, d dialog) *Leg {
	l := &Leg{
		agent: a, c: c, dlg: d, done: make(chan struct{}), news: make(chan struct{}),
		calls: newMailbox[callEvent](), work: newMailbox[task](),
		session: sessionTimer{interval: minSession},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (a *Agent) forget(l *Leg) {
	a.mu.Lock()
	delete(a.legs, l.dlg.key())
	a.mu.Unlock()
}

func (a *Agent) credentials() *credentials {
	return &credentials{wallet: a.wallet, tries: map[realm]int{}}
}
