package phone

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// caller is somebody who calls the door.
type caller struct {
	t      *testing.T
	offer  string
	ctx    context.Context
	cancel context.CancelCauseFunc
	take   func(answer string) string // what the caller answers to the door's offer
	// accepted is given the door's answer before the door goes on, reinvited is the leg's.
	accepted  func(answer string)
	reinvited func(ctx context.Context, offer string) (string, error)
	silent    bool          // the 200 gets no ACK
	refusing  chan struct{} // not nil: a refusal is on its way until this is closed

	mu       sync.Mutex
	rang     bool
	answer   string
	handler  sip.Handler
	leg      *leg
	up       chan struct{} // closed when it is answered
	rejected chan int
}

// callDoor calls the door; an empty offer asks for the door's.
func (d *door) callDoor(offer string) *caller {
	d.t.Helper()
	return d.callDoorWith(&caller{offer: offer})
}

func (d *door) callDoorWith(c *caller) *caller {
	d.t.Helper()
	c.t, c.up, c.rejected = d.t, make(chan struct{}), make(chan int, 1)
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	d.t.Cleanup(func() { c.cancel(nil) })
	d.phone.Incoming(c)
	return c
}

func (c *caller) Caller() string           { return "101" }
func (c *caller) Offer() string            { return c.offer }
func (c *caller) Context() context.Context { return c.ctx }

func (c *caller) Ring() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rang = true
	return nil
}

func (c *caller) Answer(ctx context.Context, answer string, h sip.Handler) (Leg, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", sip.ErrCancelled, context.Cause(ctx))
	}
	c.cancel(sip.ErrDecided)
	if c.silent {
		close(c.up)
		<-ctx.Done()
		return nil, fmt.Errorf("%w: %w", sip.ErrCancelled, context.Cause(ctx))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer, c.handler = answer, h
	c.leg = &leg{handler: h, done: make(chan struct{}), reinvited: c.reinvited}
	if c.accepted != nil {
		c.accepted(answer)
	}
	if c.take != nil {
		c.leg.sdp = c.take(answer)
	}
	close(c.up)
	return c.leg, nil
}

func (c *caller) Reject(status int, _ string) error {
	if c.refusing != nil {
		<-c.refusing
	}
	c.cancel(sip.ErrDecided)
	c.rejected <- status
	return nil
}

// answered waits for the door's 200.
func (c *caller) answered() *leg {
	c.t.Helper()
	select {
	case <-c.up:
		return c.leg
	case status := <-c.rejected:
		c.t.Fatalf("the door refused with %d", status)
	case <-time.After(patience):
		c.t.Fatal("the door does not answer")
	}
	return nil
}

// refused waits for the door's refusal.
func (c *caller) refused(want int) {
	c.t.Helper()
	select {
	case status := <-c.rejected:
		if status != want {
			c.t.Errorf("the door refused with %d, want %d", status, want)
		}
	case <-time.After(patience):
		c.t.Fatal("the door does not refuse")
	}
}

// lookEnded waits for the end of the look and checks that nothing is left.
func (d *door) lookEnded() {
	d.t.Helper()
	next[station.LookEnded](d)
	d.phone.Close()
	if n := d.hub.Status().Readers; n != 0 {
		d.t.Errorf("%d readers of the camera are left", n)
	}
	if n := d.engine.Status().Streams; n != 0 {
		d.t.Errorf("%d streams of sound are left", n)
	}
}

func TestTheStationRefusesACaller(t *testing.T) {
	for why, status := range map[station.Refusal]int{
		station.RefusedForbidden: 403, station.RefusedBusy: 486, station.RefusedUnavailable: 480,
	} {
		t.Run(string(why), func(t *testing.T) {
			d := newDoor(t, doorOptions{})
			c := d.callDoor("")
			k := next[station.Knocked](d)
			if k.Caller != "101" || k.Look != 1 {
				t.Errorf("%+v", k)
			}
			d.phone.Refuse(k.Look, why)
			c.refused(status)
			d.lookEnded()
			if c.rang {
				t.Error("it rang")
			}
		})
	}
}

