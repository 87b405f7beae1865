package sip

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// life is what is known of the far end of a connection being there. All of it is of the monotonic clock: a jump of the
// wall clock, as when a Pi without one learns the time, changes nothing.
type life struct {
	news   chan struct{} // holds a token after each sign of life; read by watch only
	wanted chan struct{} // holds a token when REGISTER is wanted as a probe; read by keep
	hinted chan struct{} // holds a token after a nudge; read by keep

	mu      sync.Mutex
	opened  time.Time
	heard   time.Time // last sign of life of any kind
	spoke   time.Time // last SIP message; zero before the first
	sent    time.Time // last message of ours
	answers bool      // OPTIONS were answered on this connection

	trying map[string]time.Time // Call-IDs of our INVITEs that were answered by 100 and nothing more, and when
}

func newLife() *life {
	now := time.Now()
	return &life{
		news: make(chan struct{}, 1), wanted: make(chan struct{}, 1), hinted: make(chan struct{}, 1), opened: now, heard: now, sent: now,
		trying: map[string]time.Time{},
	}
}

// alive notes a sign of life below SIP.
func (c *conn) alive() { c.life.note(func(l *life, now time.Time) { l.heard = now }) }

// speaks notes a SIP message.
func (l *life) speaks() { l.note(func(l *life, now time.Time) { l.heard, l.spoke = now, now }) }

func (l *life) note(what func(l *life, now time.Time)) {
	l.mu.Lock()
	what(l, time.Now())
	l.mu.Unlock()
	signal(l.news)
}

// signal leaves a token in a channel that holds one.
func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// refresh asks keep for a REGISTER, hint tells it that somebody hopes for better luck than before.
func (c *conn) refresh() { signal(c.life.wanted) }
func (c *conn) hint()    { signal(c.life.hinted) }

// wrote notes that a message of ours was taken.
func (l *life) wrote() {
	l.mu.Lock()
	l.sent = time.Now()
	l.mu.Unlock()
}

// answersOptions notes that the PBX answers OPTIONS, from which on it must.
func (l *life) answersOptions() {
	l.mu.Lock()
	l.answers = true
	l.mu.Unlock()
}

// tries notes that the PBX has taken an INVITE and is busy with it; decided, that it has said more.
func (l *life) tries(callID string) {
	l.mu.Lock()
	if _, known := l.trying[callID]; !known {
		l.trying[callID] = time.Now()
	}
	l.mu.Unlock()
}

func (l *life) decided(callID string) {
	l.mu.Lock()
	delete(l.trying, callID)
	l.mu.Unlock()
}

// busy tells whether the PBX has taken a call not long ago and not got any further with it.
func (l *life) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, since := range l.trying {
		if time.Since(since) < busyLimit {
			return true
		}
	}
	return false
}

func (l *life) answered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers
}

// since tells whether the far end gave a sign of life after t: any, or one that will do for good. A PBX that has answered
// OPTIONS must speak SIP; of one that never has, a pong will do, even one without its payload, as Home Assistant's ingress
// sends them.
func (l *life) since(t time.Time) (something, enough bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	something = !l.heard.Before(t)
	if l.answers {
		return something, !l.spoke.Before(t)
	}
	return something, something
}

// silent tells whether the PBX never said anything in SIP.
func (c *conn) silent() bool {
	c.life.mu.Lock()
	defer c.life.mu.Unlock()
	return c.life.spoke.IsZero()
}

// fresh tells whether the far end spoke within d.
func (l *life) fresh(d time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.spoke.IsZero() && time.Since(l.spoke) < d
}

var (
	errSilent = errors.New("the PBX does not answer any more")
	errClosed = errors.New("closed by the far end")
	errStuck  = errors.New("the far end takes nothing more")
)

// silence says how the PBX went silent: an answer to pings without SIP points at a proxy whose PBX is gone.
func (l *life) silence() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.spoke
	if last.IsZero() {
		last = l.opened
	}
	pings := ""
	if l.heard.Sub(last) > time.Second {
		pings = ", though the way to it is up"
	}
	return fmt.Errorf("%w: silent for %s%s", errSilent, roughly(time.Since(last)), pings)
}

// ended says how the far end closed the connection, and after how long without traffic: a reverse proxy with an idle limit
// shows by it.
func (l *life) ended(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	l.mu.Lock()
	last := l.heard
	if l.sent.After(last) {
		last = l.sent
	}
	idle, age := roughly(time.Since(last)), roughly(time.Since(l.opened))
	l.mu.Unlock()
	how := "without a goodbye"
	if ce := (websocket.CloseError{}); errors.As(err, &ce) {
		how = fmt.Sprintf("with code %d", int(ce.Code))
		if reason := printable(ce.Reason); reason != "" {
			how += " (" + reason + ")"
		}
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the connection broke after %s idle, %s after it was opened: %w", idle, age, err)
	}
	return fmt.Errorf("%w %s after %s idle, %s after it was opened: %w", errClosed, how, idle, age, err)
}

func roughly(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// printable makes a text of the peer fit for an error: one short line.
func printable(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(displayName(s), ""))
	if len(s) > 80 {
		s = s[:80]
	}
	return strings.ToValidUTF8(s, "")
}
