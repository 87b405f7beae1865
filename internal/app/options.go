// Package app builds the rooms of the door station from its settings, starts them, applies changed settings
// and stops everything in reverse. It is the only place that knows all rooms.
package app

import (
	"log/slog"
	"time"

	"doorstation/internal/gpio"
	"doorstation/internal/settings"
)

// Options are what the agent is started with.
type Options struct {
	// Local is the local file, already validated.
	Local settings.Local
	// Socket is the path of the control socket.
	Socket string
	// StateDir is where the last good settings are kept; empty: nowhere.
	StateDir string
	// Version is what `doorstation version` says; it also goes into the SIP User-Agent.
	Version string
	Log     *slog.Logger
	// Getenv reads the environment (the token may be there).
	Getenv func(string) string
	Now    func() time.Time
	// Guard is how the process is started that holds the lock's line. Empty: the agent
	// holds it.
	Guard gpio.GuardCommands
	// Service is who started the agent and watches it.
	Service Service

	test forTest
}

// forTest is what tests of this package may change.
type forTest struct {
	rhythm   *rhythm
	loopback bool // calls go over the loopback interface
	// machineRoot is in front of the paths under which the kernel shows the machine; empty: it is this one.
	machineRoot string
}

func (o Options) rhythm() rhythm {
	if o.test.rhythm != nil {
		return *o.test.rhythm
	}
	return defaultRhythm()
}