// TestAPressWaitsForNoRefusal that a socket takes its time with.
func TestAPressWaitsForNoRefusal(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	c := d.callDoorWith(&caller{refusing: make(chan struct{})})
	taken := sync.OnceFunc(func() { close(c.refusing) })
	defer taken()
	d.phone.Refuse(next[station.Knocked](d).Look, station.RefusedForbidden)
	d.ring("101")
	l := kitchen.pickUp(d.rings("101"))
	next[station.Answered](d)
	taken()
	c.refused(403)
	next[station.LookEnded](d)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

// TestALookThatNeverComesUpKeepsNothing once the station has given it up, neither a press nor new settings.
func TestALookThatNeverComesUpKeepsNothing(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	c := d.callDoorWith(&caller{silent: true})
	d.phone.Admit(next[station.Knocked](d).Look)
	c.answered()
	d.ring("101")
	l := kitchen.pickUp(d.rings("101"))
	next[station.Answered](d)
	l.end(sip.EndedByFar)
	next[station.CallEnded](d)
	if d.phone.ReleaseLine() {
		t.Error("the line was taken from under a look")
	}
	d.phone.EndLook(1, station.OutcomeFailed)
	next[station.LookEnded](d)
	if !d.phone.ReleaseLine() {
		t.Error("the line is still held")
	}
}

func TestACallerWhoGivesUpBeforeTheDoorHasDecided(t *testing.T) {
	d := newDoor(t, doorOptions{})
	c := d.callDoor("")
	k := next[station.Knocked](d)
	c.cancel(sip.ErrCancelled)
	next[station.LookEnded](d)
	d.phone.Admit(k.Look)
	d.phone.Refuse(k.Look, station.RefusedBusy)
	d.phone.Loudspeaker(k.Look, true)
	d.phone.EndLook(k.Look, station.OutcomeTalked)
	d.phone.Close()
	select {
	case <-c.up:
		t.Error("it was answered")
	case <-c.rejected:
		t.Error("it was refused")
	case ev := <-d.events:
		t.Errorf("%#v came after the end", ev)
	default:
	}
}

func TestADoorThatIsStoppingOrHasNoLineTakesNoCalls(t *testing.T) {
	d := newDoor(t, doorOptions{noLine: true})
	d.callDoor("").refused(480)
	d.phone.SetLine(d.line())
	c := d.callDoor("")
	next[station.Knocked](d)
	d.phone.Close()
	c.refused(480)
	next[station.LookEnded](d)
	d.callDoor("").refused(480)
}

func TestAnOfferThatCannotBeTaken(t *testing.T) {
	d := newDoor(t, doorOptions{})
	c := d.callDoor("v=nonsense")
	d.phone.Admit(next[station.Knocked](d).Look)
	c.refused(488)
	d.lookEnded()
}

// looks lets the kitchen call the door, asking for the door's offer.
func looks(t *testing.T, d *door, kitchen *tablet) (*caller, *leg) {
	t.Helper()
	c := d.callDoorWith(&caller{take: kitchen.answer})
	d.phone.Admit(next[station.Knocked](d).Look)
	l := c.answered()
	next[station.LookBegan](d)
	return c, l
}

// silent checks that a voice which is known to arrive is not heard at the door.
func (d *door) silent() {
	d.t.Helper()
	if s := d.engine.Status().Far; s.LevelDBFS > audio.SilenceDBFS {
		d.t.Errorf("the loudspeaker is open: %+v", s)
	}
}

func TestSomebodyLooksListensAndSpeaks(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	c, l := looks(t, d, kitchen)
	if !c.rang {
		t.Error("the caller heard no ringing")
	}
	hears(t, "the kitchen", kitchen.engine, doorHz)
	eventually(t, "the kitchen sees the picture", func() bool { _, keys := kitchen.video(); return keys > 0 })
	kitchen.press(5) // the proof that what the kitchen sends arrives
	if got := next[station.LookDigit](d); got.Digit != '5' || got.Look != 1 {
		t.Errorf("digit: %+v", got)
	}
	d.silent()
	d.phone.Loudspeaker(1, true)
	hears(t, "the door", d.engine, kitchenHz)
	d.phone.Loudspeaker(1, false)
	eventually(t, "the loudspeaker is closed", func() bool { return d.engine.Status().Far.LevelDBFS <= audio.SilenceDBFS })
	if d.phone.ReleaseLine() {
		t.Error("the line was taken from under a look")
	}
	l.end(sip.EndedByFar)
	d.lookEnded()
	if !d.log.has(`"msg":"look ended"`) || !strings.Contains(d.log.String(), `"caller":"101","outcome":"talked"`) {
		t.Errorf("the log has no line of the look:\n%s", d.log.String())
	}
}

func TestTheDoorEndsALook(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	_, l := looks(t, d, kitchen)
	d.phone.EndLook(1, station.OutcomeTalked)
	l.hungUp(t)
	d.lookEnded()
}

func TestAVisitIsAnsweredWhileSomebodyLooks(t *testing.T) {
	d, kitchen, study := newDoor(t, doorOptions{}), newTablet(t), newTablet(t)
	_, l := looks(t, d, kitchen)
	d.ring("102")
	other := study.pickUp(d.rings("102"))
	next[station.Answered](d)
	d.phone.EndLook(1, station.OutcomeTalked)
	l.hungUp(t)
	next[station.LookEnded](d)
	hears(t, "the study", study.engine, doorHz)
	hears(t, "the door", d.engine, kitchenHz)
	other.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

// calls lets the kitchen call the door as a popup does: with an offer of its own, for sound only.
func calls(t *testing.T, d *door, kitchen *tablet) (*caller, *leg) {
	t.Helper()
	c := d.callDoor(kitchen.offer())
	d.phone.Admit(next[station.Knocked](d).Look)
	l := c.answered()
	kitchen.accept(c.answer)
	return c, l
}

func TestAPopupThatCallsIsShownThePicture(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	c := d.callDoorWith(&caller{offer: kitchen.offer(), accepted: kitchen.accept, reinvited: func(_ context.Context, offer string) (string, error) {
		return kitchen.answer(offer), nil
	}})
	d.phone.Admit(next[station.Knocked](d).Look)
	l := c.answered()
	next[station.LookBegan](d)
	hears(t, "the kitchen", kitchen.engine, doorHz)
	eventually(t, "the kitchen sees the picture", func() bool { _, keys := kitchen.video(); return keys > 0 })
	d.phone.Loudspeaker(1, true)
	hears(t, "the door", d.engine, kitchenHz)
	l.end(sip.EndedByFar)
	d.lookEnded()
}

func TestAPopupThatWantsNoPictureHearsTheDoor(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	_, l := calls(t, d, kitchen)
	next[station.LookBegan](d)
	eventually(t, "the refusal", func() bool { return d.log.has("takes no picture") })
	hears(t, "the kitchen", kitchen.engine, doorHz)
	l.end(sip.EndedByFar)
	d.lookEnded()
}
