// Package station is what a door station does: the visit from the press of the bell to the goodbye. It decides whom to
// call, for how long, what a second press does, which digits open the door and what the visitor hears and sees.
//
// [Machine] is pure: events and the time go in, actions come out. [Runner] is the one goroutine around it that carries the
// actions out. The package knows neither SIP nor GPIO, only the small interfaces below.
package station

import "time"

// VisitID numbers the visits since the start of the agent, from 1. Events carry it, so that what an older visit left behind
// can never touch a newer one.
type VisitID uint64

// Phone makes the calls of a visit. Both methods return at once and report by events ([Ringing], [Answered], [Digit],
// [CallEnded]) posted to the [Runner].
type Phone interface {
	// Call calls the targets of the plan, step by step; the first answer wins. Who is not there is tried again until Hangup. It
	// must end with exactly one CallEnded, whatever happens.
	Call(v VisitID, plan Plan)
	// Hangup cancels what rings and ends what talks; why is the outcome that the station has decided on. It ends with CallEnded,
	// too; a visit that has ended is left alone.
	Hangup(v VisitID, why Outcome)
}

// Door is the lock.
type Door interface {
	// Open energises the lock for pulse, or for as long of that as it may be, which it says, and returns without waiting for the end.
	Open(pulse time.Duration) (granted time.Duration, err error)
	// Shut ends that.
	Shut() error
	// Remember keeps, over a restart, why the lock is blocked; empty: it is not.
	Remember(why string)
}

// Codebook knows the codes that are hashed.
type Codebook interface {
	// LookUp tells whether digits are a code, and whose. It takes its time, always the same.
	LookUp(digits string) (name string, is bool)
}

// Alarms is who is told of alarms. Alarm does not block.
type Alarms interface {
	Alarm(a Alarm, on bool, detail string)
	// Keep remembers, over a restart, which alarms stand; nothing: none.
	Keep(standing []StandingAlarm)
}

// Sounder is what the visitor hears besides the voice. Play replaces a tone that is being played; it does not block.
type Sounder interface {
	Play(t Tone)
	Stop()
}

// Light is what the visitor sees. Show does not block.
type Light interface {
	Show(s State)
}

// State is where a visit stands.
type State string

const (
	// StateIdle is the state between visits.
	StateIdle State = "idle"
	// StateCalling lasts from the press until somebody's phone rings.
	StateCalling State = "calling"
	// StateRinging lasts from the first phone that rings until an answer.
	StateRinging State = "ringing"
	// StateTalking lasts from the answer until somebody hangs up.
	StateTalking State = "talking"
	// StateLooking is what the light shows between visits while somebody looks through the door's camera. It is no state of a
	// visit.
	StateLooking State = "looking"
	// StateEnding lasts from the door's own hang-up until the phone is done with it.
	StateEnding State = "ending"
)

// Config is the policy. A visit keeps the one it began with.
type Config struct {
	// Buttons by name.
	Buttons map[string]Button
	// Codes are the digits (0-9, *, #, A-D) that open the door during a call.
	Codes []string
	// HashedLengths are the lengths of the codes that only [Codebook] knows.
	HashedLengths []int
	// Pulse is how long the lock is energised, MaxOpen how long at a stretch at most. MaxOpen not positive: DefaultMaxOpen.
	Pulse, MaxOpen time.Duration
	// LeftOpen is how long the door may stand open; not positive: for ever. ForcedAlarm: a door that opens while the lock is shut is
	// an alarm. TamperBlocks: so is the tamper switch, and it blocks the lock.
	LeftOpen                  time.Duration
	ForcedAlarm, TamperBlocks bool
	// MaxTalk ends a conversation that nobody ends. Not positive: DefaultMaxTalk.
	MaxTalk time.Duration
	// Incoming says who may call the door; the zero value: nobody.
	Incoming Incoming
}

// Button is whom a press calls.
type Button struct {
	// Steps are lists of extensions: those of the first are called at once, those of the next after Step, or at once when nobody
	// of the steps before can answer.
	Steps [][]string
	// Step is the time from one step to the next. Not positive: DefaultStep.
	Step time.Duration
	// KeepRinging says whether the earlier steps go on ringing when the next one begins.
	KeepRinging bool
	// Ring is how long it rings in all, from the first phone that rings; from the press, when every phone turns out not to be
	// there. Not positive: DefaultRing.
	Ring time.Duration
}

const (
	// DefaultRing is the ring limit of a button that names none.
	DefaultRing = 45 * time.Second
	// DialLimit is how long a visit may take until the first phone rings, where that is more than its ring limit: a PBX that
	// waits for a dead STUN server is silent for 18 s on each of its legs, and giving up then would lose the bell.
	DialLimit = 60 * time.Second
	// DefaultMaxTalk is the talk limit of a configuration that names none: a door never talks for ever.
	DefaultMaxTalk = 5 * time.Minute
	// HangupGuard is how long the phone may take to end a visit after Hangup before the station goes on without it.
	HangupGuard = 10 * time.Second
)

// Snapshot is the station at one moment, for status and for the stopwatch of a call.
type Snapshot struct {
	State State
	// Visit, Button, Targets, PressID and PressAt belong to the visit that is on; empty when idle.
	Visit   VisitID
	Button  string
	Targets []string
	PressID uint64
	PressAt time.Time
	// Answered is the target that answered, empty before.
	Answered string
	// Since is when State began.
	Since time.Time
	// Calls counts the visits so far, Talks those that were answered, Ignored the presses that made no visit because one was
	// on already.
	Calls, Talks, Ignored int
	// Look is the call to the door that is on.
	Look LookSnapshot
	// Looks counts those that came up, Refused those by somebody who may not call; LastRefused is the newest of these.
	Looks, Refused int
	LastRefused    string
	// Last is the newest visit that has ended; its Visit is 0 when there was none.
	Last Record
	// Lock, Door and Tampered are the lock's mode, the door by its contact and the tamper switch.
	Lock     LockSnapshot
	Door     DoorState
	Tampered bool
	// WrongCodes counts wrong codes, LockOuts the callers who were locked out after them.
	WrongCodes, LockOuts int
}

// Record is a visit that has ended.
type Record struct {
	Visit    VisitID
	Button   string
	Called   []string  // all targets of its plan
	At       time.Time // of the press
	Ended    time.Time
	Outcome  Outcome
	Answered string
	Talked   time.Time // from when on; zero: never
	Talk     time.Duration
	Openings []Opening
}

// Opening is one time that the door was opened in a visit, by a code.
type Opening struct {
	At time.Time
	By string // the extension that typed the code
	// Person is whose code it was; empty for one of Config.Codes.
	Person string
}
