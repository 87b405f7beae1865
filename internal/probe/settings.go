package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"doorstation/internal/app"
	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// settingsLinks are those of SIP Core's settings and of the door's place in them.
func (s *Scene) settingsLinks() []check.Link {
	return []check.Link{
		{Name: linkSettings, Title: "Settings", Needs: []string{linkFile}, Uses: []string{linkIntegration}, Run: s.settings},
		{Name: linkUser, Title: "SIP user", Needs: []string{linkSettings}, Run: s.user},
	}
}

// settings compares the local file with SIP Core's settings: those that Home Assistant gave just now, else those that the agent kept.
func (s *Scene) settings(_ context.Context, say func(check.Finding)) {
	raw, from := s.fresh, "SIP Core's settings as they are now"
	if raw == nil {
		kept, err := settings.NewStore(s.StateDir).Peek(s.Local.HomeAssistant.URL)
		if err != nil {
			s.withoutSettings(err, say)
			return
		}
		raw, s.who = json.RawMessage(kept.Raw), kept.Who
		from = "SIP Core's settings as they were on " + kept.Fetched.Local().Format("2006-01-02 15:04")
	}
	core, problems, err := settings.ParseSIPCore(raw)
	if err != nil {
		say(check.Finding{Code: health.CodeSettingsInvalid, Outcome: check.Error, Found: err.Error()})
		return
	}
	s.core = &core
	s.know()
	say(check.Finding{Found: "compared with " + from + unknownKeys(core.Unknown)})
	s.problems(problems, say)
	notices := settings.LocalNotices(s.Local)
	if door, all, mergeErr := settings.Merge(s.Local, core, s.who); mergeErr == nil {
		s.door, notices = &door, all
	} // else the link that needs the missing part says so
	for _, n := range notices {
		if n.Kind != settings.NoticeBackupUser { // the next link's
			say(check.Finding{Code: app.NoticeCode(n.Kind), Found: n.Detail})
		}
	}
}

// withoutSettings says what the local file alone tells.
func (s *Scene) withoutSettings(err error, say func(check.Finding)) {
	why := "no settings of SIP Core are kept yet"
	if errors.Is(err, fs.ErrPermission) {
		why = "this user may not read what the agent kept of SIP Core's settings"
	}
	for _, n := range settings.LocalNotices(s.Local) {
		say(check.Finding{Code: app.NoticeCode(n.Kind), Found: n.Detail})
	}
	say(check.Finding{Outcome: check.Skipped, Found: "compared with nothing else: " + why})
}

func unknownKeys(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s in them that this version does not know", count(len(keys), "key"))
}

// problems says what is wrong inside SIP Core's settings: one finding for what the door leaves out, one for ICE servers.
func (s *Scene) problems(problems []settings.Problem, say func(check.Finding)) {
	var invalid, servers []string
	for _, p := range problems {
		if p.AboutICEServer() {
			servers = append(servers, p.String())
		} else {
			invalid = append(invalid, p.String())
		}
	}
	if len(invalid) > 0 {
		say(check.Finding{Code: health.CodeSettingsInvalid, Found: strings.Join(invalid, "\n")})
	}
	if len(servers) > 0 {
		say(check.Finding{Code: health.CodeICEServerInvalid, Found: strings.Join(servers, "\n")})
	}
}

// sipUser is the door's entry, for machines.
type sipUser struct {
	Entry     string `json:"entry"`
	Why       string `json:"why"`
	Extension string `json:"extension"`
	Password  bool   `json:"has_password"`
}

// user says which entry is the door's, and why.
func (s *Scene) user(_ context.Context, say func(check.Finding)) {
	door, _, err := settings.Merge(s.Local, *s.core, s.who)
	switch {
	case errors.Is(err, settings.ErrNoPBXAddress): // the next link's
		say(check.Finding{Found: "there is one"})
		return
	case err != nil:
		say(check.Finding{Code: health.CodeNoUser, Found: fmt.Sprintf("%v\n%s", err, s.entries())})
		return
	}
	found := sipUser{Extension: door.Extension, Password: door.Password != "", Entry: "backup_user", Why: "backup_user"}
	text := fmt.Sprintf("backup_user (extension %s), as no entry of users is %q or %s\n%s", door.Extension, s.who.Name, s.who.ID, s.entries())
	if door.BackupUser {
		say(check.Finding{Code: health.CodeBackupUser, Found: text, Data: found})
		return
	}
	i := slices.IndexFunc(s.core.Users, func(u settings.User) bool { return u.Extension == door.Extension && u.Password == door.Password })
	entry := s.core.Users[max(i, 0)]
	found.Entry = entry.Path()
	switch {
	case s.Local.SIP.Extension != "":
		found.Why = "sip.extension of the local file names it"
	case entry.HAUsername == s.who.ID:
		found.Why = "its ha_username is the id of the token's user"
	default:
		found.Why = "its ha_username is the name of the token's user"
	}
	text = fmt.Sprintf("extension %s: %s, as %s", door.Extension, found.Entry, found.Why)
	if !found.Password {
		text += "\nit has no password"
	}
	say(check.Finding{Found: text, Data: found})
}

// entries lists whose entries there are.
func (s *Scene) entries() string {
	const most = 12
	var list []string
	for i, u := range s.core.Users {
		if i == most {
			list = append(list, "…")
			break
		}
		list = append(list, fmt.Sprintf("%s is for %q (extension %s)", u.Path(), u.HAUsername, u.Extension))
	}
	if len(list) == 0 {
		return "users is empty"
	}
	return strings.Join(list, "\n")
}
