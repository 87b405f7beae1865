// Package probe has the links that doorstation check walks: the local file, Home Assistant, the telephone exchange, the way of sound and
// picture, and the hardware. It may know all rooms, as package app does, and changes nothing anywhere: beside a running agent nothing is
// opened twice, and what only the agent can know it is asked for.
package probe

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/settings"
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
}

// New makes a scene; nothing is looked at yet.
func New(o Options) *Scene {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Scene{Options: o, Control: control.NewClient(o.Socket)}
}

// Links are all links, in the order in which they are walked. The local file ("file") comes first: all others need it. "agent" says
// whether an agent runs (Scene.Agent) and never fails, so that nothing else need name it.
func (s *Scene) Links() []check.Link {
	return slices.Concat(
		s.localLinks(),
		s.settingsLinks(),
		s.hardwareLinks(),
	)
}

// done is whether ctx has ended, for loops.
func done(ctx context.Context) bool { return ctx.Err() != nil }
