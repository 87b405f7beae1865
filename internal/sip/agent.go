package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// stopLimit bounds each of the two steps of stopping: ending the calls, and taking the registration back.
	stopLimit = 2 * time.Second
	// steady is how long a registration must have stood for the next connection to be tried without a pause.
	steady = 5 * time.Second
	// orphanLimit is how long a call may be left in the PBX by a lost connection; its session timer ends it then.
	orphanLimit = minSession
)

var errClosing = errors.New("closed by the agent")

// An Agent is registered at a PBX as one extension and makes calls there.
type Agent struct {
	cfg     Config
	log     *slog.Logger
	id      identity
	dial    dialFunc
	backoff *backoff
	reg     *registrar     // used by Run's goroutine only
	wg      sync.WaitGroup // Invites under way and handlers of legs

	mu      sync.Mutex
	started bool
	stopped bool // no more calls
	state   Registration
	conn    *conn // while registered
	legs    map[string]*Leg
	orphans []orphan
}

// An orphan is a request that could not be sent because the connection was gone, and that ends something in the PBX.
type orphan struct {
	since time.Time
	build func(*conn) *sipmsg.Request
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
	return &Agent{
		cfg: c, log: log, id: id, dial: dialWebSocket, backoff: newBackoff(),
		reg:   newRegistrar(id, c.Expires),
		state: Registration{State: Starting, Extension: c.Extension, Since: time.Now()},
		legs:  map[string]*Leg{},
	}, nil
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
	for ctx.Err() == nil {
		stood, err := a.connected(ctx)
		if ctx.Err() != nil {
			break
		}
		a.change(func(r *Registration) { r.State, r.ExpiresAt, r.Err = Unreachable, time.Time{}, err })
		if stood >= steady {
			a.backoff.reset()
		}
		pause := a.backoff.next()
		a.log.Warn("not connected to the PBX", "error", err, "retry_in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.wg.Wait()
	a.change(func(r *Registration) { r.State, r.ExpiresAt, r.Err = Stopped, time.Time{}, nil })
	return nil
}

// change alters the state and reports it when it is another one. Only Run's goroutine changes it.
func (a *Agent) change(alter func(*Registration)) {
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
}

// connected is the life of one connection. It returns how long a registration stood on it, and why it ended.
func (a *Agent) connected(ctx context.Context) (time.Duration, error) {
	a.change(func(r *Registration) {
		if r.State != Unreachable { // while it fails again and again, say so and not "registering" in between
			r.State = Registering
		}
	})
	e, err := a.cfg.Locate(ctx)
	if err != nil {
		return 0, fmt.Errorf("finding the PBX: %w", err)
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return 0, errors.New("the address of the PBX is not a ws:// or wss:// URL")
	}
	a.change(func(r *Registration) { r.Server, r.Transport = u.Host, e.Via })
	c := newConn(strings.ToUpper(u.Scheme), a.id.contactHost, a.log, a.receive)
	if c.sock, err = a.dial(ctx, e, c.alive); err != nil {
		return 0, err
	}
	var running sync.WaitGroup
	running.Go(c.run)
	running.Go(func() { a.watch(c) })
	stood, err := a.serve(ctx, c)
	closed := c.close(errClosing) // or what ended it before
	running.Wait()
	a.lose(c)
	if ctx.Err() == nil && c.silent() && errors.Is(err, ErrConnectionLost) && a.cfg.Diagnose != nil {
		if better := a.cfg.Diagnose(ctx, e, closed); better != nil {
			err = better
		}
	}
	return stood, err
}

// serve keeps the registration on one connection. It returns when the connection is of no more use, or after everything
// was ended properly because ctx did.
func (a *Agent) serve(ctx context.Context, c *conn) (stood time.Duration, err error) {
	var since time.Time
	defer func() {
		if !since.IsZero() {
			stood = time.Since(since)
		}
	}()
	for {
		lifetime, err := a.register(ctx, c, a.reg.expires)
		pause := lifetime / 2 // a refresh that is lost leaves as much time again
		switch {
		case ctx.Err() != nil:
			// below
		case err == nil:
			if since.IsZero() {
				since = time.Now()
			}
			a.adopt(c)
			expires := time.Now().Add(lifetime)
			a.change(func(r *Registration) { r.State, r.ExpiresAt, r.Err = Registered, expires, nil })
		case errors.Is(err, ErrRefused):
			since, pause = time.Time{}, refusedPause
			a.disown()
			a.change(func(r *Registration) { r.State, r.ExpiresAt, r.Err = Refused, time.Time{}, err })
			a.log.Warn("registration refused", "error", err, "retry_in", pause)
		default:
			return 0, err
		}
		again := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			again.Stop()
			a.shutDown(ctx, c)
			return 0, nil
		case <-c.done:
			again.Stop()
			return 0, c.failure()
		case <-again.C:
		}
	}
}

// shutDown ends what is up, then the registration.
func (a *Agent) shutDown(ctx context.Context, c *conn) {
	a.mu.Lock()
	a.stopped = true
	legs := slices.Collect(maps.Values(a.legs))
	registered := a.conn == c
	a.mu.Unlock()
	for _, l := range legs {
		l.stop()
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	for _, l := range legs {
		select {
		case <-l.done:
		case <-limit.Done():
		}
	}
	a.disown()
	if !registered {
		return
	}
	bye, cancelBye := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancelBye()
	if _, err := a.register(bye, c, 0); err != nil {
		a.log.Debug("registration not taken back", "error", err)
	}
}

// adopt makes c the connection that calls are made on, and first sends over it what an earlier one could not.
func (a *Agent) adopt(c *conn) {
	a.mu.Lock()
	a.conn = c
	orphans := a.orphans
	a.orphans = nil
	a.mu.Unlock()
	for _, o := range orphans {
		if time.Since(o.since) > orphanLimit {
			continue
		}
		req := o.build(c)
		if err := c.request(req, func(*sipmsg.Response) {}, func(error) {}); err != nil {
			a.log.Debug("lost call not ended", "method", string(req.Method), "error", err)
		}
	}
}

func (a *Agent) disown() {
	a.mu.Lock()
	a.conn = nil
	a.mu.Unlock()
}

// lose ends the legs of a connection that is gone.
func (a *Agent) lose(c *conn) {
	a.mu.Lock()
	if a.conn == c {
		a.conn = nil
	}
	legs := slices.Collect(maps.Values(a.legs))
	a.mu.Unlock()
	for _, l := range legs {
		if l.c == c {
			l.lost()
		}
	}
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
	l := &Leg{
		agent: a, c: a.conn, h: h, local: offer,
		done: make(chan struct{}), calls: newMailbox[callEvent](), work: newMailbox[task](),
		dlg: dialog{
			id: a.id, callID: newToken(), localTag: newToken(),
			remote: sipmsg.ToHeader{Address: uri}, target: uri,
		},
		cred:    a.credentials(),
		session: sessionTimer{interval: minSession},
	}
	l.log = a.log.With("call_id", l.dlg.callID, "target", target)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	a.legs[l.dlg.callID] = l
	a.wg.Add(1)
	return l, nil
}

func (a *Agent) forget(l *Leg) {
	a.mu.Lock()
	delete(a.legs, l.dlg.callID)
	a.mu.Unlock()
}

func (a *Agent) remember(o orphan) {
	a.mu.Lock()
	a.orphans = append(a.orphans, o)
	a.mu.Unlock()
}

func (a *Agent) credentials() *credentials {
	return &credentials{user: a.cfg.Extension, password: a.cfg.Password}
}
