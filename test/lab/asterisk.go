package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Extension is one of Asterisk's users.
type Extension struct {
	Number, Password, Name string
}

// Password is the password of the extensions that the lab makes when none are named.
const Password = "lab-secret-1234"

// DoorExtension is the number of the door among [DefaultExtensions].
const DoorExtension = "8001"

// DefaultExtensions are the household's 100 to 103 and the door.
func DefaultExtensions() []Extension {
	return []Extension{
		{"100", Password, "Backup"},
		{"101", Password, "Kitchen"},
		{"102", Password, "Study"},
		{"103", Password, "Attic"},
		{DoorExtension, Password, "Front door"},
	}
}

// plainEnv leaves out what keeps Asterisk from a deadlock of its own: see asterisk/icelock.c.
const plainEnv = "DOORSTATION_LAB_PLAIN_ASTERISK"

// Ports of an Asterisk. The lab's network is its own, so they need not change unless two Asterisks run at once.
type Ports struct {
	WS, WSS int
	SIP     int // UDP and TCP
	SIPS    int // TLS; 0: none
	RTP     PortRange
}

// PortRange is a range of ports, both ends included.
type PortRange struct{ From, To int }

// AsteriskOptions are the settings that scenarios vary. The zero value is the add-on with video support on.
type AsteriskOptions struct {
	Extensions    []Extension // default: DefaultExtensions
	NoVideo       bool        // the add-on with video support off
	DTMFMode      string      // dtmf_mode of every endpoint: "" (Asterisk's default), "info", "auto", "auto_info", "rfc4733"
	STUN          string      // stunaddr; the add-on has a public server, see SilentSTUN
	Ports         Ports       // default: 8088, 8089, 5060, 5061, 10000-20000
	Listen        string      // address of signalling, default 127.0.0.1; "0.0.0.0" is every address
	CA            *CA         // who signs the certificate of WSS and TLS; default: an authority of this Asterisk's own
	EndpointExtra []string    // more lines for every endpoint
	DialplanExtra []string    // more lines at the end of the context "default"
	Pasted        string      // text at the end of pjsip.conf, as a person pastes it into the add-on's pjsip_custom.conf
}

// Asterisk is a running Asterisk.
type Asterisk struct {
	Ports Ports
	CA    *CA    // trusts the certificate of WSSURL
	Host  string // where signalling is reached

	dir, root, run string
	proc           *Process
}

// StartAsterisk writes a configuration, starts Asterisk and waits until it serves. It is ended with the test. It
// is up within a second or two.
func StartAsterisk(t T, o AsteriskOptions) *Asterisk {
	t.Helper()
	if o.Extensions == nil {
		o.Extensions = DefaultExtensions()
	}
	if o.Ports == (Ports{}) {
		o.Ports = Ports{WS: 8088, WSS: 8089, SIP: 5060, SIPS: 5061, RTP: PortRange{10000, 20000}}
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1"
	}
	if o.CA == nil {
		o.CA = NewCA(t)
	}
	a := &Asterisk{
		Ports: o.Ports, CA: o.CA, Host: o.Listen,
		root: filepath.Join(Cache(), "asterisk"),
		dir:  filepath.Join(Out(t), "asterisk"),
	}
	if a.Host == "0.0.0.0" {
		a.Host = Addr
	}
	// The path of a Unix socket has room for 107 characters; that of a test's directory may be longer.
	run, err := os.MkdirTemp("", "asterisk")
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	a.run = run
	if err = a.configure(o); err != nil {
		t.Fatalf("lab: configuring Asterisk: %v", err)
	}
	t.Cleanup(func() {
		a.Stop()
		if t.Failed() {
			t.Logf("--- the end of Asterisk's log (all of it: %s)\n%s", a.logPath(), Tail(moduleLoading.ReplaceAllString(a.Log(), ""), 80))
		}
		if err = os.RemoveAll(a.run); err != nil {
			t.Errorf("lab: %v", err)
		}
	})
	a.Start(t)
	return a
}

// moduleLoading is what fills the log at each start.
var moduleLoading = regexp.MustCompile(`(?m)^.* loader\.c: Loading .*\n`)

