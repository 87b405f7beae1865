package sip

import (
	"context"
	"errors"
	"fmt"
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
	// orphanLimit is how long a call may be left in the PBX by a lost connection; its session timer ends it then.
	orphanLimit = minSession
)

var errClosing = errors.New("closed by the agent")

// An orphan is a request that could not be sent because the connection was gone, and that ends something in the PBX.
type orphan struct {
	since time.Time
	build func(*conn) *sipmsg.Request
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
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		return 0, fmt.Errorf("the address of the PBX is not a URL that begins with %s", strings.Join(schemes, "://, ")+"://")
	}
	a.change(func(r *Registration) { r.Server, r.Transport = u.Host, e.Via })
	a.wallet.forget() // nonces are the server's, and it may be another one now
	c := newConn(a.log, a.receive)
	c.onSuccess = a.wallet.learn
	sock, err := a.dial(ctx, e, c.alive)
	if err != nil {
		return 0, err
	}
	c.attach(sock, hopOf(u.Scheme, sock, a.id.contactHost))
	var running sync.WaitGroup
	running.Go(c.run)
	running.Go(func() { a.watch(c) })
	stood, err := a.serve(ctx, c)
	a.log.Debug("connection ends", "error", c.close(errClosing)) // or what ended it before
	running.Wait()
	a.lose(c)
	if ctx.Err() == nil && c.silent() && a.cfg.Diagnose != nil {
		if better := a.cfg.Diagnose(ctx, e, err); better != nil {
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
		var lifetime time.Duration
		lifetime, err = a.register(ctx, c, a.reg.expires)
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
	defer c.sock.Leave()
	if !registered {
		return
	}
	bye, cancelBye := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancelBye()
	if _, err := a.register(bye, c, 0); err != nil {
		a.log.Debug("registration not taken back", "error", err)
	}
}

// adopt makes c the connection that calls are made on, and first sends over it what an earlier one could not. Calls that lost theirs
// go on here.
func (a *Agent) adopt(c *conn) {
	a.mu.Lock()
	a.conn = c
	orphans, legs := a.orphans, slices.Collect(maps.Values(a.legs))
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
	for _, l := range legs {
		l.carry(c)
	}
}

func (a *Agent) disown() {
	a.mu.Lock()
	a.conn = nil
	a.mu.Unlock()
}

// lose tells the legs of a connection that it is gone: the calls that are up go on, the others end.
func (a *Agent) lose(c *conn) {
	a.mu.Lock()
	if a.conn == c {
		a.conn = nil
	}
	legs := slices.Collect(maps.Values(a.legs))
	a.mu.Unlock()
	for _, l := range legs {
		l.lost(c)
	}
}

func (a *Agent) remember(o orphan) {
	a.mu.Lock()
	a.orphans = append(a.orphans, o)
	a.mu.Unlock()
}
