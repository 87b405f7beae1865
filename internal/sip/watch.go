package sip

import (
	"context"
	"errors"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// probeInterval holds NAT bindings and reverse proxies with an idle limit of 30 s open.
	probeInterval = 25 * time.Second
	// probeLimit is how long the PBX may take to show that it lives.
	probeLimit = 10 * time.Second
)

var errSilent = errors.New("the PBX does not answer any more")

// watch keeps the connection in use and ends it when the far end has gone silent. Each round sends OPTIONS, whose answer
// of any kind will do, and a WebSocket ping. A PBX that has answered OPTIONS once must go on answering; of one that
// never does, any sign of life counts, even a pong without its payload, as Home Assistant's ingress sends them.
func (a *Agent) watch(c *conn) {
	var pings sync.WaitGroup
	defer pings.Wait()
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		asked := time.Now()
		pings.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
			defer cancel()
			if err := c.sock.Ping(ctx); err == nil {
				c.alive()
			}
		})
		if !a.probe(c) && c.silentSince(asked) {
			a.log.Warn("giving the connection up", "error", c.close(errSilent))
			return
		}
	}
}

// probe tells whether OPTIONS is answered in time.
func (a *Agent) probe(c *conn) bool {
	ctx, cancel := context.WithTimeoutCause(context.Background(), probeLimit, ErrNoAnswer)
	defer cancel()
	d := newRegistrar(a.id, 0).dlg
	if _, err := c.roundTrip(ctx, d.build(c, sipmsg.OPTIONS, sipmsg.NewHeader("Accept", "application/sdp"))); err != nil {
		return false
	}
	c.lifeMu.Lock()
	c.answers = true
	c.lifeMu.Unlock()
	return true
}

// silentSince tells whether the far end gave no sign of life since t.
func (c *conn) silentSince(t time.Time) bool {
	c.lifeMu.Lock()
	defer c.lifeMu.Unlock()
	if c.answers {
		return c.spoke.Before(t)
	}
	return c.heard.Before(t)
}
