package phone

import (
	"context"
	"errors"
	"testing"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// mending is a talk whose re-INVITEs go to the tablet.
func mending(t *testing.T) (*door, *tablet, *call, *leg, chan string) {
	t.Helper()
	d, kitchen, l := talk(t, doorOptions{})
	hears(t, "the kitchen", kitchen.engine, doorHz)
	offers := make(chan string, 8)
	l.mu.Lock()
	l.reinvited = func(_ context.Context, offer string) (string, error) {
		offers <- offer
		return kitchen.answer(offer), nil
	}
	l.mu.Unlock()
	return d, kitchen, d.talking(), l, offers
}

// talking is the call of visit 1 that is up.
func (d *door) talking() *call {
	d.t.Helper()
	d.phone.mu.Lock()
	v := d.phone.visits[1]
	d.phone.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.up
}

func TestAPathInTroubleIsRestarted(t *testing.T) {
	d, kitchen, c, l, offers := mending(t)
	c.onTrouble("nothing is heard")
	c.onTrouble("nothing is heard")
	<-offers
	eventually(t, "the restart", func() bool { return d.log.has("has agreed to the ICE restart") })
	_, before := kitchen.video()
	heard := kitchen.sound()
	eventually(t, "sound and picture go on", func() bool { _, keys := kitchen.video(); return kitchen.sound() > heard+50 && keys >= before })
	hears(t, "the kitchen", kitchen.engine, doorHz)
	hears(t, "the door", d.engine, kitchenHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	if n := d.visitLine()["ice_restarts"]; n != 1.0 {
		t.Errorf("%v restarts", n)
	}
}

func TestARestartThatIsRefusedLeavesTheTalk(t *testing.T) {
	d, kitchen, c, l, _ := mending(t)
	l.mu.Lock()
	l.reinvited = nil
	l.mu.Unlock()
	c.onTrouble("nothing is heard")
	eventually(t, "the refusal", func() bool { return d.log.has("no ICE restart") })
	heard := kitchen.sound()
	eventually(t, "the sound goes on", func() bool { return kitchen.sound() > heard+50 })
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestAnOfferOfThePBXWhileOneOfTheDoorIsOpenIsPending(t *testing.T) {
	d, kitchen, c, l, _ := mending(t)
	sdp := kitchen.pc.LocalDescription().SDP
	crossed := make(chan error, 1)
	l.mu.Lock()
	l.reinvited = func(ctx context.Context, _ string) (string, error) {
		_, err := l.handler.Reoffer(ctx, sdp)
		crossed <- err
		return "", &sip.RejectedError{Status: 488}
	}
	l.mu.Unlock()
	c.onTrouble("nothing is heard")
	if err := <-crossed; !errors.Is(err, sip.ErrPending) {
		t.Errorf("the offer that crossed was met by %v", err)
	}
	eventually(t, "the refusal", func() bool { return d.log.has("no ICE restart") })
	if _, err := l.handler.Reoffer(context.Background(), sdp); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

// TestAnOfferOfThePBXMeetsARenewalThatHasJustBegun, after the phone has looked and before it is told.
func TestAnOfferOfThePBXMeetsARenewalThatHasJustBegun(t *testing.T) {
	d, kitchen, c, l, _ := mending(t)
	_, err := c.peer.Renew(context.Background(), peer.Renewal{})
	check(t, err)
	if _, err = l.handler.Reoffer(context.Background(), kitchen.pc.LocalDescription().SDP); !errors.Is(err, sip.ErrPending) {
		t.Errorf("it was met by %v", err)
	}
	c.peer.Withdraw()
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestATalkThatEndsDuringARestart(t *testing.T) {
	d, _, c, l, _ := mending(t)
	asked := make(chan struct{})
	l.mu.Lock()
	l.reinvited = func(ctx context.Context, _ string) (string, error) {
		close(asked)
		<-ctx.Done() // the connection to the PBX is away
		return "", context.Cause(ctx)
	}
	l.mu.Unlock()
	c.onTrouble("nothing is heard")
	<-asked
	l.end(sip.EndedByTimer)
	d.ended(station.OutcomeTalked)
}
