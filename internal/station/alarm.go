package station

import (
	"errors"
	"log/slog"
	"time"
)

// ErrStillTampered says that the tamper alarm cannot be cleared because its switch still gives it.
var ErrStillTampered = errors.New("the tamper switch still gives the alarm: close the door station first")

// Alarm is something that a person should look after at the door.
type Alarm string

const (
	// AlarmGuessing: a caller is locked out after many wrong codes.
	AlarmGuessing Alarm = "guessing"
	// AlarmLeftOpen: the door stands open.
	AlarmLeftOpen Alarm = "left_open"
	// AlarmForced: the door was opened while the lock was shut. It stands until it is cleared.
	AlarmForced Alarm = "forced"
	// AlarmTamper: somebody opens the door station. It stands until it is cleared.
	AlarmTamper Alarm = "tamper"
	// AlarmBlocked: the lock is blocked by order. No alarm at all, but somebody who wonders should be told.
	AlarmBlocked Alarm = "blocked"
)

// ActAlarm raises an alarm, or ends it.
type ActAlarm struct {
	Alarm  Alarm
	On     bool
	Detail string
}

// ContactChanged tells what the door's contact says; the first one after the start tells how the door stands.
type ContactChanged struct {
	Open bool
	At   time.Time
}

// TamperChanged tells what the tamper switch says.
type TamperChanged struct{ Active bool }

// AlarmsCleared says that somebody has looked after the alarms. It is answered by [ActReply] with its ID.
type AlarmsCleared struct{ ID uint64 }

// StandingAlarm is an alarm that stands until it is cleared, over a restart too: [AlarmForced] or [AlarmTamper].
type StandingAlarm struct {
	Alarm Alarm
	Since time.Time
}

// ActKeepAlarms says which alarms stand from now on, to be remembered over a restart; nothing: none.
type ActKeepAlarms struct{ Standing []StandingAlarm }

// Remembered tells why the lock was blocked before the start, as [ActRemember] said, and what [ActKeepGuesses] and [ActKeepAlarms] did.
type Remembered struct {
	Why      string
	Guesses  []Guess
	Standing []StandingAlarm
}

func (ActKeepAlarms) action() {}

func (Remembered) event()     {}
func (ActAlarm) action()      {}
func (ContactChanged) event() {}
func (TamperChanged) event()  {}
func (AlarmsCleared) event()  {}

// openGrace is how long after the lock's pulse somebody may take to push the door.
const openGrace = 10 * time.Second

// DoorState is what is known of the door itself.
type DoorState string

const (
	// DoorUnknown: there is no contact, or it has not told yet.
	DoorUnknown DoorState = ""
	// DoorOpen and DoorClosed are what the contact says.
	DoorOpen   DoorState = "open"
	DoorClosed DoorState = "closed"
)

// watchman is what the machine knows of contact and tamper switch.
type watchman struct {
	door     DoorState
	since    time.Time
	leftOpen bool
	forced   *time.Time // when the door was forced, until the alarms are cleared
	tampered bool       // the switch gives it now
	alarmed  *time.Time // when it began to, until the alarms are cleared
	guessing bool
	blocked  bool
}

// standing is what is to be remembered.
func (w *watchman) standing() ActKeepAlarms {
	var all []StandingAlarm
	if w.forced != nil {
		all = append(all, StandingAlarm{AlarmForced, *w.forced})
	}
	if w.alarmed != nil {
		all = append(all, StandingAlarm{AlarmTamper, *w.alarmed})
	}
	return ActKeepAlarms{all}
}

func (m *Machine) contactChanged(now time.Time, e ContactChanged) []Action {
	before := m.watch.door
	if !e.Open {
		m.watch.door, m.watch.since = DoorClosed, e.At
		if m.watch.leftOpen {
			m.watch.leftOpen = false
			return []Action{ActAlarm{Alarm: AlarmLeftOpen}, logAct(slog.LevelInfo, "the door is shut")}
		}
		return []Action{logAct(slog.LevelDebug, "the door is shut")}
	}
	m.watch.door = DoorOpen
	if before != DoorOpen {
		m.watch.since = e.At
	}
	let := m.lock.held || e.At.Before(m.lock.openUntil)
	acts := []Action{logAct(slog.LevelDebug, "the door is open", slog.Bool("let_open", let))}
	if before == DoorClosed && !let && m.next.ForcedAlarm {
		acts = append(acts, ActAlarm{Alarm: AlarmForced, On: true, Detail: "opened at " + e.At.Format(time.DateTime)})
		if m.watch.forced == nil { // once: a door that swings wears no SD card out
			m.watch.forced = &e.At
			acts = append(acts, m.watch.standing())
		}
	}
	return append(acts, m.tickContact(now)...)
}

func (m *Machine) tamperChanged(now time.Time, e TamperChanged) []Action {
	m.watch.tampered = e.Active
	if !e.Active || m.watch.alarmed != nil {
		return nil
	}
	m.watch.alarmed = &now
	acts := []Action{ActAlarm{Alarm: AlarmTamper, On: true, Detail: "since " + now.Format(time.DateTime)}}
	if m.next.TamperBlocks {
		m.lock.tampered = true
		acts = append(acts, m.block()...)
	}
	return append(acts, m.watch.standing())
}

