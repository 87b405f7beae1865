package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// Where things are. packagesEnv names the package and, after a colon, the same with a higher version.
const (
	packagesEnv = "DOORSTATION_VM_PACKAGES"
	imageEnv    = "DOORSTATION_VM_IMAGE"
)

const (
	kitchenHz = 700 // what is said in the kitchen
	doorHz    = 500 // what is said at the door
)

// TestMain builds the machine's image before it goes where there is no network.
func TestMain(m *testing.M) {
	if os.Getenv(imageEnv) == "" {
		image, err := "", Ready()
		if err == nil {
			image, err = Image()
		}
		if err == nil {
			err = os.Setenv(imageEnv, image)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(lab.Main(m))
}

// street is a household whose door is a machine with the package installed.
type street struct {
	*house.House
	*Door
	t            *testing.T
	kitchen      *lab.Popup
	older, newer string // packages: the one that is installed, and an upgrade
	endTurn      func() // lets others have a call; see turn
}

// calls is held by the machine that has a call. An emulated processor encodes a picture by itself alone: two at a time take several times as
// long as one after the other, on a computer with two of its own.
var calls sync.Mutex

// turn waits until no other machine has a call. It is this one's turn until endTurn, or until the step is over.
func (s *street) turn() {
	s.t.Helper()
	calls.Lock()
	s.endTurn = sync.OnceFunc(calls.Unlock)
	s.t.Cleanup(s.endTurn)
}

// step is one thing that happens at the door. Steps build on each other: booting and installing for each would take the time of all.
type step struct {
	name string
	do   func(*street)
}

// TestTheDoorsLife installs the package and goes through the life of a door, from the first start to its removal.
func TestTheDoorsLife(t *testing.T) {
	t.Parallel()
	open(t, 0).walk([]step{
		{"apt installs it, and it waits for its settings", (*street).install},
		{"it registers", (*street).configure},
		{"the bell rings, the household sees and talks, the lock opens", (*street).visit},
		{"the disk is full", (*street).fullDisk},
		{"an upgrade waits for the call that is up", (*street).upgrade},
		{"the power goes while it writes", (*street).powerCut},
		{"it boots without Home Assistant", (*street).withoutHome},
		{"it boots with a root file system that is read-only", (*street).readOnly},
		{"it is removed and purged", (*street).purge},
	})
}

// TestTheDoorsTroubles lets processes die and hang, and pulls out what can be pulled out.
func TestTheDoorsTroubles(t *testing.T) {
	t.Parallel()
	open(t, 1).walk([]step{
		{"it is installed and registers", (*street).settle},
		{"killed with the lock open: the lock closes and the door is back", (*street).killed},
		{"a process that hangs is found by the watchdog", (*street).hangs},
		{"the guard's own program can't be run", (*street).withoutGuardProgram},
		{"agent and guard are killed with the lock open: systemd closes it", (*street).bothKilled},
		{"agent and guard hang with the lock open: the watchdog closes it", (*street).bothHang},
		{"the camera is pulled out and put back", (*street).camera},
		{"the camera's module is removed and inserted", (*street).cameraModule},
		{"the network cable is pulled out and put back", (*street).cable},
		{"idle, it writes nothing", (*street).quiet},
	})
}

// open makes a household with a machine that has booted, and nothing on it. Households at the same time have numbers of their own.
func open(t *testing.T, number int, home ...func(*homestub.Options)) *street {
	t.Helper()
	packages := strings.Split(os.Getenv(packagesEnv), ":")
	if len(packages) != 2 {
		t.Fatalf("%s must name the package and a newer one: make test-vm does", packagesEnv)
	}
	for i, p := range packages {
		if abs, err := filepath.Abs(p); err == nil {
			packages[i] = abs
		}
	}
	pbx := lab.Ports{WS: 8088, WSS: 8089, SIP: 5060, SIPS: 5061, RTP: lab.PortRange{From: 10000 + 2000*number, To: 11999 + 2000*number}}
	for _, port := range []*int{&pbx.WS, &pbx.WSS, &pbx.SIP, &pbx.SIPS} {
		*port += 100 * number
	}
	options := house.Options{Apart: true, Asterisk: lab.AsteriskOptions{Ports: pbx}, Home: func(o *homestub.Options) {
		for _, change := range home {
			change(o)
		}
	}}
	s := &street{
		t: t, House: house.Prepare(t, options), Door: &Door{Start(t, os.Getenv(imageEnv))}, older: packages[0], newer: packages[1],
	}
	t.Logf("the machine was there after %v", s.StartedIn.Round(time.Millisecond))
	t.Cleanup(func() {
		if t.Failed() {
			out, err := s.try("tail -n 5 /run/tone.log; cat /proc/asound/Loopback/cable*; journalctl --no-pager -o short-precise | tail -n 200; doorstation status")
			t.Logf("the machine's journal (%v):\n%s", err, out)
		}
	})
	s.kitchen = lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", MicHz: kitchenHz, WSURL: s.PBX.WSURL()})
	s.kitchen.WaitRegistered(Patience)
	return s
}

func (s *street) walk(steps []step) {
	t := s.t
	for _, step := range steps {
		began := time.Now()
		if !t.Run(step.name, func(t *testing.T) {
			s.t, s.Machine.t = t, t
			step.do(s)
		}) {
			s.t, s.Machine.t = t, t
			t.FailNow() // the next step builds on this one
		}
		s.t, s.Machine.t = t, t
		t.Logf("%-70s %v", step.name, time.Since(began).Round(100*time.Millisecond))
	}
}

// talk rings and answers, once in a step.
func (s *street) talk() {
	s.t.Helper()
	s.turn()
	s.PressBell()
	s.kitchen.WaitRinging(Patience)
	s.kitchen.Answer()
	s.kitchen.WaitTalking(Patience)
}

// ring rings, and is declined: the door works.
func (s *street) ring() {
	s.t.Helper()
	s.PressBell()
	s.kitchen.WaitRinging(Patience)
	s.kitchen.Decline()
	s.Until("the visit over", Idle)
}
