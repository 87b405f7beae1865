package phone

import (
	"sync"
	"testing"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// The lock listens to digits: only those of the one who is talked to may get to it.

func TestADigitOfACallThatLostIsNotHeard(t *testing.T) {
	d, kitchen, study := newDoor(t, doorOptions{}), newTablet(t), newTablet(t)
	d.ring("101", "102")
	a, b := d.rings("101"), d.rings("102")
	a.crosses = make(chan struct{}) // its end takes its time
	crossed := &leg{sdp: "v=nonsense", handler: a.handler, done: make(chan struct{})}
	over := sync.OnceFunc(func() {
		a.result <- result{leg: crossed}
		close(a.crosses)
	})
	defer over()
	kitchen.announces(d, a)
	next[station.EarlyMedia](d)
	hears(t, "the door", d.engine, kitchenHz) // the kitchen's packets arrive
	kitchen.press(1)
	eventually(t, "the kitchen's digit arrives before the answer", func() bool { return d.log.has("digit ignored") })
	l := study.pickUp(b)
	next[station.Answered](d)
	a.handler.Digit(sip.Digit{Value: '2'})
	kitchen.press(3)
	over()
	crossed.hungUp(t)
	crossed.handler.Digit(sip.Digit{Value: '4'})
	l.handler.Digit(sip.Digit{Value: '5'})
	if got := next[station.Digit](d); got.Digit != '5' {
		t.Errorf("%q came from a call that nobody talks on", got.Digit)
	}
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestACallThatIsAnsweredByAnotherThanWasHeardRingsAgain(t *testing.T) {
	d, announcement, kitchen := newDoor(t, doorOptions{}), newTablet(t), newTablet(t)
	d.ring("101")
	in := d.rings("101")
	announcement.announces(d, in)
	next[station.EarlyMedia](d)
	first := in.answer(kitchen.answer(in.offer))
	first.hungUp(t)
	again := d.rings("101")
	if !d.log.has(peer.ErrForked.Error()) {
		t.Errorf("why is not told:\n%s", d.log.String())
	}
	tablet := newTablet(t)
	// This time what is announced before the answer is let pass, so that whoever answers can be talked to.
	again.handler.Progress(183, "Session Progress", newTablet(t).answer(again.offer))
	l := tablet.pickUp(again)
	next[station.Answered](d)
	hears(t, "the door", d.engine, kitchenHz)
	hears(t, "the kitchen", tablet.engine, doorHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}
