package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

func TestTheDoorRegistersByIngress(t *testing.T) {
	h := house.Open(t, house.Options{})
	s := h.Door.WaitRegistered()
	if r := s.Registration; r.Transport != "ingress" || r.Extension != lab.DoorExtension || r.BackupUser {
		t.Errorf("registration: %+v", r)
	}
	if len(s.Faults) != 0 {
		t.Errorf("faults stand: %+v", s.Faults)
	}
	if !h.PBX.Registered(t, lab.DoorExtension) {
		t.Error("Asterisk does not have the door's contact")
	}
	if status := h.Door.Stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if h.PBX.Registered(t, lab.DoorExtension) {
		t.Error("the door did not unregister")
	}
}

func TestTheDoorRegistersByTLSWithAnOwnCA(t *testing.T) {
	h, kitchen := evening(t, house.Options{ByWSS: true}, lab.PopupOptions{})
	if s := h.Door.WaitRegistered(); s.Registration.Transport != "custom_wss_url" {
		t.Errorf("registration: %+v", s.Registration)
	}
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
}

func TestATLSServerThatIsNotTrustedIsNotTalkedTo(t *testing.T) {
	h := house.Open(t, house.Options{SIPCore: func(core map[string]any) { core["custom_wss_url"] = "wss://127.0.0.1:8089/ws" }})
	fault := h.Door.WaitFault("pbx_unreachable")
	if !strings.Contains(fault.Detail, "certificate") {
		t.Errorf("the fault does not speak of the certificate: %+v", fault)
	}
}

func TestTheBackupUserWorksAndIsAStandingWarning(t *testing.T) {
	h, kitchen := evening(t, house.Options{SIPCore: func(core map[string]any) { core["users"] = []any{} }}, lab.PopupOptions{})
	s := h.Door.WaitRegistered()
	if !s.Registration.BackupUser || s.Registration.Extension != "100" {
		t.Errorf("registration: %+v", s.Registration)
	}
	if f := house.FaultOf(s, "backup_user"); f == nil || f.Severity != "warning" || f.Remedy == "" {
		t.Errorf("the warning: %+v", f)
	}
	answered(t, h, kitchen)
}

func TestWhatAPersonMendsInHomeAssistantMendsTheDoor(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  string
		before func(*homestub.Options)
		mend   func(*homestub.Options)
	}{
		{"SIP Core is not installed", "integration_missing",
			func(o *homestub.Options) { o.NoIntegration = true }, func(o *homestub.Options) { o.NoIntegration = false }},
		{"SIP Core is not set up", "not_set_up",
			func(o *homestub.Options) { o.NotSetUp = true }, func(o *homestub.Options) { o.NotSetUp = false }},
		{"there is no Supervisor and no custom_wss_url", "no_supervisor",
			func(o *homestub.Options) { o.NoSupervisor = true }, func(o *homestub.Options) { o.NoSupervisor = false }},
		{"the add-on is absent", "addon_missing",
			func(o *homestub.Options) { o.NoAddon = true }, func(o *homestub.Options) { o.NoAddon = false }},
		{"no user for the door", "no_user",
			func(o *homestub.Options) { o.SIPCore = map[string]any{"users": []any{}} }, func(o *homestub.Options) { o.SIPCore = house.SIPCore() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := house.Open(t, house.Options{Home: c.before})
			fault := h.Door.WaitFault(c.fault)
			if fault.Remedy == "" || fault.Title == "" {
				t.Errorf("the fault says nothing to do: %+v", fault)
			}
			h.Home.Set(c.mend)
			s := h.Door.Wait(3*patience, "registered after the mend", func(s control.Status) bool {
				return s.Registration.State == "registered" && len(s.Faults) == 0
			})
			if s.Registration.Extension != lab.DoorExtension {
				t.Errorf("registration: %+v", s.Registration)
			}
		})
	}
}

func TestAnotherTokenMendsOneThatIsRefused(t *testing.T) {
	const another = "another-token-of-the-front-door"
	h := house.Open(t, house.Options{Home: func(o *homestub.Options) { o.Token = another }})
	if fault := h.Door.WaitFault("token_refused"); fault.Remedy == "" || fault.Title == "" {
		t.Errorf("the fault says nothing to do: %+v", fault)
	}
	h.Door.PutToken(another)
	h.Door.Wait(3*patience, "registered after the mend", func(s control.Status) bool {
		return s.Registration.State == "registered" && len(s.Faults) == 0
	})
}

