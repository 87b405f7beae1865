package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/gpio"
	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
	"doorstation/test/lab/homestub"
)

type optionsOfHome = homestub.Options

func textLog(b *logBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestWhatIsWrongInHomeAssistantIsAFaultUntilItIsMended(t *testing.T) {
	var pbx *url.URL
	for _, c := range []struct {
		name, code   string
		before, mend func(*optionsOfHome)
	}{
		{"the token is refused", "token_refused",
			func(o *optionsOfHome) { o.Token = "another" }, func(o *optionsOfHome) { o.Token = token }},
		{"not installed", "integration_missing",
			func(o *optionsOfHome) { o.NoIntegration = true }, func(o *optionsOfHome) { o.NoIntegration = false }},
		{"not set up", "not_set_up",
			func(o *optionsOfHome) { o.NotSetUp = true }, func(o *optionsOfHome) { o.NotSetUp = false }},
		{"no Supervisor", "no_supervisor",
			func(o *optionsOfHome) { o.NoSupervisor = true }, func(o *optionsOfHome) { o.NoSupervisor = false }},
		{"no add-on", "addon_missing",
			func(o *optionsOfHome) { o.NoAddon = true }, func(o *optionsOfHome) { o.NoAddon = false }},
		{"an add-on that does not answer", "addon_missing",
			func(o *optionsOfHome) { pbx, o.PBX = o.PBX, nil }, func(o *optionsOfHome) { o.PBX = pbx }},
		{"no user", "no_user",
			func(o *optionsOfHome) { o.SIPCore = with("users", nil) }, func(o *optionsOfHome) { o.SIPCore = sipCore() }},
		{"a backup user only", "backup_user",
			func(o *optionsOfHome) {
				core := with("users", nil)
				core["backup_user"] = map[string]any{"extension": "201", "password": password}
				o.SIPCore = core
			}, func(o *optionsOfHome) { o.SIPCore = sipCore() }},
		{"no picture", "no_picture",
			func(o *optionsOfHome) { o.SIPCore = with("sip_video", false) }, func(o *optionsOfHome) { o.SIPCore = sipCore() }},
		{"a wrong type", "settings_invalid",
			func(o *optionsOfHome) { o.SIPCore = with("sip_video", []any{}) }, func(o *optionsOfHome) { o.SIPCore = sipCore() }},
		{"settings that are no object", "settings_invalid",
			func(o *optionsOfHome) { o.SIPCore = []any{1} }, func(o *optionsOfHome) { o.SIPCore = sipCore() }},
		{"a wrong password", "registration_refused",
			func(o *optionsOfHome) {
				o.SIPCore = with("users", []any{map[string]any{"ha_username": userID, "extension": "200", "password": "wrong"}})
			}, func(o *optionsOfHome) { o.SIPCore = sipCore() }},
		{"no answer at custom_wss_url", "pbx_unreachable",
			func(o *optionsOfHome) { o.SIPCore = with("custom_wss_url", "ws://127.0.0.1:9/ws") }, func(o *optionsOfHome) { o.SIPCore = sipCore() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.home.Set(c.before)
			a := h.start("")
			s := a.until("the fault "+c.code, func(s control.Status) bool { return fault(s, c.code) != nil })
			if f := fault(s, c.code); f.Remedy == "" || f.Since.IsZero() {
				t.Errorf("the fault: %+v", f)
			}
			h.home.Set(c.mend)
			a.until("registered and without faults", func(s control.Status) bool {
				return s.Registration.State == "registered" && s.Registration.Extension == "200" && len(s.Faults) == 0
			})
		})
	}
}

func TestAMissingTokenIsAFaultUntilItIsThere(t *testing.T) {
	h := newHouse(t)
	check(t, os.Remove(h.path("token")))
	a := h.start("")
	a.until("token_missing", func(s control.Status) bool { return fault(s, "token_missing") != nil })
	check(t, os.WriteFile(h.path("token"), []byte(token), 0o644))
	check(t, os.Chmod(h.path("token"), 0o644))
	a.registered()
	asked := h.home.Requests().Config
	a.until("Home Assistant was asked again", func(control.Status) bool { return h.home.Requests().Config > asked+1 })
	if n := strings.Count(a.log.String(), "chmod 600"); n != 1 {
		t.Errorf("the open token file was warned about %d times", n)
	}
}

func TestAWrongCAFileIsAFaultUntilItIsMended(t *testing.T) {
	for _, c := range []struct {
		code string
		set  func(l *settings.Local, file string)
	}{
		{"pbx_unreachable", func(l *settings.Local, file string) { l.SIP.TLS.CAFile = file }},
		{"home_assistant_unreachable", func(l *settings.Local, file string) { l.HomeAssistant.TLS.CAFile = file }},
	} {
		t.Run(c.code, func(t *testing.T) {
			h := newHouse(t)
			check(t, os.WriteFile(h.path("ca.pem"), []byte("no certificate"), 0o600))
			a := h.start("", func(l *settings.Local) { c.set(l, h.path("ca.pem")) })
			s := a.until("the fault "+c.code, func(s control.Status) bool { return fault(s, c.code) != nil })
			if d := fault(s, c.code).Detail; !strings.Contains(d, "ca.pem") {
				t.Errorf("the fault does not name the file: %s", d)
			}
			check(t, os.WriteFile(h.path("ca.pem"), certificate(t), 0o600))
			a.until("registered", func(s control.Status) bool { return s.Registration.State == "registered" && len(s.Faults) == 0 })
		})
	}
}

func TestUnknownSettingsAreLoggedOnce(t *testing.T) {
	h := newHouse(t)
	h.home.SetSIPCore(with("brand_new", true))
	a := h.start("")
	a.registered()
	asked := h.home.Requests().Config
	a.until("Home Assistant was asked again", func(control.Status) bool { return h.home.Requests().Config > asked+1 })
	if n := strings.Count(a.log.String(), "brand_new"); n != 1 {
		t.Errorf("the unknown key was logged %d times", n)
	}
}

func standing(r *health.Register) string {
	var codes []string
	for _, f := range r.Standing() {
		codes = append(codes, string(f.Code))
	}
	slices.Sort(codes)
	return strings.Join(codes, " ")
}

func TestOfTheFaultsOfAWayOneStands(t *testing.T) {
	r := health.NewRegister(time.Now, textLog(&logBuffer{}))
	f := faults{r}
	noSuchName := &net.DNSError{Err: "no such host", Name: "pbx.example.com", IsNotFound: true}
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"refused", func() { f.registration(sip.Registration{State: sip.Refused, Err: errors.New("403")}) }, "registration_refused"},
		{"and gone", func() { f.registration(sip.Registration{State: sip.Unreachable, Err: errors.New("no route")}) }, "pbx_unreachable"},
		{"tried again", func() { f.registration(sip.Registration{State: sip.Registering}) }, "pbx_unreachable"},
		{"a name that is not found", func() { f.registration(sip.Registration{State: sip.Unreachable, Err: fmt.Errorf("x: %w", noSuchName)}) }, "pbx_dns"},
		{"Home Assistant's name", func() { f.registration(unreachable(fmt.Errorf("%w: %w", homeassistant.ErrUnreachable, noSuchName))) }, "pbx_unreachable"},
		{"no add-on", func() { f.registration(unreachable(homeassistant.ErrNoAddon)) }, "addon_missing"},
		{"add-on down", func() { f.registration(unreachable(homeassistant.ErrAddonDown)) }, "addon_missing"},
		{"unknown entry", func() { f.registration(unreachable(homeassistant.ErrIngressToken)) }, "addon_missing"},
		{"dead session", func() { f.registration(unreachable(homeassistant.ErrIngressSession)) }, "ingress_session"},
		{"not admin", func() { f.registration(unreachable(homeassistant.ErrNotAdmin)) }, "ingress_session"},
		{"token refused by ingress", func() { f.registration(unreachable(homeassistant.ErrTokenRefused)) }, "token_refused"},
		{"token right again", func() { f.fetch(nil) }, ""},
		{"no Supervisor", func() { f.registration(unreachable(homeassistant.ErrNoSupervisor)) }, "no_supervisor"},
		{"registered", func() { f.registration(sip.Registration{State: sip.Registered}) }, ""},
		{"no token", func() { f.onlyFetch(health.CodeTokenMissing, "") }, "token_missing"},
		{"unreachable", func() { f.fetch(homeassistant.ErrUnreachable) }, "home_assistant_unreachable"},
		{"asked", func() { f.fetch(nil) }, ""},
		{"no user", func() { f.merge(nil, settings.ErrNoUser) }, "no_user"},
		{"no address", func() { f.merge(nil, settings.ErrNoPBXAddress) }, "no_pbx_address"},
		{"a new line", func() { f.merge(nil, nil); f.noLineFault() }, ""},
		{"a bad server and a bad key", func() {
			f.problems([]settings.Problem{{Path: "ice_config.iceServers[0].urls", Message: "x"}, {Path: "sip_video", Message: "y"}}, nil)
		}, "ice_server_invalid settings_invalid"},
		{"mended", func() { f.problems(nil, nil) }, ""},
	} {
		step.do()
		if got := standing(r); got != step.want {
			t.Errorf("%s: %q stands, want %q", step.name, got, step.want)
		}
	}
}

