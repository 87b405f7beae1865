package lab_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorstation/test/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// soon is enough for anything that should take well under a second, on a machine that is busy with other things.
const soon = 15 * time.Second

func TestAsteriskStartsTellsAndRestarts(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
	if n := pbx.Channels(t); n != 0 {
		t.Errorf("a fresh Asterisk has %d channels", n)
	}
	if pbx.Registered(t, "101") {
		t.Error("101 is registered although nobody did")
	}
	url := strings.TrimSuffix(strings.TrimPrefix(pbx.WSSURL(), "wss://"), "/ws")
	c, err := tls.Dial("tcp", url, &tls.Config{RootCAs: pbx.CA.Pool()})
	if err != nil {
		t.Fatalf("the lab's authority is not enough to trust %s: %v", url, err)
	}
	if err = c.Close(); err != nil {
		t.Error(err)
	}
	pbx.Restart(t)
	if n := pbx.Channels(t); n != 0 {
		t.Errorf("a restarted Asterisk has %d channels", n)
	}
}

// TestTwoPopupsTalk is the lab's own proof: what one popup plays the other hears, what one shows the other sees.
func TestTwoPopupsTalk(t *testing.T) {
	for _, jssip := range []string{lab.JsSIPCurrent, lab.JsSIPCard} {
		t.Run(jssip, func(t *testing.T) {
			pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
			browser := lab.StartBrowser(t)
			door := browser.Popup(t, lab.PopupOptions{Extension: lab.DoorExtension, WSURL: pbx.WSURL(), SIPVideo: true, MicHz: 700, JsSIP: jssip})
			kitchen := browser.Popup(t, lab.PopupOptions{Extension: "101", WSURL: pbx.WSURL(), MicHz: 1100, JsSIP: jssip})
			door.WaitRegistered(soon)
			kitchen.WaitRegistered(soon)
			if !pbx.Registered(t, "101") {
				t.Error("Asterisk does not show the kitchen's registration")
			}

			door.Dial("101")
			call := kitchen.WaitRinging(soon)
			if call.Number != lab.DoorExtension || call.Name != "Front door" {
				t.Errorf("the kitchen sees a call from %q <%s>", call.Name, call.Number)
			}
			door.WaitProgress(soon)
			kitchen.Screenshot(filepath.Join(lab.Out(t), "ringing.png"))
			kitchen.Answer()
			kitchen.WaitTalking(soon)
			door.WaitTalking(soon)
			kitchen.WaitPicture(soon)
			video := kitchen.WaitFrames(soon, 10)
			// A browser that sends makes its picture smaller on a busy machine; its shape stays.
			if video.Width < 160 || video.Width*3 != video.Height*4 || video.KeyFrames < 1 {
				t.Errorf("the kitchen's picture: %+v", video)
			}
			if frame := kitchen.Frame(); !colourful(frame) {
				t.Error("the kitchen's picture is of one colour")
			}
			kitchen.Screenshot(filepath.Join(lab.Out(t), "talking.png"))
			hears(t, kitchen, 700)
			hears(t, door, 1100)

			kitchen.Hangup()
			if end := door.WaitEnded(soon); end.EndedBy != "remote" {
				t.Errorf("the door's call was ended by %q", end.EndedBy)
			}
			if end := kitchen.WaitEnded(soon); end.EndedBy != "local" {
				t.Errorf("the kitchen's call was ended by %q", end.EndedBy)
			}
			lab.Eventually(t, soon, "no channel is left", func() bool { return pbx.Channels(t) == 0 })
		})
	}
}

func TestEchoThroughLossAndTURN(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
	turn := lab.StartTURN(t)
	browser := lab.StartBrowser(t)
	kitchen := browser.Popup(t, lab.PopupOptions{
		Extension: "101", WSURL: pbx.WSURL(), SIPVideo: true, MicHz: 900, RelayOnly: true,
		ICEServers: []lab.ICEServer{{URLs: []string{turn.URL("udp")}, Username: turn.Username, Credential: turn.Password}},
	})
	kitchen.WaitRegistered(soon)
	kitchen.Dial("900")
	kitchen.WaitTalking(soon)
	// One picture is what there is in any case: Asterisk's Echo passes one request for a key frame on, so that after the first packet that a
	// busy machine loses the picture stands still.
	kitchen.WaitFrames(soon, 1)
	hears(t, kitchen, 900)

	loss := lab.Lose(t, 20)
	lab.Eventually(t, soon, "packets are lost", func() bool { return loss.Dropped(t) > 5 })
	loss.Stop(t)
	kitchen.Hangup()
	kitchen.WaitEnded(soon)
}

func TestDigitsAndRefusals(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{DTMFMode: "info"})
	browser := lab.StartBrowser(t)
	kitchen := browser.Popup(t, lab.PopupOptions{Extension: "101", WSURL: pbx.WSURL()})
	study := browser.Popup(t, lab.PopupOptions{Extension: "102", WSURL: pbx.WSURL(), Busy: true})
	kitchen.WaitRegistered(soon)
	study.WaitRegistered(soon)

	kitchen.Dial("102")
	if end := kitchen.WaitEnded(soon); end.Status != 486 {
		t.Errorf("calling the busy study ends with %d", end.Status)
	}
	study.WaitRejected(soon, 1)

	kitchen.Dial("902") // sends 1234
	kitchen.WaitEnded(soon)
	if got := kitchen.Digits(); got != "1234" {
		t.Errorf("the kitchen got the digits %q", got)
	}
	kitchen.Dial("901") // reads four
	kitchen.WaitTalking(soon)
	for _, d := range "5678" {
		kitchen.SendDigit(string(d), lab.DigitByINFO)
	}
	kitchen.WaitEnded(soon)
	lab.Eventually(t, soon, "Asterisk has read 5678", func() bool { return strings.Contains(pbx.Log(), "LAB-READ 5678") })
}

func TestWrongPasswordIsSeen(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
	popup := lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", Password: "wrong", WSURL: pbx.WSURL()})
	if cause := popup.WaitRegistrationFailed(soon); cause == "" {
		t.Error("no cause")
	}
}
