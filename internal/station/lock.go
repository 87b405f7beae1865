package station

import (
	"errors"
	"log/slog"
	"time"
)

var (
	// ErrBlocked says that the lock is blocked: nothing opens it before it is released.
	ErrBlocked = errors.New("the lock is blocked: nothing opens the door before doorstation lock release")
	// ErrTampered says that the lock is blocked by the tamper alarm.
	ErrTampered = errors.New("the lock is blocked by the tamper alarm: nothing opens the door before doorstation alarm clear")
)

// LockMode is what becomes of a code.
type LockMode string

const (
	// LockNormal: a code opens the door for a pulse.
	LockNormal LockMode = "normal"
	// LockHeld: the door is held open, for a time.
	LockHeld LockMode = "held"
	// LockBlocked: nothing opens the door.
	LockBlocked LockMode = "blocked"
)

// LockOrder is what somebody beside a call wants of the lock.
type LockOrder string

const (
	// OrderOpen opens it for a pulse.
	OrderOpen LockOrder = "open"
	// OrderHold holds it open, for as long as it may be at a stretch.
	OrderHold LockOrder = "hold"
	// OrderRelease ends OrderHold and OrderBlock.
	OrderRelease LockOrder = "release"
	// OrderBlock shuts it and lets nothing open it, also after a restart.
	OrderBlock LockOrder = "block"
)

// LockOrdered is such an order. It is answered by [ActReply] with its ID.
type LockOrdered struct {
	ID    uint64
	Order LockOrder
}

// ActShut ends what [ActOpen] began.
type ActShut struct{}

// ActRemember says why the lock is blocked from now on, to be remembered over a restart: [BlockedByOrder], [BlockedByTamper],
// [BlockedByBoth], or "" for not.
type ActRemember struct{ Why string }

// ActReply answers the order with this ID.
type ActReply struct {
	ID  uint64
	Err error
}

func (LockOrdered) event()  {}
func (ActShut) action()     {}
func (ActRemember) action() {}
func (ActReply) action()    {}

// Why a lock is blocked.
const (
	BlockedByOrder  = "order"
	BlockedByTamper = "tamper"
	// BlockedByBoth is remembered: when the tamper alarm is cleared, the order stands.
	BlockedByBoth = BlockedByOrder + "+" + BlockedByTamper
)

// DefaultMaxOpen bounds a lock of a configuration that names no limit.
const DefaultMaxOpen = time.Minute

// LockSnapshot is the lock at one moment, as far as it is decided here.
type LockSnapshot struct {
	Mode LockMode
	// Why is why it is blocked.
	Why string
	// Until is when the hold ends.
	Until time.Time
}

// lock is the machine's part of the lock.
type lock struct {
	held      bool
	until     time.Time // of held
	ordered   bool      // blocked by order
	tampered  bool      // blocked by the tamper alarm
	openUntil time.Time // a door that opens until then was let open
}

func (l *lock) snapshot() LockSnapshot {
	switch {
	case l.tampered:
		return LockSnapshot{Mode: LockBlocked, Why: BlockedByTamper}
	case l.ordered:
		return LockSnapshot{Mode: LockBlocked, Why: BlockedByOrder}
	case l.held:
		return LockSnapshot{Mode: LockHeld, Until: l.until}
	default:
		return LockSnapshot{Mode: LockNormal}
	}
}

// memory is what ActRemember says.
func (l *lock) memory() string {
	switch {
	case l.ordered && l.tampered:
		return BlockedByBoth
	case l.ordered:
		return BlockedByOrder
	case l.tampered:
		return BlockedByTamper
	default:
		return ""
	}
}

// refuses is why nothing opens the door; nil: something does.
func (l *lock) refuses() error {
	switch {
	case l.tampered:
		return ErrTampered
	case l.ordered:
		return ErrBlocked
	default:
		return nil
	}
}

// open opens the door for somebody in a call.
func (m *Machine) open(now time.Time, c caller, pulse time.Duration) []Action {
	if err := m.lock.refuses(); err != nil {
		return m.doorOpened(now, DoorOpened{Visit: c.visit, Look: c.look, Err: err})
	}
	return []Action{ActOpen{Visit: c.visit, Look: c.look, Pulse: m.lock.rest(now, pulse)}}
}

// rest is how long the lock is to be open for somebody who gets pulse: a hold is not shortened. It is opened anew all the same, for its line may
// have failed since and be shut.
func (l *lock) rest(now time.Time, pulse time.Duration) time.Duration {
	if l.held {
		return l.until.Sub(now)
	}
	return pulse
}

func (m *Machine) lockOrdered(now time.Time, e LockOrdered) []Action {
	reply := func(err error, acts ...Action) []Action { return append(acts, ActReply{ID: e.ID, Err: err}) }
	say := logAct(slog.LevelInfo, "order for the lock", slog.String("order", string(e.Order)))
	refused := m.lock.refuses()
	switch e.Order {
	case OrderOpen, OrderHold:
		switch {
		case refused != nil:
			return reply(refused, say)
		case e.Order == OrderOpen:
			return []Action{say, ActOpen{Order: e.ID, Pulse: m.lock.rest(now, m.next.Pulse)}}
		default:
			return []Action{say, ActOpen{Order: e.ID, Hold: true, Pulse: m.lock.rest(now, positive(m.next.MaxOpen, DefaultMaxOpen))}}
		}
	case OrderRelease:
		if m.lock.tampered {
			return reply(ErrTampered, say)
		}
		acts := []Action{say}
		if m.lock.held {
			acts = append(acts, m.endHold()...)
		}
		if m.lock.ordered {
			m.lock.ordered = false
			acts = append(acts, ActRemember{})
		}
		return reply(nil, acts...)
	case OrderBlock:
		m.lock.ordered = true
		return reply(nil, append([]Action{say}, m.block()...)...)
	default:
		return reply(errors.New("no such order: " + string(e.Order)))
	}
}

// block shuts the lock; what blocks it is set already.
func (m *Machine) block() []Action {
	m.lock.held, m.lock.openUntil = false, time.Time{}
	return []Action{ActShut{}, ActRemember{Why: m.lock.memory()}}
}

func (m *Machine) endHold() []Action {
	m.lock.held = false
	return []Action{ActShut{}, logAct(slog.LevelInfo, "the door is not held open any more")}
}

// opened notes that the door was let open.
func (m *Machine) opened(now time.Time, e DoorOpened) {
	if e.Err != nil {
		return
	}
	if end := now.Add(e.Pulse + openGrace); end.After(m.lock.openUntil) {
		m.lock.openUntil = end
	}
	if e.Hold {
		m.lock.held, m.lock.until = true, now.Add(e.Pulse)
	}
}

func (m *Machine) tickLock(now time.Time) []Action {
	if !m.lock.held || now.Before(m.lock.until) {
		return nil
	}
	return m.endHold()
}