// Start starts an Asterisk that was stopped, with the same configuration, and waits until it serves.
func (a *Asterisk) Start(t T) {
	t.Helper()
	server := a.command("-f")
	if os.Getenv(plainEnv) == "" {
		server.Env = []string{"LAB_PRELOAD=" + filepath.Join(Cache(), "icelock", "icelock.so")}
	}
	a.proc = launch(t, "asterisk-console", server, nil)
	deadline := time.Now().Add(60 * time.Second)
	for {
		// Until its control socket is there, the command fails.
		if out, err := a.cli("core waitfullybooted"); err == nil && strings.Contains(out, "fully booted") {
			return
		}
		select {
		case <-a.proc.Done():
			t.Fatalf("lab: Asterisk ended while starting:\n%s\n%s", Tail(a.proc.Output(), 20), Tail(a.Log(), 20))
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("lab: Asterisk did not start within a minute:\n%s", Tail(a.Log(), 20))
		}
	}
}

// Stop ends Asterisk as its service would: calls are hung up, connections closed.
func (a *Asterisk) Stop() { a.proc.Stop(5 * time.Second) }

// Kill ends Asterisk without a goodbye to anyone.
func (a *Asterisk) Kill() { a.proc.Kill() }

// Freeze makes Asterisk deaf without closing anything; [Asterisk.Thaw] ends that.
func (a *Asterisk) Freeze() { a.proc.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen Asterisk go on.
func (a *Asterisk) Thaw() { a.proc.Signal(syscall.SIGCONT) }

// Renew gives Asterisk another certificate of its authority and restarts it.
func (a *Asterisk) Renew(t T) {
	t.Helper()
	if err := a.CA.issue(filepath.Join(a.dir, "keys", "cert.pem"), filepath.Join(a.dir, "keys", "key.pem")); err != nil {
		t.Fatalf("lab: %v", err)
	}
	a.Restart(t)
}

// Restart stops and starts Asterisk.
func (a *Asterisk) Restart(t T) {
	t.Helper()
	a.Stop()
	a.Start(t)
}

// WSURL is the WebSocket without TLS.
func (a *Asterisk) WSURL() string { return fmt.Sprintf("ws://%s:%d/ws", a.Host, a.Ports.WS) }

// HTTPURL is Asterisk's HTTP server, the target of Home Assistant's ingress.
func (a *Asterisk) HTTPURL() string { return fmt.Sprintf("http://%s:%d", a.Host, a.Ports.WS) }

// WSSURL is the WebSocket over TLS; its certificate is trusted by [Asterisk.CA] alone.
func (a *Asterisk) WSSURL() string { return fmt.Sprintf("wss://%s:%d/ws", a.Host, a.Ports.WSS) }

// CLI runs a command of Asterisk's console and returns what it prints, such as "pjsip show contacts".
func (a *Asterisk) CLI(t T, command string) string {
	t.Helper()
	out, err := a.cli(command)
	if err != nil {
		t.Fatalf("lab: asterisk %q: %v\n%s", command, err, out)
	}
	return out
}

// Registered tells whether an extension has a contact.
func (a *Asterisk) Registered(t T, extension string) bool {
	t.Helper()
	return strings.Contains(a.CLI(t, "pjsip show aor "+extension), "Contact:  "+extension+"/")
}

var activeChannels = regexp.MustCompile(`(?m)^(\d+) active channels?`)

// Channels is the number of call legs that are up. After a call it must be 0 again.
func (a *Asterisk) Channels(t T) int {
	t.Helper()
	out := a.CLI(t, "core show channels count")
	var n int
	if m := activeChannels.FindStringSubmatch(out); m == nil {
		t.Fatalf("lab: asterisk does not tell its channels: %s", out)
	} else if _, err := fmt.Sscan(m[1], &n); err != nil {
		t.Fatalf("lab: %v", err)
	}
	return n
}

// Log is Asterisk's log so far: notices, warnings, errors, dialplan steps and digits.
func (a *Asterisk) Log() string {
	b, err := os.ReadFile(a.logPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return string(b)
}

// TraceSIP makes Asterisk write every SIP message to its log from now on.
func (a *Asterisk) TraceSIP(t T) {
	t.Helper()
	a.CLI(t, "pjsip set logger on")
}

func (a *Asterisk) logPath() string { return filepath.Join(a.dir, "log", "full") }

// command is Asterisk with arguments, run by the unpacked tree's own loader.
func (a *Asterisk) command(args ...string) Command {
	return Command{
		Path: source("run-in-root.sh"),
		Args: append([]string{a.root, "usr/sbin/asterisk", "-C", filepath.Join(a.dir, "etc", "asterisk.conf")}, args...),
	}
}

func (a *Asterisk) cli(command string) (string, error) {
	c := a.command("-rx", command)
	out, err := exec.Command(c.Path, c.Args...).CombinedOutput()
	return string(bytes.TrimSpace(out)), err
}
