package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

const (
	// systemConfig is the local file of the service; another one is a trial's.
	systemConfig = "/etc/doorstation/config.yaml"
	// unit is the service, and systemToken the file that it hands to the agent as a credential (LoadCredential=).
	unit        = "doorstation.service"
	systemToken = "/etc/doorstation/token"
	// usualUser is who the package's unit runs as.
	usualUser = "doorstation"
)

// tokenSource is where the agent's token comes from.
type tokenSource struct {
	how string
	// file is the file that it is in; empty for none.
	file string
	// credential: systemd reads the file, as root.
	credential bool
	// local is the local file with the source in place of token_file, for settings.ReadToken.
	local settings.Local
}

// tokenSource finds where the token comes from, in the agent's order, and as the service sees it where this is the service's local file:
// systemd's credentials are not there for whoever types a command.
func (s *Scene) tokenSource() tokenSource {
	from := tokenSource{local: s.Local, file: s.Local.HomeAssistant.TokenFile}
	_, err := os.Stat(systemToken)
	switch {
	case s.Getenv("CREDENTIALS_DIRECTORY") != "":
		from.how, from.credential = "systemd's credential home_assistant_token, or else "+orNone(from.file, "DOORSTATION_TOKEN"), true
	case s.Config == systemConfig && err == nil && os.Geteuid() == 0:
		from.how, from.file, from.credential = systemToken+", which systemd hands to the agent as a credential", systemToken, true
		from.local.HomeAssistant.TokenFile = systemToken
	case from.file != "":
		from.how = "in " + from.file + " (home_assistant.token_file)"
	default:
		from.how = "in the environment (DOORSTATION_TOKEN)"
	}
	return from
}

func orNone(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// named is a file that the local file names.
type named struct {
	what, path string
	secret     bool // nobody else may read it
	system     bool // systemd reads it, so the service's user need not
}

// files looks at each file that the local file names with the eyes of the service's user.
func (s *Scene) files(ctx context.Context, say func(check.Finding)) {
	who := s.serviceUser(ctx)
	unreadable, open, seen := []string{}, []string{}, 0
	for _, f := range s.named() {
		if f.path == "" {
			continue
		}
		info, err := os.Stat(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // each has a link of its own, which says what that means
		case !f.system && !who.may(ctx, f.path):
			unreadable = append(unreadable, fmt.Sprintf("%s: %s may not read %s%s", f.what, who.name, f.path, modeOf(info)))
			continue
		case err != nil:
			continue // as root it would have been seen; who may not look here need not
		case f.secret && info.Mode().Perm()&0o077 != 0:
			open = append(open, fmt.Sprintf("%s: %s%s", f.what, f.path, modeOf(info)))
		}
		seen++
	}
	if len(unreadable) > 0 {
		say(check.Finding{Code: health.CodeFileUnreadable, Found: strings.Join(unreadable, "\n")})
	}
	if len(open) > 0 {
		say(check.Finding{Code: health.CodeSecretFileOpen, Found: strings.Join(open, "\n")})
	}
	if len(unreadable) == 0 && len(open) == 0 {
		say(check.Finding{Found: fmt.Sprintf("%s may read %s, nobody else what is secret", who.name, count(seen, "file"))})
	}
}

// named lists the files.
func (s *Scene) named() []named {
	l := s.Local
	from := s.tokenSource()
	files := []named{
		{what: "local file", path: s.Config},
		{what: "token", path: from.file, secret: true, system: from.credential},
		{what: "home_assistant.tls.ca_file", path: l.HomeAssistant.TLS.CAFile},
		{what: "sip.tls.ca_file", path: l.SIP.TLS.CAFile},
	}
	if l.Lock != nil {
		files = append(files, named{what: "lock.codes_file", path: l.Lock.CodesFile, secret: true})
	}
	if _, err := os.Stat(filepath.Join(s.StateDir, "sip-core.settings")); err == nil {
		files = append(files, named{what: "kept settings", path: filepath.Join(s.StateDir, "sip-core.settings"), secret: true})
	}
	return files
}

func modeOf(info fs.FileInfo) string {
	if info == nil {
		return ""
	}
	owner := ""
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = strconv.Itoa(int(st.Uid))
		if u, err := user.LookupId(owner); err == nil {
			owner = u.Username
		}
	}
	return fmt.Sprintf(" (%s, of %s)", info.Mode().Perm(), owner)
}

// reader is a user as whom files are looked at.
type reader struct {
	name string
	// credential is nil for this process's own user.
	credential *syscall.Credential
}

// commandLimit bounds the programs that are asked.
const commandLimit = 5 * time.Second

// serviceUser is who the agent runs as: what the unit says, when root asks about the service's local file; else who asks.
func (s *Scene) serviceUser(ctx context.Context) reader {
	if os.Geteuid() != 0 || s.Config != systemConfig {
		return reader{name: "this user"}
	}
	name := usualUser
	if told, ok := ask(ctx, "systemctl", "show", "--property=User", "--value", unit); ok && told != "" {
		name = told
	}
	u, err := user.Lookup(name)
	if err != nil {
		return reader{name: "this user (there is no user " + name + ")"}
	}
	credential, err := credentialOf(u)
	if err != nil {
		return reader{name: "this user"}
	}
	return reader{name: "user " + name, credential: credential}
}

func credentialOf(u *user.User) (*syscall.Credential, error) {
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", u.Username, err)
	}
	var ids []uint32
	for _, text := range slices.Concat([]string{u.Uid, u.Gid}, groups) {
		id, wrong := strconv.ParseUint(text, 10, 32)
		if wrong != nil {
			return nil, fmt.Errorf("id of %s: %w", u.Username, wrong)
		}
		ids = append(ids, uint32(id))
	}
	return &syscall.Credential{Uid: ids[0], Gid: ids[1], Groups: ids[2:]}, nil
}

// may says whether the user may read a file: a program that runs as that user asks the kernel, so that directories above, groups and
// access lists count.
func (r reader) may(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "test", "-r", path)
	cmd.Dir = "/"
	if r.credential != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: r.credential}
	}
	return cmd.Run() == nil
}
