package probe

import (
	"context"
	"strings"

	"doorstation/internal/app"
	"doorstation/internal/check"
)

// hardwareLinks are those of what the door is made of.
func (s *Scene) hardwareLinks() []check.Link {
	needs := []string{linkFile}
	return []check.Link{
		{Name: "codes", Title: "Codes of persons", Needs: needs, Run: part(func() app.Checked { return app.CheckCodes(s.Local.Lock) })},
		{Name: "camera", Title: "Camera", Needs: needs, Run: part(func() app.Checked { return app.CheckCamera(s.Local.Camera) })},
		{Name: "sound", Title: "Sound device", Needs: needs, Run: part(func() app.Checked { return app.CheckSound(s.Local.Audio) })},
		{Name: "echo", Title: "Echo", Needs: needs, Run: part(func() app.Checked { return app.CheckEcho(s.Local.Audio, s.StateDir) })},
		{Name: "tones", Title: "Tone files", Needs: needs, Run: part(func() app.Checked { return app.CheckTones(s.Local.Audio) })},
	}
}

// part makes a link's Run of a look at one part.
func part(look func() app.Checked) func(context.Context, func(check.Finding)) {
	return func(_ context.Context, say func(check.Finding)) {
		c := look()
		found := strings.TrimSpace(c.Detail + "\n" + c.Found)
		if found == "" {
			found = "nothing to look at"
		}
		say(check.Finding{Code: c.Code, Found: found})
	}
}
