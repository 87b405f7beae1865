package control

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files anew")

func at(hour, minute, second int) time.Time {
	return time.Date(2026, 11, 23, hour, minute, second, 0, time.UTC)
}

func ptr[T any](v T) *T { return &v }

func talkingStatus() Status {
	return Status{
		Version: "0.2.0", Started: at(8, 0, 5),
		Registration: Registration{
			State: "registered", Extension: "104", Server: "homeassistant.local", Transport: "ingress",
			Since: ptr(at(8, 0, 6)), Expires: ptr(at(14, 12, 0)),
		},
		Settings: Settings{
			Origin: "fresh", Fetched: ptr(at(14, 7, 50)), Changed: ptr(at(9, 15, 2)), Applied: ptr(at(9, 15, 2)), Waiting: true,
		},
		Visit: Visit{State: "talking", Button: "Front door", Targets: []string{"101", "102"}, AnsweredBy: "102", Since: ptr(at(14, 7, 12))},
		GPIO:  GPIO{Chip: "header", Lock: "on", Light: "on", LockOpenings: 3, Buttons: []Button{{Name: "Front door", Level: "off", Presses: 3, Glitches: 12, Edges: "proven"}}},
		Door:  Door{Mode: "blocked", Blocked: "tamper", Contact: "open", Tamper: true, WrongCodes: 9, LockOuts: 1},
		Camera: Camera{
			Source: "test", State: "running", Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000,
			BitrateTarget: 1_500_000, Readers: 1, Frames: 5400, KeyFrames: 12,
		},
		Sound: Sound{Device: "test", State: "running", FarLevel: ptr(-18.24), FarFrequency: ptr(439.8), NearLevel: ptr(-20.0),
			Echo: "full_duplex", EchoDelay: ptr(61.3), EchoLoss: ptr(27.4), MicrophoneGain: ptr(5.6), Volume: 100,
			Call:  &CallSound{MicrophoneMuted: true, Volume: 60},
			Voice: &Voice{Delay: 45, Target: 60, Received: 4700, Lost: 240, Late: 2, Rebuilt: 200, MadeUp: 42, Shortened: 7, Lengthened: 3}},
		Calls: Calls{
			Visits: 12, Answered: 9, IgnoredPresses: 2,
			Last: &LastCall{Outcome: "talked", At: at(13, 59, 0), Button: "Front door", AnsweredBy: "101", TalkSeconds: 34.2},
		},
		WarmOffers: WarmOffers{Ready: 2, Want: 2},
		ICE:        ICE{Servers: 2, Host: 3, Reflexive: 1, Relay: 1},
		Visits: []PastVisit{
			{
				Number: 12, Button: "Front door", At: at(13, 59, 0), Ended: at(13, 59, 46), Called: []string{"101", "102"}, Outcome: "talked", AnsweredBy: "101",
				RingSeconds: 11.6, TalkSeconds: 34.2, Openings: []Opening{{At: at(13, 59, 20), By: "101"}, {At: at(13, 59, 30), By: "101", Person: "Ann"}},
			},
			{Number: 11, Button: "Garden", At: at(11, 2, 0), Ended: at(11, 2, 45), Called: []string{"103"}, Outcome: "no_answer", RingSeconds: 45, Openings: []Opening{}},
		},
		Page:    Page{Address: "127.0.0.1:9518", Viewers: 1},
		Runtime: Runtime{Goroutines: 61, HeapBytes: 4_718_592},
	}
}

func faultyStatus() Status {
	return Status{
		Version: "0.2.0", Started: at(8, 0, 5),
		Registration: Registration{
			State: "refused", Extension: "door", BackupUser: true, Server: "homeassistant.local:8123", Transport: "custom_wss_url",
			Since: ptr(at(8, 0, 6)), Retry: ptr(at(8, 1, 6)), Error: "403 Forbidden\r\nby \x1b[31mthe PBX\x1b[0m",
		},
		Settings: Settings{Origin: "kept", Fetched: ptr(at(7, 30, 0)), Refused: true, Applied: ptr(at(8, 0, 6))},
		Visit:    Visit{State: "idle", Since: ptr(at(8, 0, 5))},
		Look:     &Look{State: "looking", Caller: "102", Loudspeaker: true, Since: at(8, 2, 0)},
		GPIO:     GPIO{Chip: "absent", Lock: "absent", Light: "fault"},
		Camera: Camera{
			Source: "v4l2", State: "restarting", Width: 640, Height: 480, Framerate: 15, Bitrate: 499_600,
			BitrateTarget: 499_600, BitrateCause: "delay", Frames: 1, KeyFrames: 1,
			Device: "/dev/video0 (HD Webcam)", Capture: "640x480 YUYV 15/s", Encoder: "openh264", Late: 2, Broken: 13,
		},
		Sound:      Sound{Device: "none", State: "idle"},
		Calls:      Calls{Visits: 1, IgnoredPresses: 1, Looks: 2, RefusedCallers: 1, Last: &LastCall{Outcome: "offline", At: at(8, 1, 0), Button: "Front door"}},
		WarmOffers: WarmOffers{Want: 2},
		Faults: []Fault{
			{
				Code: "registration_refused", Severity: "error", Title: "The PBX refuses the door's password.",
				Detail: "403 Forbidden for door at homeassistant.local:8123 with every one of the three ways to ask that it offers",
				Remedy: "Give the door's user in SIP Core's settings (users, password) the password of its extension in Asterisk.",
				Since:  at(8, 0, 6),
			},
			{
				Code: "backup_user", Severity: "warning", Title: "The door uses the backup user.",
				Remedy: "Add a user for the door to SIP Core's settings.", Since: at(8, 0, 5),
			},
		},
	}
}

func TestText(t *testing.T) {
	for name, status := range map[string]Status{"talking": talkingStatus(), "faulty": faultyStatus(), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			got := status.Text()
			golden(t, name+".txt", got)
			for line := range strings.Lines(got) {
				line = strings.TrimSuffix(line, "\n")
				if n := utf8.RuneCountInString(line); n > textWidth {
					t.Errorf("%d columns: %s", n, line)
				}
				if strings.TrimRight(line, " ") != line || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
					t.Errorf("unclean line %q", line)
				}
			}
		})
	}
}

// TestJSON keeps the names that scripts rely on.
func TestJSON(t *testing.T) {
	for name, status := range map[string]Status{"talking": talkingStatus(), "faulty": faultyStatus()} {
		b, err := json.MarshalIndent(status, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", string(b)+"\n")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is:\n%s\nwant:\n%s", name, got, want)
	}
}
