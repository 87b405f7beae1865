package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorstation/internal/control"
	"doorstation/internal/settings"
)

// direct are a household's settings with a way to the PBX that does not lead through Home Assistant.
func (h *house) direct(more ...func(map[string]any)) map[string]any {
	core := with("custom_wss_url", h.exchange)
	for _, change := range more {
		change(core)
	}
	return core
}

// lived lets a door run once, so that its settings are kept.
func (h *house) lived() {
	h.t.Helper()
	h.home.SetSIPCore(h.direct())
	a := h.start("")
	a.registered()
	a.until("the settings kept", func(control.Status) bool { _, err := os.Stat(h.keptFile()); return err == nil })
	a.stop()
}

func (h *house) keptFile() string { return settings.NewStore(h.path("state")).Path() }

func registeredAs(extension string) func(control.Status) bool {
	return func(s control.Status) bool {
		return s.Registration.State == "registered" && s.Registration.Extension == extension
	}
}

func TestWithoutHomeAssistantTheDoorStartsWithWhatItKept(t *testing.T) {
	for _, c := range []struct {
		name, fault string
		instead     http.HandlerFunc
	}{
		{"away", "home_assistant_unreachable", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"a login page", "home_assistant_unreachable", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>login</html>")) //nolint:errcheck // the door may be gone
		}},
		{"the token was revoked", "token_refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }},
		{"still starting", "home_assistant_unreachable", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{"silent", "home_assistant_unreachable", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			kitchen := newTablet(h)
			h.lived()
			h.answers(c.instead)
			a := h.start("")
			s := a.until("registered, with both faults", func(s control.Status) bool {
				return s.Registration.State == "registered" && fault(s, c.fault) != nil && fault(s, "settings_kept") != nil
			})
			if f := fault(s, "settings_kept"); f.Severity != "warning" || !strings.Contains(f.Detail, "ago") || s.Settings.Origin != "kept" || s.Settings.Fetched == nil {
				t.Errorf("%+v, %+v", f, s.Settings)
			}
			a.talks(kitchen)
			kitchen.hangUp()
			a.visit("idle")

			h.home.SetSIPCore(h.direct(func(core map[string]any) {
				core["users"] = users(map[string]any{"ha_username": userID, "extension": "201", "password": password})
			}))
			h.answers(nil)
			s = a.until("registered with the new settings, without faults", func(s control.Status) bool {
				return registeredAs("201")(s) && len(s.Faults) == 0 && s.Settings.Origin == "fresh"
			})
			if s.Settings.Refused || s.Settings.Changed == nil || s.Settings.Applied == nil {
				t.Errorf("%+v", s.Settings)
			}
		})
	}
}

// TestBrokenSettingsAtTheStartAreRefusedForTheKeptOnes: a restart takes nothing in that would have been refused before.
func TestBrokenSettingsAtTheStartAreRefusedForTheKeptOnes(t *testing.T) {
	for name, core := range map[string]any{"a wrong type": "sip_video", "the door is gone": "users", "no object": nil} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.lived()
			if key, ok := core.(string); ok {
				h.home.SetSIPCore(h.direct(func(core map[string]any) { core[key] = []any{} }))
			} else {
				h.home.SetSIPCore([]any{})
			}
			a := h.start("")
			s := a.until("registered with the kept ones", func(s control.Status) bool {
				return registeredAs("200")(s) && fault(s, "settings_refused") != nil && s.Settings.Origin == "kept"
			})
			if !s.Settings.Refused || len(s.Faults) != 1 || s.Settings.Fetched.After(s.Started) {
				t.Errorf("%+v, %+v", s.Settings, s.Faults)
			}
			h.home.SetSIPCore(h.direct())
			a.until("no fault", func(s control.Status) bool {
				return len(s.Faults) == 0 && s.Settings.Origin == "fresh" && registeredAs("200")(s)
			})
		})
	}
}

