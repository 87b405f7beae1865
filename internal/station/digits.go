package station

import (
	"log/slog"
	"time"
)

// TryID numbers the codes that are looked up, from 1.
type TryID uint64

// ActLookUp asks whether digits are a hashed code. That takes its time; it is answered by [CodeLookedUp].
type ActLookUp struct {
	Try    TryID
	Digits string
}

// CodeLookedUp is the answer to [ActLookUp]. Name is whose code it is. The Runner posts it by itself.
type CodeLookedUp struct {
	Try   TryID
	Name  string
	Right bool
}

func (ActLookUp) action()   {}
func (CodeLookedUp) event() {}

// caller is whose digits are read: the answered extension of a visit, or the caller of a look.
type caller struct {
	visit VisitID
	look  LookID
	who   string
	talk  string // the digits of the loudspeaker, which are no guess
}

// try is a code that is being looked up.
type try struct {
	attempt *attempt
	pad     *keypad
	caller  caller
}

// typedDigit takes a key of a conversation, which was typed no later than now.
func (m *Machine) typedDigit(now time.Time, t typed, pad *keypad, c caller) []Action {
	quiet := []Action{logAct(slog.LevelDebug, "digit", slog.Uint64("visit", uint64(c.visit)), slog.Uint64("look", uint64(c.look)))}
	if pad.book.longest == 0 {
		return quiet
	}
	if pad.looking != nil {
		if len(pad.waiting) < mostWaiting {
			pad.waiting = append(pad.waiting, t)
		}
		return quiet
	}
	if until, blocked := m.guesses.blocked(c.who, now); blocked {
		pad.current = &attempt{}
		if !pad.paused.Equal(until) {
			pad.paused = until
			return []Action{logAct(slog.LevelWarn, "digits are not looked at, after wrong codes", slog.String("by", c.who), slog.Time("until", until))}
		}
		return quiet
	}
	j := pad.key(t)
	var acts []Action
	if j.ended != nil {
		acts = m.judge(now, j.ended, pad, c)
	}
	if j.lookUp != nil {
		m.lastTry++
		m.tries[m.lastTry] = try{j.lookUp, pad, c}
		acts = append(acts, ActLookUp{Try: m.lastTry, Digits: string(j.lookUp.digits)})
	}
	if j.opened {
		acts = append(acts, m.accepted(now, c, "")...)
	}
	if acts == nil {
		return quiet
	}
	return acts
}

// endDigits ends the attempt of a conversation that is over.
func (m *Machine) endDigits(now time.Time, pad *keypad, c caller) []Action {
	if pad == nil {
		return nil
	}
	pad.waiting = nil
	if a := pad.end(); a != nil {
		return m.judge(now, a, pad, c)
	}
	return nil
}

// judge counts an attempt that was wrong.
func (m *Machine) judge(now time.Time, a *attempt, pad *keypad, c caller) []Action {
	if !a.wrong(pad.book) || string(a.digits) == c.talk {
		return nil
	}
	if a.forgive && m.guesses.spare(c.who, now) {
		return []Action{m.guesses.kept()}
	}
	pause, out := m.guesses.add(c.who, now)
	acts := []Action{logAct(slog.LevelWarn, "wrong code", slog.Uint64("visit", uint64(c.visit)), slog.Uint64("look", uint64(c.look)),
		slog.String("by", c.who), slog.Duration("pause", pause)), m.guesses.kept()}
	if out {
		m.watch.guessing = true
		acts = append(acts, ActAlarm{Alarm: AlarmGuessing, On: true,
			Detail: "extension " + c.who + " is locked out until " + now.Add(pause).Format(time.DateTime)})
	}
	return acts
}

// accepted opens the door to whoever typed a code.
func (m *Machine) accepted(now time.Time, c caller, name string) []Action {
	var acts []Action
	if c.look == 0 {
		m.visit.person = name
	}
	if m.guesses.forgive(c.who, now) {
		acts = append(acts, m.guesses.kept())
	}
	acts = append(acts, logAct(slog.LevelInfo, "code accepted", slog.Uint64("visit", uint64(c.visit)), slog.Uint64("look", uint64(c.look)),
		slog.String("by", c.who), slog.String("code_of", name)))
	return append(acts, m.open(now, c, m.pulseOf(c))...)
}

// pulseOf is the pulse of the settings that the conversation began with.
func (m *Machine) pulseOf(c caller) time.Duration {
	if c.look != 0 {
		return m.look.config.Pulse
	}
	return m.visit.config.Pulse
}

// inCall tells whether a conversation is still on.
func (m *Machine) inCall(c caller) bool {
	if c.look != 0 {
		return c.look == m.look.Look && m.look.State == LookOn
	}
	return c.visit == m.visits && m.state == StateTalking
}

func (m *Machine) codeLookedUp(now time.Time, e CodeLookedUp) []Action {
	t, known := m.tries[e.Try]
	if !known {
		return nil
	}
	delete(m.tries, e.Try)
	a, pad := t.attempt, t.pad
	a.pending--
	var acts []Action
	_, blocked := m.guesses.blocked(t.caller.who, now)
	switch {
	case e.Right && !a.right && !blocked && m.inCall(t.caller):
		pad.accept(a)
		acts = m.accepted(now, t.caller, e.Name)
	case e.Right:
		a.right = true // too late, but no guess
	default:
		acts = m.judge(now, a, pad, t.caller)
	}
	if pad.looking == a && a.pending == 0 {
		pad.looking = nil
		waiting := pad.waiting
		pad.waiting = nil
		if !m.inCall(t.caller) { // the door hangs up: nothing is tried any more, so nothing is a guess
			waiting = nil
		}
		for _, w := range waiting {
			acts = append(acts, m.typedDigit(now, w, pad, t.caller)...)
		}
	}
	return acts
}
