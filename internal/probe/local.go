package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// The names that other links need.
const (
	linkFile     = "file"
	linkAgent    = "agent"
	linkToken    = "token"
	linkHome     = "home_assistant"
	linkAPI      = "api"
	linkSettings = "settings"
	// linkIntegration is that of SIP Core's settings as Home Assistant gives them.
	linkIntegration = "integration"
	linkUser        = "user"
	linkPBX         = "pbx"
	linkWay         = "way"
	linkRegister    = "registration"
)

// localLinks are those of the files on this machine and of the agent that runs on it.
func (s *Scene) localLinks() []check.Link {
	return []check.Link{
		{Name: linkFile, Title: "Local file", Run: s.file},
		{Name: linkAgent, Title: "Running agent", Run: s.agent},
		{Name: "files", Title: "Files", Needs: []string{linkFile}, Run: s.files},
		{Name: linkToken, Title: "Access token", Needs: []string{linkFile}, Run: s.token},
	}
}

// file reads the local file.
func (s *Scene) file(_ context.Context, say func(check.Finding)) {
	s.Local, s.LocalErr = settings.LoadLocal(s.Config)
	if s.LocalErr != nil {
		say(check.Finding{
			Outcome: check.Error, Found: s.LocalErr.Error(),
			Remedy: "Correct the line; doorstation.example.yaml explains each key. systemd does not start doorstation again until then (exit status 78).",
		})
		return
	}
	s.know()
	say(check.Finding{Found: fmt.Sprintf("%s is right: %s, Home Assistant at %s", s.Config, count(len(s.Local.Buttons), "button"), s.Local.HomeAssistant.URL)})
}

// agent asks whether an agent runs.
func (s *Scene) agent(ctx context.Context, say func(check.Finding)) {
	status, err := s.Control.Status(ctx)
	switch {
	case errors.Is(err, control.ErrNotRunning):
		say(check.Finding{Outcome: check.Note, Found: "doorstation does not run now: everything is tried by this check itself"})
	case err != nil:
		say(check.Finding{Outcome: check.Note, Found: fmt.Sprintf("what the agent does is not known: %v", err)})
	default:
		s.Agent = &status
		say(check.Finding{Found: fmt.Sprintf("version %s, running since %s", status.Version, status.Started.Local().Format("2006-01-02 15:04"))})
	}
}

// standing tells of the faults that the agent knows and that no link has named: what only shows while it runs.
func (s *Scene) standing(_ context.Context, say func(check.Finding)) {
	if s.Agent == nil {
		say(check.Finding{Outcome: check.Skipped, Found: "no agent runs that would know of any"})
		return
	}
	more := 0
	for _, f := range s.Agent.Faults {
		if s.said[health.Code(f.Code)] {
			continue
		}
		more++
		say(check.Finding{
			Link: "faults." + f.Code, Code: health.Code(f.Code),
			Found: strings.TrimSpace("since " + f.Since.Local().Format("2006-01-02 15:04") + ": " + f.Detail),
		})
	}
	if more == 0 {
		say(check.Finding{Found: fmt.Sprintf("the agent knows of %s, all of them named above", count(len(s.Agent.Faults), "fault"))})
	}
}

// token looks whether there is a token. Whether it is accepted is Home Assistant's to say.
func (s *Scene) token(_ context.Context, say func(check.Finding)) {
	from := s.tokenSource()
	if _, err := settings.ReadToken(from.local, s.Getenv); err != nil {
		say(check.Finding{Code: health.CodeTokenMissing, Found: err.Error()})
		return
	}
	say(check.Finding{Found: "there is one: " + from.how})
}

// count is "1 button", "2 buttons".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
