package e2e

import (
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestALateTabletThatWakesByTheNotificationIsRung(t *testing.T) {
	h := house.Open(t, house.Options{Ring: "30s"})
	b := lab.StartBrowser(t)
	h.Door.WaitRegistered()
	h.Door.Press("")
	lab.Eventually(t, patience, "the door knows that nobody is there", func() bool { return strings.Contains(h.Door.Log(), "nobody is there") })
	kitchen := tablet(t, b, h, lab.PopupOptions{})
	registered := time.Now()
	kitchen.WaitRinging(patience)
	if took := time.Since(registered); took > 10*time.Second {
		t.Errorf("it rang %v after it had registered", took)
	}
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	assertPicture(t, kitchen)
	assertHears(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}

func TestALateConnectionWhileItRangRingsAgain(t *testing.T) {
	h, kitchen := evening(t, house.Options{Ring: "60s"}, lab.PopupOptions{})
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	h.PBX.Stop()
	h.Door.Wait(patience, "unregistered", func(s control.Status) bool { return s.Registration.State != "registered" })
	h.PBX.Start(t)
	kitchen.WaitRinging(2 * patience) // it comes back by itself
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	assertHears(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}

func TestALateTabletThatNeverComes(t *testing.T) {
	h, _ := evening(t, house.Options{Targets: []string{"102"}, Ring: "8s"}, lab.PopupOptions{})
	began := time.Now()
	h.Door.Press("")
	h.Door.WaitOutcome(1, "not_registered")
	if took := time.Since(began); took < 7*time.Second || took > 20*time.Second {
		t.Errorf("the visit took %v, want the ring time of 8 s", took)
	}
	assertNoChannels(t, h)
}
