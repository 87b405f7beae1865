package probe

import (
	"context"
	"errors"
	"io/fs"

	"doorstation/internal/app"
	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// settingsLinks are those of SIP Core's settings.
func (s *Scene) settingsLinks() []check.Link {
	return []check.Link{{Name: "settings", Title: "Settings", Needs: []string{linkFile}, Run: s.settings}}
}

// settings compares the local file with what the agent kept of SIP Core's settings.
func (s *Scene) settings(_ context.Context, say func(check.Finding)) {
	notices := settings.LocalNotices(s.Local)
	kept, err := settings.NewStore(s.StateDir).Peek(s.Local.HomeAssistant.URL)
	switch {
	case err == nil:
		say(check.Finding{Outcome: check.Note, Found: "compared with SIP Core's settings as they were on " + kept.Fetched.Local().Format("2006-01-02 15:04")})
		c, readErr := settings.Read(s.Local, kept.Raw, kept.Who)
		for _, p := range c.Problems {
			say(check.Finding{Code: health.CodeSettingsInvalid, Found: p.String()})
		}
		if readErr != nil {
			say(check.Finding{Code: health.CodeSettingsInvalid, Found: readErr.Error()})
		} else {
			notices = c.Notices
		}
	case errors.Is(err, fs.ErrPermission):
		say(check.Finding{Outcome: check.Note, Found: "compared with nothing else: this user may not read what the agent kept of SIP Core's settings"})
	default:
		say(check.Finding{Outcome: check.Note, Found: "compared with nothing else: no settings of SIP Core are kept yet"})
	}
	for _, n := range notices {
		say(check.Finding{Code: app.NoticeCode(n.Kind), Found: n.Detail})
	}
}
