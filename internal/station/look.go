package station

import (
	"log/slog"
	"slices"
	"time"
)

// A look is a call to the door: somebody of the household looks and listens. The loudspeaker stays closed until the talk code is
// typed, so that nobody at the door is startled, or talked to by accident. A press during a look rings as always; the look ends
// when its visit is answered.

// LookID numbers the calls to the door since the start of the agent, from 1.
type LookID uint64

// LookState is where a look stands.
type LookState string

const (
	// LookNone is the state without a look.
	LookNone LookState = ""
	// LookAnswering lasts from the call until it is up.
	LookAnswering LookState = "answering"
	// LookOn lasts until somebody hangs up.
	LookOn LookState = "looking"
	// LookEnding lasts from the door's own hang-up until the phone is done with it.
	LookEnding LookState = "ending"
)

// LookSetupLimit is how long the phone may take to bring an admitted call up.
const LookSetupLimit = 45 * time.Second

// DefaultTalk opens the loudspeaker in a configuration that names no code.
const DefaultTalk = "*"

// Incoming says who may call the door.
type Incoming struct {
	// Callers are the extensions that may.
	Callers []string
	// Answer says whether the door answers them.
	Answer bool
	// Talk are the digits that open the loudspeaker, and close it again. Empty: DefaultTalk.
	Talk string
}

// Refusal is why a call to the door is not taken.
type Refusal string

const (
	// RefusedForbidden: the caller is not one of those who may call.
	RefusedForbidden Refusal = "forbidden"
	// RefusedBusy: a visit or another look is on.
	RefusedBusy Refusal = "busy"
	// RefusedUnavailable: the door answers no calls, or the agent is stopping.
	RefusedUnavailable Refusal = "unavailable"
)

// Looks makes what the station decides of the calls to the door. Its methods return at once; a call that was admitted is followed
// by [LookBegan] and at last [LookEnded], or only by the latter. A look that has ended is left alone.
type Looks interface {
	// Admit answers the call, with the loudspeaker closed.
	Admit(l LookID)
	// Refuse does not; no event follows.
	Refuse(l LookID, caller string, why Refusal)
	// Loudspeaker opens the loudspeaker to the caller's voice, or closes it.
	Loudspeaker(l LookID, open bool)
	// EndLook hangs up.
	EndLook(l LookID, why Outcome)
}

// LookSnapshot is a look at one moment.
type LookSnapshot struct {
	Look        LookID
	State       LookState
	Caller      string
	Since       time.Time // of State
	Loudspeaker bool
}

// look is what is known of the look that is on; the zero value: there is none.
type look struct {
	LookSnapshot
	config   Config
	deadline time.Time
	pad      *keypad
	talk     *codeReader
	talkCode string
}

// knocked decides about a call to the door.
func (m *Machine) knocked(now time.Time, e Knocked) []Action {
	in := m.next.Incoming
	allowed := e.Caller != "" && slices.Contains(in.Callers, e.Caller)
	switch {
	case !allowed:
		m.refused++
		m.lastRefused = e.Caller
		return m.refuse(e, RefusedForbidden)
	case m.stopping, !in.Answer:
		return m.refuse(e, RefusedUnavailable)
	case m.state != StateIdle, m.look.State != LookNone:
		return m.refuse(e, RefusedBusy)
	}
	talk := in.Talk
	if talk == "" {
		talk = DefaultTalk
	}
	m.look = look{
		LookSnapshot: LookSnapshot{Look: e.Look, State: LookAnswering, Caller: e.Caller, Since: now},
		config:       m.next, deadline: now.Add(LookSetupLimit),
		pad: newKeypad(m.next), talk: newCodeReader([]string{talk}), talkCode: talk,
	}
	return []Action{
		ActShow{StateLooking}, ActAdmit{e.Look},
		logAct(slog.LevelInfo, "a call to the door is answered", slog.Uint64("look", uint64(e.Look)), slog.String("caller", e.Caller)),
	}
}

