package phone

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
	"doorstation/internal/peer"
	"doorstation/internal/sip"
	"doorstation/internal/station"

	"doorstation/test/logbuffer"
)

const patience = time.Minute

// The tones of the test devices, by which the two ends know each other.
const (
	doorHz    = 440
	kitchenHz = 600
)

// door is a phone with everything real around it but the PBX.
type door struct {
	t      *testing.T
	phone  *Phone
	hub    *camera.Hub
	engine *audio.Engine
	pool   *peer.Pool
	pbx    *pbx
	events chan station.Event
	log    *logBuffer
}

type doorOptions struct {
	noVideo bool
	noLine  bool
}

func newDoor(t *testing.T, o doorOptions) *door {
	t.Helper()
	d := &door{t: t, pbx: newPBX(), events: make(chan station.Event, 64), log: &logBuffer{}}
	log := slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.hub = camera.NewHub(camera.NewTestSource(time.Now), camera.Params{Width: 160, Height: 128, Framerate: 15, Bitrate: 200_000}, camera.HubOptions{})
	d.engine = audio.NewEngine(audio.NewTestDevice(doorHz), audio.EngineOptions{})
	var err error
	d.pool, err = peer.NewPool(peer.Config{
		Video: !o.noVideo, Loopback: true, GatheringTimeout: 5 * time.Second,
		IncludeInterface: func(name string) bool { return name == "lo" },
	}, 2)
	check(t, err)
	own(t, d.hub.Run)
	own(t, d.engine.Run)
	own(t, d.pool.Run)
	d.phone = New(Options{Camera: d.hub, Audio: d.engine, Log: log, Now: time.Now, Events: func(e station.Event) { d.events <- e }})
	d.phone.persist = persistence{
		pause: 10 * time.Millisecond, limit: 200 * time.Millisecond, late: []time.Duration{10 * time.Millisecond, 20 * time.Millisecond},
	}
	if !o.noLine {
		d.phone.SetLine(d.line())
	}
	t.Cleanup(d.phone.Close)
	return d
}

func (d *door) line() *Line {
	return &Line{Signalling: d.pbx, Offers: d.pool, Video: true}
}

// own runs a room until the end of the test, and waits for it.
func own(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		check(t, <-ended)
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ring presses the bell.
func (d *door) ring(targets ...string) {
	d.follow(station.Plan{Steps: [][]string{targets}, Step: time.Hour})
}

// follow presses a bell that calls in steps.
func (d *door) follow(plan station.Plan) {
	d.phone.Call(1, Request{Plan: plan, Button: "Front door", PressedAt: time.Now()})
}

// next waits for the next event of a kind; what comes before it is passed over.
func next[E station.Event](d *door) E {
	d.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case ev := <-d.events:
			if e, ok := ev.(E); ok {
				return e
			}
			if e, ok := ev.(station.CallEnded); ok {
				d.t.Fatalf("the visit ended as %s\n%s", e.Outcome, d.log.String())
			}
		case <-limit:
			var want E
			d.t.Fatalf("no %T in %v\n%s", want, patience, d.log.String())
		}
	}
}

// ended waits for the end of the visit and checks how it ended, that nothing comes after, and that nothing is left.
func (d *door) ended(want station.Outcome) {
	d.t.Helper()
	if got := next[station.CallEnded](d); got.Outcome != want {
		d.t.Errorf("the visit ended as %s, want %s\n%s", got.Outcome, want, d.log.String())
	}
	d.phone.Close()
	select {
	case ev := <-d.events:
		d.t.Errorf("%#v came after the end", ev)
	default:
	}
	if n := d.hub.Status().Readers; n != 0 {
		d.t.Errorf("%d readers of the camera are left", n)
	}
	if n := d.engine.Status().Streams; n != 0 {
		d.t.Errorf("%d streams of sound are left", n)
	}
}

// visitLine is the one line of the visit.
func (d *door) visitLine() map[string]any {
	d.t.Helper()
	var found []map[string]any
	for line := range strings.Lines(d.log.String()) {
		var m map[string]any
		check(d.t, json.Unmarshal([]byte(line), &m))
		if m["msg"] == "visit ended" {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		d.t.Fatalf("%d lines tell of one visit:\n%s", len(found), d.log.String())
	}
	return found[0]
}

// eventually waits until something is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(limit) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// pbx is the signalling: what a target does is up to the test.
type pbx struct {
	mu     sync.Mutex
	calls  map[string]chan *incoming
	fails  []error // of the next Invites
	broken error   // of all Invites
	asked  int
}

func newPBX() *pbx { return &pbx{calls: map[string]chan *incoming{}} }

// failNext makes the next Invites fail at once.
func (p *pbx) failNext(errs ...error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails = append(p.fails, errs...)
}

// failAll makes all further Invites fail at once.
func (p *pbx) failAll(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = err
}

func (p *pbx) invites() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *pbx) of(target string) chan *incoming {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls[target] == nil {
		p.calls[target] = make(chan *incoming, 8)
	}
	return p.calls[target]
}

