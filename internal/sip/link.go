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
	send  func(c *conn, failed func(error)) error // failed may be told instead of the error
}

// An attempt is the life of one connection, or the failure to make one.
type attempt struct {
	endpoint Endpoint      // zero when nobody could tell where the PBX is
	shut     bool          // the PBX was not reached
	stood    time.Duration // that a registration stood
	err      error         // why it ended
}

// connected is the life of one connection.
func (a *Agent) connected(ctx context.Context) (at attempt) {
	a.beat()
	a.change(func(r *Registration) {
		r.RetryAt = time.Time{}
		if r.State != Unreachable { // while it fails again and again, say so and not "registering" in between
			r.State = Registering
		}
	})
	e, err := a.cfg.Locate(ctx)
	if err != nil {
		return attempt{shut: true, err: fmt.Errorf("finding the PBX: %w", err)}
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		return attempt{err: fmt.Errorf("the address of the PBX is not a URL that begins with %s", strings.Join(schemes, "://, ")+"://")}
	}
	at.endpoint = e
	a.change(func(r *Registration) { r.Server, r.Transport = u.Host, e.Via })
	a.wallet.forget() // nonces are the server's, and it may be another one now
	a.beat()
	c := newConn(a.log, a.receive)
	c.onSuccess = a.wallet.learn
	sock, err := a.dial(ctx, e, c.alive)
	if err != nil {
		at.shut, at.err = true, err
		return at
	}
	c.attach(sock, hopOf(u.Scheme, sock, a.id.contactHost))
	var running sync.WaitGroup
	running.Go(c.run)
	running.Go(func() { a.watch(c) })
	at.stood, at.err = a.keep(ctx, c)
	a.log.Debug("connection ends", "error", c.close(errClosing)) // or what ended it before
	running.Wait()
	a.lose(c)
	at.shut = c.silent()
	if ctx.Err() == nil && a.cfg.Diagnose != nil && at.stood < steady && (c.silent() || errors.Is(at.err, ErrConnectionLost)) {
		if better := a.cfg.Diagnose(ctx, e, at.err); better != nil {
			at.err = better
		}
	}
	return at
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
	if !registered || a.cfg.Unbound {
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
		failed := func(err error) {
			a.log.Debug("lost call not ended", "error", err)
			if errors.Is(err, ErrConnectionLost) {
				a.remember(o)
			}
		}
		if err := o.send(c, failed); err != nil {
			failed(err)
		}
	}
	for _, l := range legs {
		l.carry(c)
	}
}

// farewell sends the BYE of a dialog that no leg has any more, and answers a challenge.
func (a *Agent) farewell(c *conn, d dialog, failed func(error)) error {
	cred := a.credentials()
	var try func() error
	try = func() error {
		req := d.build(c, sipmsg.BYE)
		cred.authorize(req)
		return c.request(req, func(res *sipmsg.Response) {
			if (res.StatusCode == 401 || res.StatusCode == 407) && cred.challenged(res) == nil {
				if err := try(); err != nil {
					failed(err)
				}
			}
		}, failed)
	}
	return try()
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
