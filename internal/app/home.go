package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/phone"
	"doorstation/internal/settings"
)

// fetchLimit bounds one look at Home Assistant.
const fetchLimit = 15 * time.Second

// rhythm is how often Home Assistant is asked.
type rhythm struct {
	// poll is how often SIP Core's settings are looked at again: a door has no page changes to do it on.
	poll time.Duration
	// retryFirst and retryMost bound the wait after a failure; it doubles in between.
	retryFirst, retryMost time.Duration
	// busy is how often changed settings look whether the visit that keeps them waiting is over.
	busy time.Duration
}

func defaultRhythm() rhythm {
	return rhythm{poll: 30 * time.Second, retryFirst: time.Second, retryMost: 30 * time.Second, busy: 500 * time.Millisecond}
}

// home follows Home Assistant: it fetches SIP Core's settings, makes a line of them, and replaces the line
// when they change. It never gives up: everything it meets can be mended by a person while it runs.
type home struct {
	opt    Options
	rhythm rhythm
	faults faults
	phone  *phone.Phone
	lines  lineHolder
	// configured is told the settings before a line of them is up.
	configured func(settings.Settings)

	// Touched by Run's goroutine only.
	current     *settings.Settings // of the line that is up, nil without one
	tokenWarned bool
	unknown     []string // keys that were logged
}

func newHome(o Options, h *health.Register, p *phone.Phone) *home {
	return &home{opt: o, rhythm: o.rhythm(), faults: faults{h}, phone: p}
}

// Run works until ctx ends and then takes the line down: the door is unregistered when it returns.
func (h *home) Run(ctx context.Context) error {
	defer func() {
		h.phone.SetLine(nil)
		h.lines.replace(nil)
	}()
	wait := h.rhythm.retryFirst
	for {
		pause := h.rhythm.poll
		err := h.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case err == nil:
			wait = h.rhythm.retryFirst
		case errors.Is(err, errVisit):
			wait, pause = h.rhythm.retryFirst, h.rhythm.busy
		default:
			pause = wait/2 + rand.N(wait/2)
			h.opt.Log.Warn("settings not taken", "error", err, "again_in", pause.Round(time.Millisecond))
			wait = min(2*wait, h.rhythm.retryMost)
		}
		if !sleep(ctx, pause) {
			return nil
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

// errVisit says that changed settings wait for the end of a visit.
var errVisit = errors.New("a visit is on")

// look fetches the settings once and makes them the line's when they are others.
func (h *home) look(ctx context.Context) error {
	next, client, err := h.fetch(ctx)
	if err != nil {
		return err
	}
	if h.current != nil && next.Equal(*h.current) {
		client.Close()
		return nil
	}
	l, err := newLine(h.opt, next, client, h.faults, h.phone.Incoming)
	if err != nil {
		client.Close()
		return fmt.Errorf("use the settings: %w", err)
	}
	return h.apply(ctx, l)
}

// apply replaces the line, once no visit uses it. Settings that have waited for long are fetched anew instead.
func (h *home) apply(ctx context.Context, l *line) error {
	limit := time.Now().Add(h.rhythm.poll)
	for !h.phone.ReleaseLine() {
		if !sleep(ctx, h.rhythm.busy) || time.Now().After(limit) {
			l.client.Close()
			return errVisit
		}
	}
	h.lines.replace(nil)
	h.faults.noLineFault() // those of the old line
	h.configured(l.settings)
	h.lines.replace(l)
	h.phone.SetLine(l.forPhone())
	s := l.settings
	h.current = &s
	h.opt.Log.Info("settings applied", "extension", s.Extension, "domain", s.Domain, "pbx", s.PBX.Kind, "video", s.Video)
	return nil
}

// fetch asks Home Assistant for SIP Core's settings and for the token's user, and merges them with the local file. The client
// is the caller's to close.
func (h *home) fetch(ctx context.Context) (settings.Settings, *homeassistant.Client, error) {
	var none settings.Settings
	client, err := h.client()
	if err != nil {
		return none, nil, err
	}
	merged, err := h.ask(ctx, client)
	if err != nil {
		client.Close()
		return none, nil, err
	}
	return merged, client, nil
}

func (h *home) ask(ctx context.Context, client *homeassistant.Client) (settings.Settings, error) {
	var none settings.Settings
	raw, who, err := askBoth(ctx, client)
	if ctx.Err() != nil {
		return none, fmt.Errorf("ask Home Assistant: %w", context.Cause(ctx)) // the agent stops: nobody's fault
	}
	if h.faults.fetch(err); err != nil {
		return none, fmt.Errorf("ask Home Assistant: %w", err)
	}
	core, problems, err := settings.ParseSIPCore(raw)
	h.faults.problems(problems, err)
	if err != nil {
		return none, fmt.Errorf("read SIP Core's settings: %w", err)
	}
	if !slices.Equal(core.Unknown, h.unknown) {
		h.unknown = core.Unknown
		h.opt.Log.Debug("SIP Core has settings that this version does not know", "keys", core.Unknown)
	}
	merged, notices, err := settings.Merge(h.opt.Local, core, settings.Identity{ID: who.ID, Name: who.Name})
	if h.faults.merge(notices, err); err != nil {
		return none, fmt.Errorf("choose the door's SIP user: %w", err)
	}
	return merged, nil
}

// askBoth asks for the settings and for the user at the same time; when one fails the other is given up.
func askBoth(ctx context.Context, client *homeassistant.Client) (json.RawMessage, homeassistant.User, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	var who homeassistant.User
	var userErr error
	var asking sync.WaitGroup
	asking.Go(func() { who, userErr = client.CurrentUser(ctx) })
	raw, err := client.SIPCoreConfig(ctx)
	if err != nil {
		cancel()
	}
	asking.Wait()
	if err == nil {
		err = userErr
	}
	return raw, who, err
}

// client makes a Home Assistant client with the token as it is now: a person may just have put it there.
func (h *home) client() (*homeassistant.Client, error) {
	token, err := settings.ReadToken(h.opt.Local, h.opt.Getenv)
	if err != nil {
		h.faults.onlyFetch(health.CodeTokenMissing, err.Error())
		return nil, fmt.Errorf("read the token: %w", err)
	}
	h.warnOfOpenToken()
	tlsConf, err := h.opt.Local.HomeAssistant.TLS.Config()
	if err != nil {
		err = fmt.Errorf("home_assistant.tls: %w", err)
		h.faults.onlyFetch(health.CodeHomeAssistantUnreachable, err.Error())
		return nil, err
	}
	client, err := homeassistant.New(homeassistant.Options{
		URL: h.opt.Local.HomeAssistant.URL, Token: token, TLS: tlsConf, Log: h.opt.Log.With("room", "homeassistant"),
	})
	if err != nil {
		err = fmt.Errorf("home_assistant.url: %w", err)
		h.faults.onlyFetch(health.CodeHomeAssistantUnreachable, err.Error())
		return nil, err
	}
	return client, nil
}

// warnOfOpenToken says once that others on this machine may read the token.
func (h *home) warnOfOpenToken() {
	file := h.opt.Local.HomeAssistant.TokenFile
	if h.tokenWarned || file == "" || !settings.TokenFileTooOpen(file) {
		return
	}
	h.tokenWarned = true
	h.opt.Log.Warn("the token file can be read by others on this machine: chmod 600 it", "file", file)
}
