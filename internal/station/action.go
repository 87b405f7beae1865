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

// ActAdmit answers a call to the door, with the loudspeaker closed.
type ActAdmit struct{ Look LookID }

// ActRefuse refuses a call to the door.
type ActRefuse struct {
	Look   LookID
	Caller string
	Why    Refusal
}

// ActLoudspeaker opens or closes the loudspeaker to the caller's voice.
type ActLoudspeaker struct {
	Look LookID
	Open bool
}

// ActEndLook ends a call to the door; Outcome is why.
type ActEndLook struct {
	Look    LookID
	Outcome Outcome
}

// ActOpen opens the door for a visit, a look or an order; its result comes back as [DoorOpened].
type ActOpen struct {
	Visit VisitID
	Look  LookID
	Order uint64
	// Hold: the pulse is as long as it may be, because the door is to be held open.
	Hold  bool
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

func (ActCall) action()        {}
func (ActHangup) action()      {}
func (ActAdmit) action()       {}
func (ActRefuse) action()      {}
func (ActLoudspeaker) action() {}
func (ActEndLook) action()     {}
func (ActOpen) action()        {}
func (ActPlay) action()        {}
func (ActStopSound) action()   {}
func (ActShow) action()        {}
func (ActLog) action()         {}