func (m *Machine) remembered(now time.Time, e Remembered) (acts []Action) {
	m.guesses.restore(e.Guesses, now)
	if until, out := m.guesses.over(now); out {
		m.watch.guessing = true
		acts = append(acts, ActAlarm{Alarm: AlarmGuessing, On: true,
			Detail: "since before the start; an extension is locked out until " + until.Format(time.DateTime)})
	}
	m.lock.ordered = e.Why == BlockedByOrder || e.Why == BlockedByBoth
	tampered := e.Why == BlockedByTamper || e.Why == BlockedByBoth
	m.lock.tampered = tampered && m.next.TamperBlocks
	detail := "since before the start"
	for _, s := range e.Standing {
		when := s.Since.Local().Format(time.DateTime) + ", before the start"
		switch s.Alarm {
		case AlarmForced:
			m.watch.forced = &s.Since
			acts = append(acts, ActAlarm{Alarm: AlarmForced, On: true, Detail: "opened at " + when})
		case AlarmTamper:
			m.watch.alarmed = &s.Since
			detail, tampered = "since "+when, true
		case AlarmGuessing, AlarmLeftOpen, AlarmBlocked: // known by other means
		}
	}
	if tampered {
		if m.watch.alarmed == nil {
			m.watch.alarmed = &now
		}
		acts = append(acts, ActAlarm{Alarm: AlarmTamper, On: true, Detail: detail})
	}
	return acts
}

func (m *Machine) alarmsCleared(now time.Time, e AlarmsCleared) []Action {
	if m.watch.tampered {
		return []Action{ActReply{ID: e.ID, Err: ErrStillTampered}}
	}
	acts := []Action{logAct(slog.LevelInfo, "the alarms are cleared")}
	stood := m.watch.alarmed != nil || m.watch.forced != nil
	if m.watch.alarmed != nil {
		m.watch.alarmed = nil
		acts = append(acts, ActAlarm{Alarm: AlarmTamper})
	}
	if m.lock.tampered {
		m.lock.tampered = false
		acts = append(acts, ActRemember{Why: m.lock.memory()})
	}
	if m.watch.forced != nil {
		m.watch.forced = nil
		acts = append(acts, ActAlarm{Alarm: AlarmForced})
	}
	if stood {
		acts = append(acts, m.watch.standing())
	}
	if len(m.guesses.by) > 0 {
		m.guesses.clear()
		acts = append(acts, m.guesses.kept())
	}
	acts = append(acts, m.tickGuessing(now)...)
	return append(acts, ActReply{ID: e.ID})
}

// leftOpenAt is when a door that stands open becomes an alarm.
func (m *Machine) leftOpenAt() (time.Time, bool) {
	if m.watch.door != DoorOpen || m.watch.leftOpen || m.next.LeftOpen <= 0 {
		return time.Time{}, false
	}
	at := m.watch.since.Add(m.next.LeftOpen)
	if m.lock.held && m.lock.until.After(at) {
		at = m.lock.until // it is meant to stand open
	}
	return at, true
}

func (m *Machine) tickContact(now time.Time) []Action {
	if at, waits := m.leftOpenAt(); !waits || now.Before(at) {
		return nil
	}
	m.watch.leftOpen = true
	return []Action{ActAlarm{Alarm: AlarmLeftOpen, On: true, Detail: "since " + m.watch.since.Format(time.DateTime)}}
}

// tickGuessing ends the alarm when nobody is locked out any more.
func (m *Machine) tickGuessing(now time.Time) []Action {
	if _, on := m.guesses.over(now); on || !m.watch.guessing {
		return nil
	}
	m.watch.guessing = false
	return []Action{ActAlarm{Alarm: AlarmGuessing}}
}

// tickDoor deals with the deadlines of lock, contact and lock-out.
func (m *Machine) tickDoor(now time.Time) []Action {
	acts := append(m.tickLock(now), m.tickContact(now)...)
	acts = append(acts, m.tickGuessing(now)...)
	// Whoever wonders why no code opens is told, however the lock came to be blocked.
	if blocked := m.lock.ordered; blocked != m.watch.blocked {
		m.watch.blocked = blocked
		acts = append(acts, ActAlarm{Alarm: AlarmBlocked, On: blocked})
	}
	return acts
}

// doorDeadline is when tickDoor wants to be called; false: nothing is waited for.
func (m *Machine) doorDeadline(now time.Time) (time.Time, bool) {
	var first time.Time
	waits := false
	soonest := func(at time.Time, is bool) {
		if is && (!waits || at.Before(first)) {
			first, waits = at, true
		}
	}
	soonest(m.lock.until, m.lock.held)
	soonest(m.leftOpenAt())
	if m.watch.guessing {
		soonest(m.guesses.over(now))
	}
	return first, waits
}
