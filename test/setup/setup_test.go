package setup

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"doorstation/internal/control"
	"doorstation/internal/settings"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// TestMain runs the tests in the lab.
func TestMain(m *testing.M) { os.Exit(lab.Main(m, "asterisk", "popup")) }

const (
	doorName, doorPassword, doorFactor = "door", "garden-gate-7", "424242"
)

// family is a household with a tablet in the kitchen, a user for the door who can log in, and no door yet.
func family(t *testing.T) *house.House {
	t.Helper()
	// Apart: at the lab's address that is not loopback, where it can be announced.
	return house.Prepare(t, house.Options{Apart: true, Home: func(o *homestub.Options) {
		o.User.IsAdmin = false
		o.Accounts = []homestub.Account{{
			Username: doorName, Password: doorPassword, User: o.User,
			Factors: []homestub.Factor{{ID: "totp", Name: "Authenticator app", Code: doorFactor}},
		}}
	}})
}

// door is the place of a local file that is not there yet.
func door(t *testing.T) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	return dir, []string{
		"--config", filepath.Join(dir, "etc", "config.yaml"), "--socket", filepath.Join(dir, "control.sock"), "--state-dir", filepath.Join(dir, "state"),
	}
}

// rings starts the agent with what setup wrote, presses the bell, and waits until the kitchen's popup rings, is answered and opens the door.
func rings(t *testing.T, h *house.House, flags []string) {
	t.Helper()
	kitchen := lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", MicHz: 700, WSURL: h.WSURL()})
	kitchen.WaitRegistered(patience)
	lab.Start(t, "agent", lab.Command{Path: binary(t), Args: append([]string{"run"}, flags...)})
	client := control.NewClient(flags[3])
	status := func(want string, is func(control.Status) bool) {
		t.Helper()
		lab.Eventually(t, patience, want, func() bool {
			s, err := client.Status(context.Background())
			return err == nil && is(s)
		})
	}
	status("the door registered", func(s control.Status) bool { return s.Registration.State == "registered" })
	if _, err := client.Press(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	kitchen.WaitRinging(patience)
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	kitchen.WaitPicture(patience)
	status("talking", func(s control.Status) bool { return s.Visit.State == "talking" })
	kitchen.SendDigit(house.Code, lab.DigitByINFO)
	status("the lock open", func(s control.Status) bool { return s.GPIO.LockOpenings == 1 })
}

// mode checks who may read a file.
func mode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got&^want != 0 {
		t.Errorf("%s may be read by others: %v, want at most %v", path, got, want)
	}
}

// turn is a question and its answer: on a console, and with the keys of a terminal.
type turn struct{ question, line, keys string }

// conversation are the questions of a setup from Home Assistant's address to the last one before "Is that right?". Nothing is announced
// and there is no hardware.
func conversation(h *house.House) []turn {
	return []turn{
		{"The address of Home Assistant", h.URL(), h.URL()},
		{"How does the door get in?", "1", ""},
		{"logs in with?", doorName, doorName},
		{"The password?", doorPassword, doorPassword},
		{"second factor? (Authenticator app)", doorFactor, doorFactor},
		{"Which of SIP Core's users is the door?", "", ""},
		{"Who rings when somebody presses the button?", "1", ""},
		{"For how long does it ring?", "", ""},
		{"Which camera looks at the visitor?", "1", up},
		{"Is this the right camera?", "y", ""},
		{"With what does the visitor talk?", "", ""},
		{"What now?", "", ""}, // no pins here
		{"Is there a relay", "y", "y"},
		{"is at which pin?", "", ""},
		{"open the door?", "", ""},
		{"Is there a light", "n", "n"},
	}
}