// rings waits until the target is called.
func (d *door) rings(target string) *incoming {
	d.t.Helper()
	select {
	case in := <-d.pbx.of(target):
		return in
	case <-time.After(patience):
		d.t.Fatalf("%s is not called\n%s", target, d.log.String())
		return nil
	}
}

// Invite implements Signalling.
func (p *pbx) Invite(ctx context.Context, target, offer string, h sip.Handler) (Leg, error) {
	p.mu.Lock()
	p.asked++
	if p.broken != nil {
		defer p.mu.Unlock()
		return nil, p.broken
	}
	if len(p.fails) > 0 {
		err := p.fails[0]
		p.fails = p.fails[1:]
		p.mu.Unlock()
		return nil, err
	}
	p.mu.Unlock()
	in := &incoming{ctx: ctx, offer: offer, handler: h, result: make(chan result, 1), gone: make(chan struct{})}
	h.Sent(time.Now())
	p.of(target) <- in
	select {
	case r := <-in.result:
		if r.leg == nil {
			return nil, r.err
		}
		return r.leg, nil
	case <-ctx.Done():
	}
	defer close(in.gone)
	if in.crosses != nil {
		<-in.crosses
		return (<-in.result).leg, nil
	}
	return nil, fmt.Errorf("%w: %w", sip.ErrCancelled, context.Cause(ctx))
}

type result struct {
	leg *leg
	err error
}

// incoming is an INVITE at a target.
type incoming struct {
	ctx     context.Context
	offer   string
	handler sip.Handler
	result  chan result
	gone    chan struct{} // closed when it was cancelled
	crosses chan struct{} // not nil: a CANCEL meets a 200, which is there once this is closed
}

func (in *incoming) ringing() { in.handler.Progress(180, "Ringing", "") }

func (in *incoming) reject(err error) { in.result <- result{err: err} }

// answer accepts with an SDP.
func (in *incoming) answer(sdp string) *leg {
	l := &leg{sdp: sdp, handler: in.handler, done: make(chan struct{})}
	in.result <- result{leg: l}
	return l
}

// cancelled waits for the CANCEL.
func (in *incoming) cancelled(t *testing.T) {
	t.Helper()
	select {
	case <-in.ctx.Done():
	case <-time.After(patience):
		t.Fatal("the call was not cancelled")
	}
}

// leg is an answered call.
type leg struct {
	sdp     string
	handler sip.Handler
	once    sync.Once
	done    chan struct{}

	mu sync.Mutex
	// reinvited answers the door's offers; nil: they are refused.
	reinvited func(ctx context.Context, offer string) (string, error)
}

// Answer implements Leg.
func (l *leg) Answer() string { return l.sdp }

// Reinvite implements Leg.
func (l *leg) Reinvite(ctx context.Context, offer string) (string, error) {
	l.mu.Lock()
	answer := l.reinvited
	l.mu.Unlock()
	if answer == nil {
		return "", &sip.RejectedError{Status: 488}
	}
	return answer(ctx, offer)
}

// Hangup implements Leg.
func (l *leg) Hangup(context.Context) error {
	l.end(sip.EndedByUs)
	return nil
}

// Done implements Leg.
func (l *leg) Done() <-chan struct{} { return l.done }

// end is a BYE. As with the real leg, Done is closed before its end is told.
func (l *leg) end(by string) {
	l.once.Do(func() {
		close(l.done)
		l.handler.Ended(sip.End{By: by})
	})
}

// hungUp waits for the door's BYE.
func (l *leg) hungUp(t *testing.T) {
	t.Helper()
	select {
	case <-l.done:
	case <-time.After(patience):
		t.Fatal("the leg was not hung up")
	}
}

// logBuffer gathers the log.
type logBuffer struct{ logbuffer.Buffer }

func (l *logBuffer) has(text string) bool { return strings.Contains(l.String(), text) }
