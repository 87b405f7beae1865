package phone

import (
	"fmt"
	"testing"
	"time"

	"doorstation/internal/sip"
	"doorstation/internal/station"
)

const (
	soon  = 30 * time.Millisecond
	never = time.Hour
)

// notThere is how Asterisk says that nobody is registered as an extension.
func notThere() error { return &sip.RejectedError{Status: 503, Q850: 34} }

func TestTheNextStepRingsBesideTheFirst(t *testing.T) {
	d, study := newDoor(t, doorOptions{}), newTablet(t)
	d.follow(station.Plan{Steps: [][]string{{"101"}, {"102", "101"}, {"103"}}, Step: soon, KeepRinging: true})
	a := d.rings("101")
	a.ringing()
	d.rings("102").ringing()
	c := d.rings("103")
	c.ringing()
	if err := a.ctx.Err(); err != nil {
		t.Errorf("the first step was cancelled: %v", err)
	}
	l := study.pickUp(a)
	c.cancelled(t)
	next[station.Answered](d)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	if n := d.pbx.invites(); n != 3 {
		t.Errorf("%d INVITEs for three targets", n)
	}
}

func TestTheNextStepTakesThePlaceOfTheFirst(t *testing.T) {
	d, study := newDoor(t, doorOptions{}), newTablet(t)
	d.follow(station.Plan{Steps: [][]string{{"101", "104"}, {"104", "102"}}, Step: soon})
	a, both := d.rings("101"), d.rings("104")
	a.ringing()
	both.ringing()
	b := d.rings("102")
	a.cancelled(t)
	if err := both.ctx.Err(); err != nil {
		t.Errorf("a target of both steps was cancelled: %v", err)
	}
	l := study.pickUp(b)
	if got := next[station.Answered](d); got.Target != "102" {
		t.Errorf("answered by %s", got.Target)
	}
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	if got := fmt.Sprint(d.visitLine()["targets"]); got != "map[101:no_answer 102:talked 104:cancelled]" {
		t.Errorf("targets: %s", got)
	}
}

func TestTheNextStepComesAtOnceWhenNobodyOfTheFirstCanAnswer(t *testing.T) {
	d, study := newDoor(t, doorOptions{}), newTablet(t)
	d.follow(station.Plan{Steps: [][]string{{"101", "104"}, {"102"}}, Step: never})
	d.rings("101").reject(&sip.RejectedError{Status: 486})
	d.rings("104").reject(notThere())
	b := d.rings("102")
	b.ringing()
	// Who was not there may still come.
	l := study.pickUp(d.rings("104"))
	b.cancelled(t)
	if got := next[station.Answered](d); got.Target != "104" {
		t.Errorf("answered by %s", got.Target)
	}
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestAllStepsFail(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.follow(station.Plan{Steps: [][]string{{"101"}, {"102"}}, Step: never})
	d.rings("101").reject(&sip.RejectedError{Status: 486})
	d.rings("102").reject(&sip.RejectedError{Status: 500})
	d.ended(station.OutcomeBusy)
}

func TestATabletThatWakesUpIsFound(t *testing.T) {
	for _, away := range []error{notThere(), &sip.RejectedError{Status: 480}, &sip.RejectedError{Status: 404}} {
		t.Run(away.Error(), func(t *testing.T) {
			d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
			d.ring("101")
			for range 3 {
				d.rings("101").reject(away)
			}
			next[station.NobodyThere](d)
			l := kitchen.pickUp(d.rings("101"))
			next[station.Ringing](d)
			next[station.Answered](d)
			hears(t, "the kitchen", kitchen.engine, doorHz)
			l.end(sip.EndedByFar)
			d.ended(station.OutcomeTalked)
		})
	}
}

func TestATabletThatDeclinesIsNotRungAgain(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101")
	in := d.rings("101")
	in.ringing()
	in.reject(&sip.RejectedError{Status: 480, Q850: 19, Rang: true})
	d.ended(station.OutcomeDeclined)
	if n := d.pbx.invites(); n != 1 {
		t.Errorf("%d INVITEs", n)
	}
}

func TestNobodyComes(t *testing.T) {
	for _, c := range []struct {
		name  string
		other error // of a second target
		want  station.Outcome
	}{
		{"nobody is registered", notThere(), station.OutcomeNotRegistered},
		{"one is busy", &sip.RejectedError{Status: 486}, station.OutcomeBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDoor(t, doorOptions{})
			d.ring("101", "102")
			d.rings("101").reject(notThere())
			d.rings("102").reject(c.other)
			next[station.NobodyThere](d)
			d.rings("101") // again; it is silent now
			d.phone.Hangup(1, station.OutcomeNoAnswer)
			d.ended(c.want)
		})
	}
}

func TestOneRingsToTheEndAndOneNeverCame(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101", "102")
	d.rings("101").reject(notThere())
	d.rings("102").ringing()
	next[station.Ringing](d)
	d.rings("101")
	d.phone.Hangup(1, station.OutcomeNoAnswer)
	d.ended(station.OutcomeNoAnswer)
	if got := fmt.Sprint(d.visitLine()["targets"]); got != "map[101:not_registered 102:no_answer]" {
		t.Errorf("targets: %s", got)
	}
}