// announce lets avahi announce a household, until the test ends.
func announce(t *testing.T, h *house.House) {
	t.Helper()
	u, err := url.Parse(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	lab.AnnounceHome(t, nil, lab.Announcement{Name: "Villa Kunterbunt", Port: port, UUID: "u-villa", Version: "2026.10.1", InternalURL: h.URL()})
}

// TestFromNothingToAPopupThatRings: Home Assistant is found by multicast DNS, a login with a second factor makes the token, and all else is
// answered on a console.
func TestFromNothingToAPopupThatRings(t *testing.T) {
	h := family(t)
	announce(t, h)
	dir, flags := door(t)
	s := open(t, plain(), append([]string{"setup"}, flags...)...)
	s.sees("Villa Kunterbunt  " + h.URL())
	s.sees("> ")
	s.types("1\n")
	for _, turn := range conversation(h)[1:] {
		s.answers(turn.question, turn.line)
	}
	s.answers("Is that right?", "1")
	s.sees("Written:")
	s.sees("Check of the whole chain")
	if status := s.wait(); status != 0 {
		t.Fatalf("setup ended with %d", status)
	}
	if strings.Contains(s.text(), doorPassword) || strings.Contains(s.text(), doorFactor) {
		t.Error("password or code stand on the screen")
	}
	mode(t, filepath.Join(dir, "etc", "config.yaml"), 0o640)
	mode(t, filepath.Join(dir, "etc", "token"), 0o600)
	made := h.Home.Tokens()
	if len(made) != 1 {
		t.Fatalf("Home Assistant has %d tokens, want the door's alone: %+v", len(made), made)
	}
	rings(t, h, flags)
}

// TestUnattended: the same without anybody, by flags; the token by the standard input.
func TestUnattended(t *testing.T) {
	h := family(t)
	_, flags := door(t)
	args := append([]string{
		"setup", "--unattended", "--home-assistant", h.URL(), "--token-file", "-", "--call", "101", "--camera", "test", "--sound", "none",
		"--simulated", "--lock", "GPIO27", "--code-from-popup", "--no-light",
	}, flags...)
	cmd := exec.Command(binary(t), args...)
	cmd.Stdin = strings.NewReader(house.Token + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), house.Token) || strings.Contains(string(out), lab.Password) {
		t.Errorf("a secret was printed:\n%s", out)
	}
	rings(t, h, flags)
}

// TestUnattendedSaysWhatIsMissing: status 78 and the flag that says it, and nothing written.
func TestUnattendedSaysWhatIsMissing(t *testing.T) {
	h := family(t)
	for _, c := range []struct {
		name, says string
		args       []string
		status     int
	}{
		{"a token", "--token-file", nil, 78},
		{"whom to call", "--call", []string{"--token-file", "TOKEN"}, 78},
		{"the button", "--button", []string{"--token-file", "TOKEN", "--call", "101"}, 78},
		{"the code", "--code-from-popup", []string{"--token-file", "TOKEN", "--call", "101", "--button", "GPIO17", "--lock", "GPIO27"}, 78},
		{"an extension that is not there", "type=endpoint", []string{"--token-file", "TOKEN", "--extension", "8009"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, flags := door(t)
			token := filepath.Join(dir, "given")
			if err := os.WriteFile(token, []byte(house.Token), 0o600); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"setup", "--unattended", "--home-assistant", h.URL(), "--camera", "none", "--sound", "none"}, flags...)
			for _, a := range c.args {
				args = append(args, strings.ReplaceAll(a, "TOKEN", token))
			}
			cmd := exec.Command(binary(t), args...)
			cmd.Env = append(os.Environ(), "DOORSTATION_TOKEN=")
			out, _ := cmd.CombinedOutput() // the status is looked at
			if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(string(out), c.says) {
				t.Errorf("status %d, want %d with %q:\n%s", got, c.status, c.says, out)
			}
			if _, err := os.Stat(filepath.Join(dir, "etc")); err == nil {
				t.Error("something was written")
			}
		})
	}
}

// TestADryRunPrintsTheFile: nothing but the local file on the standard output, which reads as one.
func TestADryRunPrintsTheFile(t *testing.T) {
	h := family(t)
	dir, flags := door(t)
	cmd := exec.Command(binary(t), append([]string{
		"setup", "--unattended", "--dry-run", "--home-assistant", h.URL(), "--token-file", "-", "--call", "101", "--camera", "test",
		"--sound", "none", "--button", "GPIO17", "--no-lock",
	}, flags...)...)
	cmd.Stdin = strings.NewReader(house.Token)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	l, err := settings.ParseLocal("the output", out)
	if err != nil || l.HomeAssistant.URL != h.URL() || l.Buttons[0].Pin.Name != "GPIO17" || l.Lock != nil {
		t.Errorf("%v: %+v", err, l)
	}
	if _, err = os.Stat(filepath.Join(dir, "etc")); err == nil {
		t.Error("something was written")
	}
}
