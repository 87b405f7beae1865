package sip

import (
	"context"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// A dead connection is known as such after at most probeInterval + probeLimit: 18 s, when it died right after an answer.
// The limit of 8 s is for Asterisk, which is away for seconds when it reloads or waits for a name to be resolved.
const (
	// probeInterval also holds NAT bindings and reverse proxies open, which close what is idle for 30 s, seldom less: both
	// ends send something each time.
	probeInterval = 10 * time.Second
	// firstProbe is early, so that it is known whether the PBX answers OPTIONS: of one that never has, a pong is believed.
	firstProbe = time.Second
	// probeLimit is how long the PBX may take to show that it lives.
	probeLimit = 8 * time.Second
	// nudgeLimit is the same for a probe that a nudge asked for. It is short, because somebody may be waiting at the door,
	// and so any sign of life will do: a PBX that is slow is better than none.
	nudgeLimit = 3 * time.Second
	// busyLimit is how long a PBX that has answered an INVITE by 100 may leave everything else unanswered. Asterisk waits 18 s for
	// a STUN server that is dead, for the door's part of the call and then for the tablet's, and now and then takes nothing
	// more from the connection meanwhile. Giving it up would lose the bell.
	busyLimit = 40 * time.Second
	// freshFor is how long after the PBX spoke a nudge asks nothing of it.
	freshFor = time.Second
)

// watch keeps the connection in use and ends it when the far end has gone silent.
func (a *Agent) watch(c *conn) {
	var asking sync.WaitGroup
	defer asking.Wait()
	timer := time.NewTimer(firstProbe)
	defer timer.Stop()
	var nudged time.Time       // the last question that a nudge led to
	var later <-chan time.Time // the next one: a storm of nudges is one per freshFor
	for {
		a.beat()
		alive := true
		select {
		case <-c.done:
			return
		case <-a.nudged:
			a.leaveIfMoved(c)
			c.hint()
			if wait := freshFor - time.Since(nudged); later == nil {
				later = time.After(max(0, wait))
			}
		case <-later:
			later, nudged = nil, time.Now()
			if !c.life.fresh(freshFor) {
				alive = a.probe(c, &asking, nudgeLimit, false)
			}
			if !alive {
				signal(a.nudged) // it is still wanted: the next attempt is not to wait
			}
		case <-timer.C:
			began := time.Now()
			alive = a.probe(c, &asking, probeLimit, true)
			timer.Reset(max(0, probeInterval-time.Since(began)))
		}
		if !alive {
			a.log.Warn("giving the connection up", "error", c.close(c.life.silence()))
			return
		}
	}
}

// leaveIfMoved ends a connection whose address is gone.
func (a *Agent) leaveIfMoved(c *conn) {
	if err := moved(c.sock); err != nil {
		a.log.Warn("giving the connection up", "error", c.close(err))
		signal(a.nudged) // as above
	}
}

// probe asks the far end for a sign of life, by OPTIONS, whose answer of any kind will do, and by a WebSocket ping. It
// returns as soon as there is one, or the limit has passed. strict wants a PBX that answers OPTIONS to have spoken SIP. A nudge
// meanwhile shortens the wait for any sign at all.
func (a *Agent) probe(c *conn, asking *sync.WaitGroup, limit time.Duration, strict bool) bool {
	asked := time.Now()
	asking.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := c.sock.Ping(ctx); err == nil {
			c.alive()
		}
	})
	// Longer than the limit: an answer that comes late still tells that the PBX answers OPTIONS.
	asking.Go(func() { askOptions(c, a.id, probeLimit) })
	over := time.NewTimer(limit)
	defer over.Stop()
	half := time.NewTimer(limit / 2)
	defer half.Stop()
	var hurry <-chan time.Time
	// Asterisk handles requests by their Call-ID in a few queues, and one of them stands still for up to 18 s while a call
	// in it waits for a dead STUN server. Another OPTIONS mostly falls into another queue.
	again := time.NewTicker(max(limit/4, time.Second))
	defer again.Stop()
	for {
		something, enough := c.life.since(asked)
		if enough || something && !strict {
			return true
		}
		select {
		case <-c.done:
			return true // somebody else saw it end
		case <-c.life.news:
		case <-a.nudged:
			a.leaveIfMoved(c)
			c.hint()
			if hurry == nil {
				hurry = time.After(nudgeLimit)
			}
		case <-hurry:
			if something, _ = c.life.since(asked); !something {
				signal(a.nudged)
				return false
			}
		case <-again.C:
			a.beat()
			if strict {
				asking.Go(func() { askOptions(c, a.id, probeLimit) })
			}
		case <-half.C:
			if strict && !c.life.answered() {
				c.refresh() // a PBX that answers neither OPTIONS nor pings may still answer REGISTER
			}
		case <-over.C:
			something, enough = c.life.since(asked)
			if c.life.busy() && (something || !c.hop.pongs()) {
				return true
			}
			return enough || something && !strict
		}
	}
}

// askOptions sends OPTIONS and notes whether it is answered in time.
func askOptions(c *conn, id identity, limit time.Duration) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, ErrNoAnswer)
	defer cancel()
	d := newRegistrar(id, 0).dlg
	if _, err := c.roundTrip(ctx, d.build(c, sipmsg.OPTIONS, sipmsg.NewHeader("Accept", "application/sdp"))); err == nil {
		c.life.answersOptions()
	}
}
