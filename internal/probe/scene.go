// Package probe has the links that doorstation check walks: the local file, Home Assistant, the telephone exchange, the way of sound and
// picture, and the hardware. It may know all rooms, as package app does, and changes nothing anywhere: beside a running agent nothing is
// opened twice, and what only the agent can know it is asked for.
package probe

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// Options are what a check is started with.
type Options struct {
	// Config is the path of the local file.
	Config string
	// StateDir is where the agent keeps settings, Socket the path of its control socket.
	StateDir, Socket string
	// Version is what `doorstation version` says.
	Version string
	Getenv  func(string) string
	Now     func() time.Time
	// Log may be nil.
	Log *slog.Logger
	// Call is an extension that a test call is made to; empty: nobody is called. CallFor is how long it lasts after the answer.
	Call    string
	CallFor time.Duration
	// Hardware is how far the hardware is tried.
	Hardware HardwareOptions
}

// Scene is what earlier links found for later ones. It is used by one goroutine: that of check.Walk.
type Scene struct {
	Options
	// Local is the local file, once the link "file" has read it; LocalErr is what is wrong with it.
	Local    settings.Local
	LocalErr error
	// Agent is the status of the agent that runs beside this check, nil when none answers.
	Agent *control.Status
	// Control is the client of its socket; its calls end with control.ErrNotRunning when none answers.
	Control *control.Client

	home    *homeassistant.Client // once there is a token
	who     settings.Identity     // who the token belongs to, when Home Assistant said so
	fresh   json.RawMessage       // SIP Core's settings as Home Assistant serves them now
	core    *settings.SIPCore     // SIP Core's settings, fresh or kept
	door    *settings.Settings    // what the door makes of them
	asSIP   *sip.Config           // how it reaches the PBX
	secrets check.Scrubber        // of whatever is printed, in case that somebody else has put one there
	media   media                 // what is known of sound and picture's way
	said    map[health.Code]bool  // faults that links have named

	// Of tests: a test call's picture in place of the test card, and a machine without another interface.
	source   camera.Source
	loopback bool
}

// New makes a scene; nothing is looked at yet.
func New(o Options) *Scene {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Scene{Options: o, Control: control.NewClient(o.Socket), said: map[health.Code]bool{}}
}

// Close gives up what the links have opened for each other.
func (s *Scene) Close() {
	if s.home != nil {
		s.home.Close()
	}
}

// Links are all links, in the order in which they are walked. The local file ("file") comes first: all others need it. "agent" says
// whether an agent runs (Scene.Agent) and never fails, so that nothing else need name it.
func (s *Scene) Links() []check.Link {
	links := slices.Concat(
		s.localLinks(),
		s.homeLinks(),
		s.settingsLinks(),
		s.exchangeLinks(),
		s.iceLinks(),
		s.callLinks(),
		s.hardwareLinks(),
		[]check.Link{{Name: "faults", Title: "Faults of the agent", Needs: []string{linkFile}, Run: s.standing}},
	)
	for i := range links {
		links[i].Run = s.noting(links[i].Run)
	}
	return links
}

// noting keeps in mind which faults a link has named, and lets no secret out.
func (s *Scene) noting(run func(context.Context, func(check.Finding))) func(context.Context, func(check.Finding)) {
	return func(ctx context.Context, say func(check.Finding)) {
		run(ctx, func(f check.Finding) {
			if f.Code != "" {
				s.said[f.Code] = true
			}
			f.Found = string(s.secrets.Scrub([]byte(f.Found)))
			say(f)
		})
	}
}
