package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"doorstation/internal/check"
	"doorstation/internal/settings"
)

// mostOutput bounds what is kept of a program's output, in bytes: the end of it.
const mostOutput = 512 << 10

// about is the first file that a person reads who opens a bundle.
const about = `What doorstation check found, with what helps to understand it. Passwords, tokens, credentials and codes have been taken out and are
shown as ***. Names of users, extensions, addresses of this network and of its router are still in it: look through it before you give it
to somebody.

check.txt, check.json   what was found
status.json             what the running agent says
config.yaml             the local file
sip-core.json           SIP Core's settings
versions.txt            versions of everything
unit.txt, journal.txt   the service and the end of its log
hardware.txt            what this machine is made of
`

// Bundle writes what a bug report needs into a file that only this user may read: what was found, status, settings, versions, log and
// hardware, and no secret.
func (s *Scene) Bundle(ctx context.Context, file string, r check.Report, text []byte) error {
	report, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	secrets := &s.secrets
	files := []check.File{{Name: "README.txt", Data: []byte(about)}, {Name: "check.txt", Data: text}, {Name: "check.json", Data: report}}
	files = append(files, s.settingsFiles()...)
	if s.Agent != nil {
		status, statusErr := json.MarshalIndent(s.Agent, "", "  ")
		if statusErr != nil {
			return fmt.Errorf("make the report: %w", statusErr)
		}
		files = append(files, check.File{Name: "status.json", Data: status})
	}
	files = append(files,
		check.File{Name: "versions.txt", Data: s.installed(ctx)},
		check.File{Name: "unit.txt", Data: outputs(ctx, []string{"systemctl", "status", "--no-pager", "--full", "--lines=0", unit}, []string{"systemctl", "cat", "--no-pager", unit})},
		check.File{Name: "journal.txt", Data: outputs(ctx, []string{"journalctl", "--no-pager", "--output=short-iso", "--lines=2000", "--unit=" + unit})},
		check.File{Name: "hardware.txt", Data: listing(ctx)},
	)
	data, err := check.Bundle("doorstation-report", files, secrets, s.Now())
	if err != nil {
		return err
	}
	if err = settings.ReplaceFile(file, data); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// settingsFiles are the settings without secrets.
func (s *Scene) settingsFiles() []check.File {
	local, core := s.know()
	var files []check.File
	if local != "" {
		files = append(files, check.File{Name: "config.yaml", Data: []byte(settings.HideSecrets(local))})
	}
	if hidden, _ := check.HideJSON(core); hidden != nil {
		files = append(files, check.File{Name: "sip-core.json", Data: hidden})
	}
	return files
}

// know makes all secrets of the settings known to the scrubber, and returns the texts of the local file and of SIP Core's settings.
func (s *Scene) know() (local string, core []byte) {
	if token, err := settings.ReadToken(s.tokenSource().local, s.Getenv); err == nil {
		s.secrets.Add(token)
	}
	s.secrets.Add(s.Getenv("DOORSTATION_TOKEN"))
	if s.Local.Lock != nil {
		s.secrets.Add(s.Local.Lock.Codes...)
		s.secrets.Add(secretLines(s.Local.Lock.CodesFile)...)
	}
	if data, err := os.ReadFile(s.Config); err == nil {
		local = string(data)
		s.secrets.Add(urlPasswords(local)...)
	}
	core = s.fresh
	if core == nil {
		if kept, err := settings.NewStore(s.StateDir).Peek(s.Local.HomeAssistant.URL); err == nil {
			core = kept.Raw
		}
	}
	_, values := check.HideJSON(core)
	s.secrets.Add(values...)
	s.secrets.Add(urlPasswords(string(core))...)
	return local, core
}

// secretLines are the words of a file of hashes.
func secretLines(path string) []string {
	const most = 1 << 20
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var all []string
	for word := range strings.FieldsSeq(string(data)) {
		const least = 12 // shorter ones are names
		if len(word) >= least {
			all = append(all, strings.Trim(word, `",:`))
		}
	}
	return all
}

// What URLs carry that is nobody's business (RFC 3986 sections 3.2.1 and 3.4).
var (
	urlUser  = regexp.MustCompile(`://([^/\s"'@]*)@`)
	urlQuery = regexp.MustCompile(`(?i)[?&;](?:[a-z_]*token|pass(?:word|wd|phrase)?|pwd|secret|credential|api_?key|auth|session)=([^&;\s"'<>]+)`)
)

// urlPasswords are the passwords in the URLs of a text, as they are written and as they are meant.
func urlPasswords(text string) []string {
	var all []string
	add := func(password string) {
		all = append(all, password)
		if meant, err := url.QueryUnescape(password); err == nil {
			all = append(all, meant)
		}
	}
	for _, m := range urlUser.FindAllStringSubmatch(text, -1) {
		if _, password, has := strings.Cut(m[1], ":"); has {
			add(password)
		}
	}
	for _, m := range urlQuery.FindAllStringSubmatch(text, -1) {
		add(m[1])
	}
	return all
}

// installed says what is installed.
func (s *Scene) installed(ctx context.Context) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "doorstation %s (%s %s/%s)\n", s.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, file := range []string{"/proc/device-tree/model", "/etc/os-release", "/proc/version"} {
		if data, err := os.ReadFile(file); err == nil {
			fmt.Fprintf(&b, "\n%s:\n%s\n", file, bytes.TrimRight(data, "\x00\n"))
		}
	}
	b.WriteString("\n")
	b.Write(outputs(ctx, []string{"dpkg-query", "--show", "doorstation", "rpicam-apps*", "libcamera*", "libasound2*", "pulseaudio", "pipewire", "libnss-mdns", "avahi-daemon"}))
	return b.Bytes()
}

// listing lists what is cheap to list.
func listing(ctx context.Context) []byte {
	var b bytes.Buffer
	for _, pattern := range []string{"/dev/gpiochip*", "/dev/video*", "/dev/media*", "/dev/snd/*"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue // the patterns are right
		}
		for _, m := range matches {
			if info, statErr := os.Stat(m); statErr == nil {
				fmt.Fprintf(&b, "%s%s\n", m, modeOf(info))
			}
		}
	}
	if data, err := os.ReadFile("/proc/asound/cards"); err == nil {
		fmt.Fprintf(&b, "\n/proc/asound/cards:\n%s\n", data)
	}
	b.Write(outputs(ctx, []string{"lsusb"}, []string{"ip", "-brief", "address"}, []string{"df", "-h"}, []string{"free", "-m"},
		[]string{"vcgencmd", "get_throttled"}, []string{"timedatectl", "show"}))
	return b.Bytes()
}

// outputs runs programs, one after the other, and keeps what they print. One that is not there is passed over.
func outputs(ctx context.Context, commands ...[]string) []byte {
	var b bytes.Buffer
	for _, c := range commands {
		path, err := exec.LookPath(c[0])
		if err != nil {
			fmt.Fprintf(&b, "%s: not installed\n\n", c[0])
			continue
		}
		within, cancel := context.WithTimeout(ctx, commandLimit)
		cmd := exec.CommandContext(within, path, c[1:]...)
		cmd.WaitDelay = commandLimit // for what it leaves behind, which may hold its output open
		out, err := cmd.CombinedOutput()
		cancel()
		fmt.Fprintf(&b, "$ %s\n%s", strings.Join(c, " "), out[max(0, len(out)-mostOutput):])
		if err != nil {
			fmt.Fprintf(&b, "(%v)\n", err)
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}
