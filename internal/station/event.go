package station

import "time"

// Event is something that happened to the station.
type Event interface{ event() }

// Pressed is one press of a bell button, debounced and counted by its reader.
type Pressed struct {
	ID     uint64
	Button string
	At     time.Time
}

// Ringing says that a target's phone rings.
type Ringing struct {
	Visit  VisitID
	Target string
}

// NobodyThere says that nobody can answer just now: every target was called and is not there, or has refused. Those that are
// not there are tried again.
type NobodyThere struct{ Visit VisitID }

// EarlyMedia says that what a target sends before anybody has answered is heard at the door, or not any more.
type EarlyMedia struct {
	Visit VisitID
	On    bool
}

// Answered says that a target has answered and the others are given up.
type Answered struct {
	Visit  VisitID
	Target string
}

// Digit is one key pressed by the household during a call, each key once, however it was sent.
type Digit struct {
	Visit VisitID
	Digit rune
}

// CallEnded says that the phone is done with a visit: nothing of it is up any more.
type CallEnded struct {
	Visit   VisitID
	Outcome Outcome
}

// Configured says that the settings changed. The visit that is on keeps its own; the next one begins with these.
type Configured struct{ Config Config }

// DoorOpened is the answer to [ActOpen], all of which it has besides: Err is nil when the lock is energised, and Pulse for how long it
// is, which may be less than what was asked for. The Runner posts it by itself.
type DoorOpened struct {
	Visit VisitID
	Look  LookID
	Order uint64
	Hold  bool
	Pulse time.Duration
	Err   error
}

// Knocked says that somebody calls the door. It is answered by [ActAdmit] or [ActRefuse].
type Knocked struct {
	Look   LookID
	Caller string // an extension
}

// LookBegan says that an admitted call is up.
type LookBegan struct{ Look LookID }

// LookDigit is one key pressed by the caller.
type LookDigit struct {
	Look  LookID
	Digit rune
}

// LookEnded says that the phone is done with an admitted call, also when it never came up.
type LookEnded struct{ Look LookID }

// Stopping says that the agent ends: the visit that is on is hung up, and no press makes another one. The Runner posts it by
// itself.
type Stopping struct{}

func (Pressed) event()     {}
func (Ringing) event()     {}
func (EarlyMedia) event()  {}
func (NobodyThere) event() {}
func (Answered) event()    {}
func (Digit) event()       {}
func (CallEnded) event()   {}
func (Configured) event()  {}
func (DoorOpened) event()  {}
func (Knocked) event()     {}
func (LookBegan) event()   {}
func (LookDigit) event()   {}
func (LookEnded) event()   {}
func (Stopping) event()    {}