func TestAMissingTokenDoesNotSilenceABellThatRang(t *testing.T) {
	h := newHouse(t)
	h.lived()
	check(t, os.Remove(h.path("token")))
	a := h.start("")
	a.until("registered, and the fault named", func(s control.Status) bool {
		return registeredAs("200")(s) && fault(s, "token_missing") != nil && fault(s, "settings_kept") != nil
	})
}

func TestKeptSettingsOfAnotherHomeAreNotUsed(t *testing.T) {
	h := newHouse(t)
	h.lived()
	h.away()
	h.url = strings.Replace(h.url, "127.0.0.1", "localhost", 1)
	a := h.start("")
	a.until("Home Assistant unreachable", func(s control.Status) bool { return fault(s, "home_assistant_unreachable") != nil })
	if s, err := a.client.Status(t.Context()); err != nil || s.Registration.State != "offline" || s.Settings.Origin != "none" {
		t.Errorf("%+v %+v %v", s.Registration, s.Settings, err)
	}
}

func TestADamagedFileIsSetAsideAndNamed(t *testing.T) {
	h := newHouse(t)
	h.lived()
	data, err := os.ReadFile(h.keptFile())
	check(t, err)
	check(t, os.WriteFile(h.keptFile(), data[:len(data)/2], 0o600))
	a := h.start("")
	s := a.registered()
	f := fault(s, "settings_corrupt")
	if f == nil || !strings.Contains(f.Detail, h.keptFile()) || !strings.Contains(f.Detail, ".corrupt") {
		t.Fatalf("%+v", f)
	}
	aside := h.keptFile() + ".corrupt"
	if got, readErr := os.ReadFile(aside); readErr != nil || len(got) != len(data)/2 {
		t.Errorf("set aside: %d bytes, %v", len(got), readErr)
	}
	a.until("the settings kept anew", func(control.Status) bool {
		got, readErr := os.ReadFile(h.keptFile())
		return readErr == nil && len(got) == len(data)
	})
	check(t, os.Remove(aside))
	a.until("no fault once the file is away", func(s control.Status) bool { return len(s.Faults) == 0 })
}

func TestADoorThatCannotKeepItsSettingsRunsOn(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	check(t, os.WriteFile(h.path("state"), nil, 0o600)) // a file where the directory should be
	a := h.start("")
	s := a.until("registered, and the fault named", func(s control.Status) bool {
		return registeredAs("200")(s) && fault(s, "settings_not_kept") != nil
	})
	if f := fault(s, "settings_not_kept"); f.Severity != "warning" || !strings.Contains(f.Detail, h.path("state")) {
		t.Errorf("%+v", f)
	}
	a.talks(kitchen)
	kitchen.hangUp()
	a.visit("idle")
}

// TestTheKeptFileIsWrittenForAChangeOnly and holds the secrets for its owner alone.
func TestTheKeptFileIsWrittenForAChangeOnly(t *testing.T) {
	h := newHouse(t)
	h.lived()
	first, err := os.Stat(h.keptFile())
	check(t, err)
	if first.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", first.Mode())
	}
	a := h.start("")
	a.registered()
	asked := h.home.Requests().Config
	a.until("asked often", func(control.Status) bool { return h.home.Requests().Config > asked+3 })
	if again, statErr := os.Stat(h.keptFile()); statErr != nil || !os.SameFile(first, again) {
		t.Errorf("the same was written again: %v", statErr)
	}
	h.home.SetSIPCore(h.direct(func(core map[string]any) { core["new"] = 1 }))
	a.until("another file", func(control.Status) bool {
		again, statErr := os.Stat(h.keptFile())
		return statErr == nil && !os.SameFile(first, again)
	})
	if files, globErr := filepath.Glob(h.path("state") + "/*"); globErr != nil || len(files) != 1 {
		t.Errorf("%v %v", files, globErr)
	}
}
