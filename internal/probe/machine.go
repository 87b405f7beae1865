package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/machine"
)

// machineLinks are those of the computer.
func (s *Scene) machineLinks() []check.Link {
	return []check.Link{
		{Name: "machine", Title: "Machine", Run: s.machine},
		{Name: "versions", Title: "Versions", Run: s.versions},
		{Name: "service", Title: "Service", Run: s.service},
	}
}

// machine says how power, temperature, clock, disk, memory and processor are.
func (s *Scene) machine(ctx context.Context, say func(check.Finding)) {
	m := s.Hardware.Machine
	all := hardware.LookAtMachine(hardware.MachineOptions{Machine: m, StateDir: s.StateDir})
	known := map[string]bool{}
	if load, ok := hardware.LoadVerdict(m); ok {
		all = append(all, load)
	}
	for i := range all {
		known[all[i].Name] = true
		if all[i].Name == "clock" {
			s.compareClock(ctx, &all[i])
		}
	}
	if !known["power"] {
		if p, ok := askFirmware(ctx); ok {
			all = append(all, hardware.PowerVerdict(p))
		}
	}
	for _, v := range all {
		f := check.Finding{Link: "machine." + v.Name, Title: v.Title, Code: v.Code, Found: v.Found, Data: v.Data}
		if v.Note && v.Code == "" {
			f.Outcome = check.Note
		}
		say(f)
	}
	if len(all) == 0 {
		say(check.Finding{Outcome: check.Note, Found: "this machine tells nothing of itself"})
	}
}

const (
	// clockOff is by how much the clock may differ from Home Assistant's.
	clockOff   = 30 * time.Second
	clockLimit = 5 * time.Second
	askLimit   = 3 * time.Second
)

// clockData are the figures of the clock.
type clockData struct {
	machine.Clock
	// Off is by how much the clock is ahead of Home Assistant's, as near as a second; nil: not known.
	Off *float64 `json:"ahead_of_home_assistant_s"`
}

// compareClock compares the clock with that of Home Assistant, which says it with each answer (RFC 9110 section 6.6.1, Date).
func (s *Scene) compareClock(ctx context.Context, v *hardware.Verdict) {
	kept, _ := v.Data.(machine.Clock)
	data := clockData{Clock: kept}
	off, ok := s.homeClock(ctx)
	if ok {
		seconds := off.Seconds()
		data.Off = &seconds
		switch {
		case off.Abs() > clockOff:
			v.Code = health.CodeClockWrong
			v.Found = fmt.Sprintf("the clock is %s %s of Home Assistant's", off.Abs().Round(time.Second), aheadOr(off))
		default:
			v.Found += ", and with Home Assistant's"
			if v.Code == health.CodeClockWrong {
				// What nobody keeps may be right all the same, until it runs away.
				v.Code, v.Note, v.Found = "", true, "no time server keeps it right; now it is as Home Assistant's"
			}
		}
	}
	v.Data = data
}

func aheadOr(off time.Duration) string {
	if off > 0 {
		return "ahead"
	}
	return "behind"
}

// homeClock is by how much this machine's clock is ahead of Home Assistant's.
func (s *Scene) homeClock(ctx context.Context) (time.Duration, bool) {
	if s.Local.HomeAssistant.URL == "" {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, clockLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Local.HomeAssistant.URL+"/manifest.json", http.NoBody)
	if err != nil {
		return 0, false
	}
	// No secret is sent and nothing but a time is read: a certificate that a wrong clock refuses must not hide that.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} //nolint:gosec // as said
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	began := s.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, false
	}
	now := s.Now()
	_ = resp.Body.Close() // nothing of it is wanted
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	const half = 2
	// It is told in whole seconds: on average half a second has passed.
	return began.Add(now.Sub(began) / half).Sub(there.Add(time.Second / half)), true
}

// askFirmware asks the Raspberry Pi's program, where the kernel has no file for it.
func askFirmware(ctx context.Context) (machine.Power, bool) {
	output, ok := ask(ctx, "vcgencmd", "get_throttled")
	if !ok {
		return machine.Power{}, false
	}
	p, err := machine.ParseThrottled(output)
	return p, err == nil
}

// ask runs a small program and gives what it prints; false when it is missing or fails.
func ask(ctx context.Context, name string, args ...string) (string, bool) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = askLimit
	output, err := cmd.Output()
	return strings.TrimSpace(string(output)), err == nil
}

// versionData are the versions.
type versionData struct {
	Doorstation string `json:"doorstation"`
	Go          string `json:"go"`
	machine.Versions
	Systemd string `json:"systemd,omitempty"`
	Rpicam  string `json:"rpicam,omitempty"`
}

// versions says which versions there are.
func (s *Scene) versions(ctx context.Context, say func(check.Finding)) {
	d := versionData{Doorstation: s.Version, Go: runtime.Version(), Versions: s.Hardware.Machine.Versions()}
	if output, ok := ask(ctx, "systemctl", "--version"); ok {
		d.Systemd = firstLine(output)
	}
	for _, name := range []string{"rpicam-hello", "libcamera-hello"} {
		if output, ok := ask(ctx, name, "--version"); ok {
			d.Rpicam = strings.Join(strings.Fields(output), " ")
			const longest = 200
			d.Rpicam = d.Rpicam[:min(len(d.Rpicam), longest)]
			break
		}
	}
	lines := []string{"doorstation " + d.Doorstation + ", " + d.Go + " on " + d.Machine}
	for _, line := range []string{d.Model, d.System, "Linux " + d.Kernel, d.Systemd, d.Rpicam} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	say(check.Finding{Found: strings.Join(lines, "\n"), Data: d})
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// serviceData is how systemd has the service.
type serviceData struct {
	Load     string `json:"load_state"`
	Enabled  string `json:"unit_file_state"`
	Active   string `json:"active_state"`
	Restarts string `json:"restarts"`
	Result   string `json:"result"`
}

// service says what systemd makes of the agent.
func (s *Scene) service(ctx context.Context, say func(check.Finding)) {
	output, ok := ask(ctx, "systemctl", "show", "doorstation.service", "--property=LoadState,UnitFileState,ActiveState,NRestarts,Result")
	if !ok {
		say(check.Finding{Outcome: check.Note, Found: "systemd does not run here, or cannot be asked"})
		return
	}
	values := map[string]string{}
	for line := range strings.Lines(output) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = value
	}
	d := serviceData{values["LoadState"], values["UnitFileState"], values["ActiveState"], values["NRestarts"], values["Result"]}
	f := check.Finding{Data: d, Found: fmt.Sprintf("%s, %s, %s restarts by itself", d.Enabled, d.Active, d.Restarts)}
	switch {
	case d.Load != "loaded":
		f.Outcome, f.Found = check.Note, "there is no systemd service doorstation: the package was not installed, or something else starts the agent"
	case d.Active == "failed":
		f.Outcome = check.Error
		f.Found += "; it has failed (" + d.Result + ")"
		f.Remedy = "journalctl -u doorstation -n 50 says why; then sudo systemctl restart doorstation."
	case d.Enabled != "enabled":
		f.Outcome = check.Warning
		f.Found += ": it will not start with the machine"
		f.Remedy = "sudo systemctl enable --now doorstation"
	case d.Restarts != "0" && d.Restarts != "":
		f.Outcome = check.Note
	}
	say(f)
}
