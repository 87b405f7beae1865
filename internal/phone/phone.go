// Package phone makes calls: one call is a signalling leg, a peer connection and the media between the
// camera, the sound device and the far side. It dials the targets of a press step by step, tries those again that are not
// there, keeps the first that answers and cancels the others, mends the path of a call that is up, and tells the station what
// happened in the station's own words.
package phone

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/bandwidth"
	"doorstation/internal/camera"
	"doorstation/internal/peer"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// Leg is one established signalling leg (an INVITE dialog, RFC 3261 section 12).
type Leg interface {
	// Answer is the SDP of the 200 OK.
	Answer() string
	// Reinvite offers another session description and returns the answer to it. While the connection to the PBX is away it waits.
	Reinvite(ctx context.Context, offer string) (answer string, err error)
	// Hangup sends BYE; it is safe to call more than once.
	Hangup(ctx context.Context) error
	// Done is closed when the leg is over, whoever ended it.
	Done() <-chan struct{}
}

// Signalling places legs. ErrNotRegistered and the other errors are those of package sip.
type Signalling interface {
	Invite(ctx context.Context, target, offer string, h sip.Handler) (Leg, error)
}

// Offers hands out peer connections whose offer and candidates are ready, for calls of the door and to it.
type Offers interface {
	Take(ctx context.Context) (*peer.Peer, error)
	// Answer makes a peer connection of somebody else's offer, and the answer to it.
	Answer(ctx context.Context, offer string) (p *peer.Peer, answer string, agreed peer.Negotiated, err error)
}

// Line is what a call is placed with: it changes as a whole when the settings change, and a visit keeps the
// line it began with.
type Line struct {
	Signalling Signalling
	Offers     Offers
	// Ready says whether a call could be placed now; nil: always. A call waits for it a while before it takes an offer.
	Ready func() bool
	// Nudge asks for the connection to be made now and not after its pause; nil: nothing can be done. It must not block.
	Nudge func()
	// Video says whether the offers carry video, so that the camera is woken at the press.
	Video bool
}

// Options are the rooms a phone is built on.
type Options struct {
	Camera *camera.Hub
	Audio  *audio.Engine
	// Bitrate bounds what the network makes of the camera's bit rate during a call; the zero value leaves it alone.
	Bitrate bandwidth.Limits
	// Events receives what happens, in order for each visit. It must not block.
	Events func(station.Event)
	Log    *slog.Logger
	Now    func() time.Time
}

// Phone makes the calls of the visits.
type Phone struct {
	opt     Options
	persist persistence
	rates   *rates

	mu      sync.Mutex
	line    *Line
	visits  map[station.VisitID]*visit
	looks   map[station.LookID]*look
	lookIDs station.LookID // given out so far
	closed  bool
	wg      sync.WaitGroup
}

// Request is whom to call and why.
type Request struct {
	Plan station.Plan
	// Button is the name of the button that was pressed and PressedAt when; for the log line and its stopwatch.
	Button    string
	PressedAt time.Time
}

// New builds a phone without a line: a call waits a while for SetLine and ends as station.OutcomeOffline without it.
func New(o Options) *Phone {
	return &Phone{
		opt: o, persist: defaultPersistence(), rates: newRates(o),
		visits: map[station.VisitID]*visit{}, looks: map[station.LookID]*look{},
	}
}

// SetLine changes what the next visits are placed with, and those that wait for a line; nil takes it away. Visits that have one
// keep it.
func (p *Phone) SetLine(l *Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = l
}

// ReleaseLine takes the line away unless a visit or a look uses it, which it says with false. Visits that begin afterwards wait for the
// next SetLine.
func (p *Phone) ReleaseLine() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.visits {
		if v.line != nil {
			return false
		}
	}
	if len(p.looks) > 0 {
		return false
	}
	p.line = nil
	return true
}

// lineFor gives a visit the line that is there, once; nil while there is none.
func (p *Phone) lineFor(v *visit) *Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.line == nil {
		v.line = p.line
	}
	return v.line
}

// Call starts a visit: the targets of the plan are called. It returns without waiting; the events tell the rest,
// the last of them always being station.CallEnded.
func (p *Phone) Call(id station.VisitID, r Request) {
	p.mu.Lock()
	closed, known := p.closed, p.visits[id] != nil
	if !closed && !known {
		p.begin(id, r)
	}
	p.mu.Unlock()
	switch {
	case known: // its own end is still to come
		p.opt.Log.Error("the visit is on already", "visit", uint64(id))
	case closed:
		p.opt.Events(station.CallEnded{Visit: id, Outcome: station.OutcomeStopped})
	}
}

// begin starts the goroutine of a visit. The caller holds mu.
func (p *Phone) begin(id station.VisitID, r Request) {
	v := newVisit(p, id, r)
	p.visits[id] = v
	p.wg.Go(func() {
		outcome := v.run()
		p.ended(id, outcome)
	})
}

// hungUp is the cause of a visit's end that the station decided on.
type hungUp struct{ outcome station.Outcome }

// Error makes it usable as the cause of a context.
func (h hungUp) Error() string { return "hung up by the station: " + string(h.outcome) }

// Hangup ends the visit, ringing or talking; why is the outcome its log line shows. CallEnded follows once nothing
// of it is up any more.
func (p *Phone) Hangup(id station.VisitID, why station.Outcome) {
	p.mu.Lock()
	v := p.visits[id]
	p.mu.Unlock()
	if v != nil {
		v.cancel(hungUp{why})
	}
}

// Close hangs up what is on and waits until it is over.
func (p *Phone) Close() {
	p.mu.Lock()
	p.closed = true
	for _, v := range p.visits {
		v.cancel(hungUp{station.OutcomeStopped})
	}
	for _, l := range p.looks {
		l.cancel(hungUp{station.OutcomeStopped})
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *Phone) ended(id station.VisitID, outcome station.Outcome) {
	p.mu.Lock()
	delete(p.visits, id)
	p.mu.Unlock()
	p.opt.Events(station.CallEnded{Visit: id, Outcome: outcome})
}
