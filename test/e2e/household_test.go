package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// TestMain runs the scenarios, or takes the part of a camera's program when an agent starts this binary as one.
func TestMain(m *testing.M) {
	if role := os.Getenv(cameraRole); role != "" {
		if err := runAsCamera(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "ERROR: ***", err, "***")
			os.Exit(255)
		}
		os.Exit(0)
	}
	os.Exit(lab.Main(m))
}

// How long a person waits for things that should take well under a second, on a busy machine.
const patience = 45 * time.Second

const (
	kitchenHz = 700 // what is said in the kitchen
	studyHz   = 1100
	doorHz    = 440 // what the door's test device says
)

// tablet opens a popup on a wall tablet and waits until it is registered.
func tablet(t *testing.T, b *lab.Browser, h *house.House, o lab.PopupOptions) *lab.Popup {
	t.Helper()
	if o.Extension == "" {
		o.Extension = "101"
	}
	if o.MicHz == 0 {
		o.MicHz = kitchenHz
	}
	o.WSURL = h.WSURL()
	p := b.Popup(t, o)
	p.WaitRegistered(patience)
	return p
}

// evening is a household with one tablet and a door that is registered.
func evening(t *testing.T, ho house.Options, po lab.PopupOptions) (*house.House, *lab.Popup) {
	t.Helper()
	h := house.Open(t, ho)
	p := tablet(t, lab.StartBrowser(t), h, po)
	h.Door.WaitRegistered()
	return h, p
}

func visitState(want string) func(control.Status) bool {
	return func(s control.Status) bool { return s.Visit.State == want }
}

// answered rings the bell, answers at the tablet and waits until both sides talk.
func answered(t *testing.T, h *house.House, p *lab.Popup) {
	t.Helper()
	h.Door.Press("")
	p.WaitRinging(patience)
	p.Answer()
	p.WaitTalking(patience)
	h.Door.Wait(patience, "talking", visitState("talking"))
}

// assertPicture checks that the popup shows the door's picture, that it moves, and that its clock is right.
func assertPicture(t *testing.T, p *lab.Popup) {
	t.Helper()
	p.WaitPicture(patience)
	first := p.WaitFrames(patience, 5)
	if first.Width != 640 || first.Height != 480 {
		t.Errorf("the picture is %dx%d, want 640x480", first.Width, first.Height)
	}
	before, n1 := readClock(t, p)
	p.WaitFrames(patience, first.Shown+15)
	after, n2 := readClock(t, p)
	if !after.After(before) || n2 <= n1 {
		t.Errorf("the clock in the picture stands still: %v (frame %d), then %v (frame %d)", before, n1, after, n2)
	}
	if age := time.Since(after); age < -time.Second || age > 5*time.Second {
		t.Errorf("the clock in the picture says %v, which is %v ago", after, age)
	}
}

func readClock(t *testing.T, p *lab.Popup) (time.Time, uint32) {
	t.Helper()
	at, n, err := camera.ReadClock(p.Frame())
	if err != nil {
		t.Fatalf("the clock in the picture can't be read: %v", err)
	}
	return at, n
}

// assertHears checks that the tablet hears the door.
func assertHears(t *testing.T, p *lab.Popup) {
	t.Helper()
	var heard lab.Sound
	if err := house.Eventually(patience, func() error {
		heard = p.Hear(500 * time.Millisecond)
		return near(heard.Hz, doorHz)
	}); err != nil {
		t.Errorf("the tablet hears %.0f Hz at %.1f dBFS, want the door's %d Hz", heard.Hz, heard.DBFS, doorHz)
	}
}

// assertDoorHears checks that the door hears who speaks at hz.
func assertDoorHears(t *testing.T, d *house.Door, hz float64) {
	t.Helper()
	d.Wait(patience, "hearing the far voice", func(s control.Status) bool {
		return s.Sound.FarFrequency != nil && near(*s.Sound.FarFrequency, hz) == nil && s.Sound.FarLevel != nil && *s.Sound.FarLevel > -40
	})
}

type wrongTone float64

func (w wrongTone) Error() string { return "another tone is heard" }

func near(hz, want float64) error {
	if hz < want-15 || hz > want+15 {
		return wrongTone(hz)
	}
	return nil
}

// ports are those of a PBX of its own, for a scenario that mostly waits and so runs beside others. n is from 1 to 9.
func ports(n int) lab.Ports {
	return lab.Ports{
		WS: 8100 + 10*n, WSS: 8101 + 10*n, SIP: 5100 + 10*n,
		RTP: lab.PortRange{From: 20000 + 1000*n, To: 20900 + 1000*n},
	}
}

// asExit says whether err is the exit status of a process.
func asExit(err error, exit **exec.ExitError) bool { return errors.As(err, exit) }