func unreachable(err error) sip.Registration {
	return sip.Registration{State: sip.Unreachable, Err: fmt.Errorf("ingress: %w", err)}
}

func TestAMendedButtonDoesNotHideABrokenOne(t *testing.T) {
	r := health.NewRegister(time.Now, textLog(&logBuffer{}))
	b := &boardFaults{health: r}
	b.take(gpio.Fault{Part: gpio.PartButton, Name: "Front", Err: errors.New("busy")})
	b.take(gpio.Fault{Part: gpio.PartButton, Name: "Back", Err: errors.New("stuck")})
	if d := r.Standing()[0].Detail; d != "Back: stuck; Front: busy" {
		t.Errorf("detail %q", d)
	}
	b.take(gpio.Fault{Part: gpio.PartButton, Name: "Front"})
	if d := r.Standing()[0].Detail; d != "Back: stuck" {
		t.Errorf("detail %q", d)
	}
	b.take(gpio.Fault{Part: gpio.PartButton, Name: "Back"})
	for _, part := range []gpio.Part{gpio.PartChip, gpio.PartLock, gpio.PartLight} {
		b.take(gpio.Fault{Part: part, Err: errors.New("gone")})
	}
	if got := standing(r); got != "gpio_unavailable light_unavailable lock_unavailable" {
		t.Errorf("%q stands", got)
	}
}
