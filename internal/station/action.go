package station

import (
	"log/slog"
	"time"
)

// Action is something the station wants done. Actions are carried out in the order given.
type Action interface{ action() }

// ActCall calls the targets of a visit.
type ActCall struct {
	Visit  VisitID
	Plan   Plan
	Button string
}

// ActHangup ends the call of a visit; Outcome is why.
type ActHangup struct {
	Visit   VisitID
	Outcome Outcome
}

// ActOpen opens the door; its result comes back as [DoorOpened].
type ActOpen struct {
	Visit VisitID
	Pulse time.Duration
}

// ActPlay plays a tone to the visitor.
type ActPlay struct{ Tone Tone }

// ActStopSound silences the tone.
type ActStopSound struct{}

// ActShow shows the state on the light.
type ActShow struct{ State State }

// ActLog writes a line to the log. It never holds a digit's value.
type ActLog struct {
	Level   slog.Level
	Message string
	Attrs   []slog.Attr
}

func (ActCall) action()      {}
func (ActHangup) action()    {}
func (ActOpen) action()      {}
func (ActPlay) action()      {}
func (ActStopSound) action() {}
func (ActShow) action()      {}
func (ActLog) action()       {}
