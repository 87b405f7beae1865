package phone

import (
	"testing"

	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// announces lets a tablet be heard before anybody has answered.
func (f *tablet) announces(d *door, in *incoming) (sdp string) {
	f.t.Helper()
	sdp = f.answer(in.offer)
	in.handler.Progress(183, "Session Progress", sdp)
	return sdp
}

func TestEarlyMediaIsHeardAndTheDoorIsNot(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	d.ring("101")
	in := d.rings("101")
	sdp := kitchen.announces(d, in)
	if e := next[station.EarlyMedia](d); !e.On || e.Visit != 1 {
		t.Errorf("%+v", e)
	}
	hears(t, "the door", d.engine, kitchenHz)
	in.handler.Progress(183, "Session Progress", sdp) // said again
	if packets, _ := kitchen.video(); kitchen.sound() != 0 || packets != 0 {
		t.Errorf("before the answer %d packets of sound and %d of video came from the door", kitchen.sound(), packets)
	}
	l := in.answer(sdp)
	next[station.Answered](d)
	hears(t, "the kitchen", kitchen.engine, doorHz)
	eventually(t, "a picture", func() bool { _, keys := kitchen.video(); return keys > 0 })
	hears(t, "the door", d.engine, kitchenHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestEarlyMediaOfACallThatFailsGivesTheTurnToTheNext(t *testing.T) {
	d, kitchen, study := newDoor(t, doorOptions{}), newTablet(t), newTablet(t)
	d.ring("101", "102")
	a, b := d.rings("101"), d.rings("102")
	kitchen.announces(d, a)
	next[station.EarlyMedia](d)
	hears(t, "the door", d.engine, kitchenHz)
	a.reject(&sip.RejectedError{Status: 486, Rang: true})
	if e := next[station.EarlyMedia](d); e.On {
		t.Errorf("%+v", e)
	}
	study.announces(d, b)
	if e := next[station.EarlyMedia](d); !e.On {
		t.Errorf("%+v", e)
	}
	b.reject(&sip.RejectedError{Status: 486, Rang: true})
	d.ended(station.OutcomeBusy)
}

func TestEarlyMediaIsSilencedByTheAnswerOfAnother(t *testing.T) {
	d, kitchen, study := newDoor(t, doorOptions{}), newTablet(t), newTablet(t)
	d.ring("101", "102")
	a, b := d.rings("101"), d.rings("102")
	kitchen.announces(d, a)
	next[station.EarlyMedia](d)
	l := study.pickUp(b)
	next[station.Answered](d)
	a.cancelled(t)
	eventually(t, "one voice only", func() bool { return d.engine.Status().Streams == 1 })
	hears(t, "the study", study.engine, doorHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestEarlyMediaThatCannotBeTakenLeavesTheTone(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	d.ring("101")
	in := d.rings("101")
	in.handler.Progress(183, "Session Progress", "v=nonsense")
	if !d.log.has("early media can't be taken") {
		t.Error("it is not logged")
	}
	l := kitchen.pickUp(in)
	if e, ok := (<-d.events).(station.Ringing); !ok {
		t.Errorf("%+v came first", e)
	}
	next[station.Answered](d)
	hears(t, "the kitchen", kitchen.engine, doorHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}
