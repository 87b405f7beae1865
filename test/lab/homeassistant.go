package lab

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// HomeAssistantOptions say what is special about a Home Assistant.
type HomeAssistantOptions struct {
	// Name is the home's; default "The lab".
	Name string
	// OwnerIs is what its first user is called; default "The owner".
	OwnerIs string
	// Port is that of its server; default 8123.
	Port int
	// SIPCore are the settings that SIP Core gives out; nil: it is not set up.
	SIPCore any
	// NoIntegration: SIP Core is not installed.
	NoIntegration bool
	// BanAfter is login_attempts_threshold; 0: nobody is banned.
	BanAfter int
	// NotOnboarded: nobody has made the first user yet.
	NotOnboarded bool
	// Network is where it is; nil is the lab's own.
	Network *Network
	// Config is added to its configuration.yaml.
	Config string
	// Components is a directory with custom integrations that it has as well; Python one whose modules come before its own.
	Components, Python string
}

// HomeAssistant is a Home Assistant Core as it is installed, without a Supervisor; a stand-in for the SIP Core integration is in it, which
// answers what a door station asks. Its first user, [OwnerName], has made it ready.
type HomeAssistant struct {
	// URL is its address on loopback, or that of its Network.
	URL string

	dir, part string
	opt       HomeAssistantOptions
	proc      *Process
	owner     *HomeSession
	restarts  int
}

// The first user of the lab's Home Assistants.
const (
	OwnerName     = "owner"
	OwnerPassword = "household-secret-1"
)

// startLimit is how long a Home Assistant may take to start: on a slow machine, before anything of it was compiled.
const startLimit = 4 * time.Minute

// StartHomeAssistant starts a Home Assistant, which the end of the test stops.
func StartHomeAssistant(t T, o HomeAssistantOptions) *HomeAssistant {
	t.Helper()
	if o.Name == "" {
		o.Name = "The lab"
	}
	if o.OwnerIs == "" {
		o.OwnerIs = "The owner"
	}
	if o.Port == 0 {
		o.Port = 8123
	}
	host := "127.0.0.1"
	if o.Network != nil {
		host = o.Network.Addr
	}
	h := &HomeAssistant{
		URL: fmt.Sprintf("http://%s", net.JoinHostPort(host, fmt.Sprint(o.Port))), opt: o,
		dir: filepath.Join(Out(t), "homeassistant"), part: filepath.Join(Cache(), "homeassistant"),
	}
	if err := h.configure(); err != nil {
		t.Fatalf("lab: Home Assistant: %v", err)
	}
	t.Cleanup(func() {
		h.Stop()
		if t.Failed() {
			t.Logf("--- the end of Home Assistant's log (all of it: %s)\n%s", h.logPath(), Tail(h.Log(t), 60))
		}
	})
	h.Start(t)
	if !o.NotOnboarded {
		h.onboard(t)
	}
	return h
}

// configure writes its directory.
func (h *HomeAssistant) configure() error {
	if err := os.RemoveAll(h.dir); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "homeassistant:\n  name: %q\n  auth_mfa_modules: [{type: totp, name: Authenticator app}]\n", h.opt.Name)
	b.WriteString("frontend:\nzeroconf:\n")
	fmt.Fprintf(&b, "http:\n  server_port: %d\n  ip_ban_enabled: true\n", h.opt.Port)
	if h.opt.BanAfter > 0 {
		fmt.Fprintf(&b, "  login_attempts_threshold: %d\n", h.opt.BanAfter)
	}
	if !h.opt.NoIntegration {
		b.WriteString("sip_core_stand_in:\n")
	}
	b.WriteString(h.opt.Config)
	components := filepath.Join(h.dir, "custom_components")
	if err := os.MkdirAll(components, 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(components, "sip_core_stand_in"), os.DirFS(source("homeassistant/sip_core_stand_in"))); err != nil {
		return err
	}
	if h.opt.Components != "" {
		if err := os.CopyFS(components, os.DirFS(h.opt.Components)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(h.dir, "configuration.yaml"), []byte(b.String()), 0o600); err != nil {
		return err
	}
	return h.writeSIPCore(h.opt.SIPCore)
}

func (h *HomeAssistant) writeSIPCore(v any) error {
	path := filepath.Join(h.dir, "sip-core.json")
	if v == nil {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	// In its place at once: half a file is never read.
	if err = os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// SetSIPCore changes SIP Core's settings, as a person does in Home Assistant; nil takes them away.
func (h *HomeAssistant) SetSIPCore(t T, v any) {
	t.Helper()
	if err := h.writeSIPCore(v); err != nil {
		t.Fatalf("lab: Home Assistant: %v", err)
	}
}

// Start starts a Home Assistant that was stopped, with all it knew, and waits until it serves.
func (h *HomeAssistant) Start(t T) {
	t.Helper()
	python := Command{
		Path: source("run-in-root.sh"),
		Args: []string{
			filepath.Join(h.part, "root"), "usr/bin/python3.14", "-m", "homeassistant", "--config", h.dir, "--skip-pip", "--ignore-os-check",
		},
		Env: []string{
			"PYTHONHOME=" + filepath.Join(h.part, "root", "usr"), "PYTHONPATH=" + strings.TrimPrefix(h.opt.Python+":"+filepath.Join(h.part, "site"), ":"), "PYTHONNOUSERSITE=1",
		},
	}
	if h.opt.Network != nil {
		python = h.opt.Network.Command(python)
	}
	h.restarts++
	h.proc = launch(t, fmt.Sprintf("homeassistant-%d", h.restarts), python, nil)
	deadline := time.Now().Add(startLimit)
	for !h.serves() {
		select {
		case <-h.proc.Done():
			t.Fatalf("lab: Home Assistant ended:\n%s", Tail(h.proc.Output(), 40))
		case <-t.Context().Done():
			t.Fatalf("lab: %v", t.Context().Err())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("lab: Home Assistant does not serve after %v:\n%s", startLimit, Tail(h.proc.Output(), 40))
		}
	}
}

// serves says whether all of it is there: its server listens before the integrations are.
func (h *HomeAssistant) serves() bool {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	path := "/api/sip-core/config"
	if h.opt.NoIntegration {
		path = "/manifest.json"
	}
	// It takes GET alone, and says so before it looks at a token, so that this is no wrong login.
	resp, err := client.Head(h.URL + path)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // there is none
	return resp.StatusCode == http.StatusMethodNotAllowed
}

// Stop ends it in peace.
func (h *HomeAssistant) Stop() {
	h.proc.Stop(30 * time.Second)
}

// Log is what it has written to its log since its last start.
func (h *HomeAssistant) Log(t T) string {
	t.Helper()
	text, err := os.ReadFile(h.logPath())
	if err != nil {
		t.Errorf("lab: Home Assistant: %v", err)
	}
	return string(text)
}

func (h *HomeAssistant) logPath() string { return filepath.Join(h.dir, "home-assistant.log") }