func (m *Machine) refuse(e Knocked, why Refusal) []Action {
	return []Action{
		ActRefuse{Look: e.Look, Caller: e.Caller, Why: why},
		logAct(slog.LevelInfo, "a call to the door is refused", slog.Uint64("look", uint64(e.Look)), slog.String("caller", e.Caller),
			slog.String("why", string(why))),
	}
}

func (m *Machine) lookBegan(now time.Time, e LookBegan) []Action {
	if e.Look != m.look.Look || m.look.State != LookAnswering {
		return nil
	}
	m.looks++
	m.look.State, m.look.Since = LookOn, now
	m.look.deadline = now.Add(positive(m.look.config.MaxTalk, DefaultMaxTalk))
	return nil
}

func (m *Machine) lookDigit(now time.Time, e LookDigit) []Action {
	if e.Look != m.look.Look || m.look.State != LookOn {
		return nil
	}
	key, ok := upperKey(e.Digit)
	if !ok {
		return nil
	}
	t := typed{at: now, digit: key}
	id := slog.Uint64("look", uint64(e.Look))
	var acts []Action
	if m.look.talk.digit(now, e.Digit) {
		m.look.Loudspeaker = !m.look.Loudspeaker
		acts = append(acts, ActLoudspeaker{Look: e.Look, Open: m.look.Loudspeaker},
			logAct(slog.LevelInfo, "the talk code was typed", id, slog.Bool("loudspeaker", m.look.Loudspeaker)))
		if m.look.pad.book.alien(m.look.talkCode) {
			t.cut = len(m.look.talkCode)
		}
	}
	return append(acts, m.typedDigit(now, t, m.look.pad, m.looker())...)
}

// looker is who looks.
func (m *Machine) looker() caller {
	return caller{look: m.look.Look, who: m.look.Caller, talk: m.look.talkCode}
}

// endLook hangs up by the station's own decision.
func (m *Machine) endLook(now time.Time, o Outcome, why string) []Action {
	if m.look.State != LookAnswering && m.look.State != LookOn {
		return nil
	}
	m.look.State, m.look.Since = LookEnding, now
	m.look.deadline = now.Add(HangupGuard)
	return []Action{
		logAct(slog.LevelInfo, "the look is ended: "+why, slog.Uint64("look", uint64(m.look.Look))),
		ActEndLook{Look: m.look.Look, Outcome: o},
	}
}

func (m *Machine) lookEnded(now time.Time, e LookEnded) []Action {
	if e.Look != m.look.Look || m.look.State == LookNone {
		return nil
	}
	talked := m.look.Loudspeaker
	acts := m.endDigits(now, m.look.pad, m.looker())
	m.look = look{}
	if m.state != StateIdle {
		return acts
	}
	acts = append(acts, ActShow{StateIdle})
	if talked {
		acts = append(acts, ActPlay{ToneEnded}) // whoever stands there has heard a voice
	}
	return acts
}

// tickLook deals with the look's deadline.
func (m *Machine) tickLook(now time.Time) []Action {
	if m.look.State == LookNone || now.Before(m.look.deadline) {
		return nil
	}
	switch m.look.State {
	case LookOn:
		return m.endLook(now, OutcomeTalked, "the talk limit is reached")
	case LookAnswering:
		return m.endLook(now, OutcomeFailed, "the call did not come up")
	default:
		acts := []Action{logAct(slog.LevelError, "the phone did not end the look; going on without it",
			slog.Uint64("look", uint64(m.look.Look)), slog.Duration("after", HangupGuard))}
		return append(acts, m.lookEnded(now, LookEnded{m.look.Look})...)
	}
}

// shown is what the light shows in a state of the visit: a look is shown, too, so that nobody is watched unawares.
func (m *Machine) shown(s State) State {
	if s == StateIdle && m.look.State != LookNone {
		return StateLooking
	}
	return s
}