func TestAWrongPasswordIsMended(t *testing.T) {
	t.Parallel()
	h := house.Open(t, house.Options{
		Asterisk: lab.AsteriskOptions{Ports: ports(4)},
		Home:     func(o *homestub.Options) { o.SIPCore = wrongPassword() },
	})
	if fault := h.Door.WaitFault("registration_refused"); fault.Remedy == "" {
		t.Errorf("the fault says nothing to do: %+v", fault)
	}
	h.Home.SetSIPCore(house.SIPCore())
	// SIP Core's settings are looked at every 30 s.
	h.Door.Wait(4*patience, "registered after the mend", func(s control.Status) bool {
		return s.Registration.State == "registered" && len(s.Faults) == 0
	})
}

func wrongPassword() map[string]any {
	core := house.SIPCore()
	core["users"] = []any{map[string]any{"ha_username": house.UserID, "extension": lab.DoorExtension, "password": "wrong"}}
	return core
}

func TestABellThatCannotBeReadIsAFaultAndNeverSilentlySimulated(t *testing.T) {
	// This machine has no GPIO header.
	h, kitchen := evening(t, house.Options{GPIO: "auto"}, lab.PopupOptions{})
	fault := h.Door.WaitFault("gpio_unavailable")
	if fault.Severity != "error" || fault.Remedy == "" {
		t.Errorf("the fault: %+v", fault)
	}
	s := h.Door.WaitRegistered()
	if s.GPIO.Chip == "simulated" || s.GPIO.Lock == "off" {
		t.Errorf("status tells of a chip that is not there: %+v", s.GPIO)
	}
	// An installer can still ring from the chair.
	answered(t, h, kitchen)
	kitchen.SendDigit(house.Code, lab.DigitByINFO)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

func TestWrongTypesInSIPCoresSettingsAreNamedAndLivedWith(t *testing.T) {
	h, kitchen := evening(t, house.Options{SIPCore: func(core map[string]any) {
		core["ice_config"] = map[string]any{"iceServers": "stun:example.org", "iceGatheringTimeout": []any{1}}
		core["auto_answer"] = map[string]any{}
	}}, lab.PopupOptions{})
	fault := h.Door.WaitFault("settings_invalid")
	if ice := h.Door.WaitFault("ice_server_invalid"); !strings.Contains(ice.Detail, "iceServers") {
		t.Errorf("the fault does not name iceServers: %s", ice.Detail)
	}
	for _, key := range []string{"iceGatheringTimeout", "auto_answer"} {
		if !strings.Contains(fault.Detail, key) {
			t.Errorf("the fault does not name %s: %s", key, fault.Detail)
		}
	}
	answered(t, h, kitchen)
	assertHears(t, kitchen)
}

func TestAWrongLocalFileEndsWithStatusTwoAndShowsTheLine(t *testing.T) {
	binary := house.Build(t)
	for _, c := range []struct{ name, text, want string }{
		{"an unknown key", "home_assistant:\n  url: http://h:8123\n  tokenfile: /x\nbuttons: [{name: a, pin: GPIO17, call: [101]}]\n", "3"},
		{"a wrong type", "home_assistant: {url: http://h:8123, token_file: /x}\nbuttons:\n  - name: a\n    pin: GPIO17\n    ring: soon\n    call: [101]\n", "5"},
		{"no YAML at all", "home_assistant: [\n", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(binary, "run", "--config", file, "--socket", filepath.Join(t.TempDir(), "s")).CombinedOutput()
			var exit *exec.ExitError
			if !asExit(err, &exit) || exit.ExitCode() != 78 {
				t.Fatalf("it ended with %v, want exit status 78: %s", err, out)
			}
			if !strings.Contains(string(out), file) || !strings.Contains(string(out), c.want) {
				t.Errorf("the message does not name file and line %s:\n%s", c.want, out)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		out, err := exec.Command(binary, "run", "--config", "/does/not/exist.yaml").CombinedOutput()
		var exit *exec.ExitError
		if !asExit(err, &exit) || exit.ExitCode() != 78 || !strings.Contains(string(out), "/does/not/exist.yaml") {
			t.Fatalf("it ended with %v: %s", err, out)
		}
	})
}
