package homeassistant

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// patience is how long a program may take for what should be there soon, on a busy machine.
const patience = 2 * time.Minute

// TestADoorFromNothing: setup logs in with a second factor, the door registers at Asterisk by the settings that it is given, and lives
// through a restart of Home Assistant, a token that is deleted, and a new one.
func TestADoorFromNothing(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
	home := lab.StartHomeAssistant(t, lab.HomeAssistantOptions{BanAfter: 4})
	user := home.AddUser(t, "The door", doorUser, doorPassword)
	page := home.LogIn(t, user)
	secret := page.SetFactor(t)
	core := house.SIPCore()
	core["users"].([]any)[1].(map[string]any)["ha_username"] = user.ID
	core["custom_wss_url"] = strings.Replace(pbx.HTTPURL(), "http", "ws", 1) + "/ws"
	home.SetSIPCore(t, core)

	binary := house.Build(t)
	dir := t.TempDir()
	flags := []string{
		"--config", filepath.Join(dir, "etc", "config.yaml"), "--socket", filepath.Join(dir, "s"), "--state-dir", filepath.Join(dir, "state"),
	}
	answers := strings.Join([]string{"1", doorUser, doorPassword, lab.Code(t, secret, time.Now()), "", "1", ""}, "\n")
	out := doorstation(t, binary, answers, slices.Concat([]string{
		"setup", "--plain", "--home-assistant", home.URL, "--call", "101", "--ring", "20s", "--camera", "test", "--sound", "test", "--simulated",
		"--no-lock", "--no-light",
	}, flags)...)
	for _, want := range []string{`as the user "The door"`, "Written:", "Check of the whole chain"} {
		if !strings.Contains(out, want) {
			t.Errorf("setup never said %q:\n%s", want, out)
		}
	}
	made := slices.DeleteFunc(page.Tokens(t), func(k lab.HomeToken) bool { return k.Type != "long_lived_access_token" })
	if len(made) != 1 || !strings.HasPrefix(made[0].ClientName, "doorstation ") {
		t.Fatalf("the door's user has the tokens %+v", made)
	}

	lab.Start(t, "agent", lab.Command{Path: binary, Args: append([]string{"run"}, flags...)})
	client := control.NewClient(flags[3])
	until := func(what string, is func(control.Status) bool) {
		t.Helper()
		lab.Eventually(t, patience, what, func() bool {
			s, err := client.Status(context.Background())
			return err == nil && is(s)
		})
	}
	faulty := func(code string) func(control.Status) bool {
		return func(s control.Status) bool { return house.FaultOf(s, code) != nil }
	}
	registered := func(s control.Status) bool { return s.Registration.State == "registered" && len(s.Faults) == 0 }
	until("registered", registered)
	if checked := doorstation(t, binary, "", append([]string{"check"}, flags...)...); !strings.Contains(checked, "The door") {
		t.Errorf("check does not name Home Assistant's user:\n%s", checked)
	}
	if wrong := strings.Count(home.Log(t), "invalid authentication"); wrong != 0 {
		t.Errorf("Home Assistant counts %d wrong logins of a door that is right", wrong)
	}

	home.Stop()
	until("Home Assistant is missed", faulty("home_assistant_unreachable"))
	home.Start(t)
	until("Home Assistant is back", registered)

	page.Delete(t, made[0].ClientName)
	until("the token is refused", faulty("token_refused"))
	until("the token is not shown again", func(s control.Status) bool {
		f := house.FaultOf(s, "token_refused")
		return f != nil && strings.Contains(f.Detail, "not asked with it before")
	})
	if wrong := strings.Count(home.Log(t), "invalid authentication"); wrong != 1 {
		t.Errorf("Home Assistant counts %d wrong logins, want the one that showed that the token is gone", wrong)
	}
	token := filepath.Join(dir, "etc", "token")
	if err := os.WriteFile(token, []byte(page.LongLived(t, "another")), 0o600); err != nil {
		t.Fatal(err)
	}
	until("the new token is good", registered)
}

// doorstation runs a command to its end and returns what it prints.
func doorstation(t *testing.T, binary, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	// Files, as on a console that is a pipe.
	in, out := filepath.Join(lab.Out(t), args[0]+".in"), filepath.Join(lab.Out(t), args[0]+".out")
	if err := os.WriteFile(in, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	stdin, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stdout
	cmd.Env = append(os.Environ(), "DOORSTATION_TOKEN=")
	runErr := cmd.Run()
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if runErr != nil {
		t.Errorf("%s: %v\n%s", args[0], runErr, text)
	}
	return string(text)
}
