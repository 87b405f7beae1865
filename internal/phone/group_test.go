package phone

import (
	"fmt"
	"testing"

	"doorstation/internal/sip"
	"doorstation/internal/station"
)

func TestTheFirstAnswerWinsAndTheOthersAreCancelled(t *testing.T) {
	d, hall := newDoor(t, doorOptions{}), newTablet(t)
	d.ring("101", "102", "103")
	a, b, c := d.rings("101"), d.rings("102"), d.rings("103")
	a.ringing()
	c.reject(&sip.RejectedError{Status: 486})
	eventually(t, "the busy one is noted", func() bool { return d.log.has("target not reached") })
	l := hall.pickUp(b)
	if got := next[station.Answered](d); got.Target != "102" {
		t.Errorf("answered by %s", got.Target)
	}
	a.cancelled(t)
	hears(t, "the hall", hall.engine, doorHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	line := d.visitLine()
	if got := fmt.Sprint(line["targets"]); got != "map[101:cancelled 102:talked 103:busy]" {
		t.Errorf("targets: %s", got)
	}
}

func TestALoserWhoseAnswerCrossedTheCancelIsHungUp(t *testing.T) {
	d, kitchen, hall := newDoor(t, doorOptions{}), newTablet(t), newTablet(t)
	d.ring("101", "102")
	a, b := d.rings("101"), d.rings("102")
	b.crosses = make(chan struct{})
	l := kitchen.pickUp(a)
	b.cancelled(t)
	crossed := &leg{sdp: hall.answer(b.offer), handler: b.handler, done: make(chan struct{})}
	b.result <- result{leg: crossed}
	close(b.crosses)
	crossed.hungUp(t)
	next[station.Answered](d)
	hears(t, "the kitchen", kitchen.engine, doorHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestWhenAllFailTheStrongestAnswerCounts(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101", "102", "103")
	a, b, c := d.rings("101"), d.rings("102"), d.rings("103")
	b.ringing()
	a.reject(&sip.RejectedError{Status: 500})
	b.reject(&sip.RejectedError{Status: 480, Rang: true})
	c.reject(&sip.RejectedError{Status: 486})
	d.ended(station.OutcomeBusy)
	line := d.visitLine()
	if got := fmt.Sprint(line["targets"]); got != "map[101:unreachable 102:declined 103:busy]" {
		t.Errorf("targets: %s", got)
	}
	watch := line["after_press"].(map[string]any)
	for _, mark := range []string{"invite_ms", "ringing_ms"} {
		if _, ok := watch[mark].(float64); !ok {
			t.Errorf("a visit nobody answered has no %s: %v", mark, watch)
		}
	}
	if watch["answer_ms"] != nil {
		t.Errorf("nobody answered, yet: %v", watch)
	}
}

func TestTheStationGivesUpWhileItRings(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101")
	in := d.rings("101")
	in.ringing()
	next[station.Ringing](d)
	d.phone.Hangup(1, station.OutcomeNoAnswer)
	in.cancelled(t)
	d.ended(station.OutcomeNoAnswer)
}

func TestTheAgentStopsWhileItRings(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101")
	in := d.rings("101")
	d.phone.Close()
	in.cancelled(t)
	d.ended(station.OutcomeStopped)
	d.phone.Call(2, Request{Plan: station.Plan{Steps: [][]string{{"101"}}}})
	if got := next[station.CallEnded](d); got.Visit != 2 || got.Outcome != station.OutcomeStopped {
		t.Errorf("a call after the end: %+v", got)
	}
}

func TestAVisitThatIsOnIsNotBegunAgain(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101")
	in := d.rings("101")
	d.ring("101")
	in.reject(&sip.RejectedError{Status: 486})
	d.ended(station.OutcomeBusy)
	if n := d.pbx.invites(); n != 1 {
		t.Errorf("%d INVITEs", n)
	}
}
