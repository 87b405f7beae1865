package station

import (
	"log/slog"
	"maps"
	"slices"
	"time"
)

// Machine is the station without its surroundings. It is not safe for concurrent use.
type Machine struct {
	next     Config // of the next visit
	state    State
	since    time.Time
	visits   VisitID
	visit    visit    // meaningless when idle
	look     look     // beside the visit
	pending  *Pressed // made while the visit before was ending
	stopping bool
	talks    int
	ignored  int
	looks    int
	refused  int
	last     Record

	lastRefused string

	lock    lock
	watch   watchman
	guesses guesses
	tries   map[TryID]try
	lastTry TryID
	now     time.Time // of the newest event or tick
}

// visit is what is known of the visit that is on.
type visit struct {
	press    Pressed
	config   Config
	plan     Plan
	ring     time.Duration
	began    time.Time
	deadline time.Time // of the state
	answered string
	talkFrom time.Time
	talk     time.Duration
	pad      *keypad
	decided  Outcome // by the station, over what the phone says; empty: the phone's word counts
	person   string  // whose code was accepted last; empty: one of the configuration's
	openings []Opening
}

// mostOpenings bounds what is remembered of one visit.
const mostOpenings = 8

// NewMachine makes an idle station.
func NewMachine(c Config) *Machine {
	return &Machine{next: cloneConfig(c), state: StateIdle, tries: map[TryID]try{}}
}

// Handle takes an event that happened now and says what is to be done. A deadline that passed before now is dealt with first,
// so that the order of event and [Machine.Tick] at a limit does not matter.
func (m *Machine) Handle(now time.Time, ev Event) []Action {
	acts := m.Tick(now)
	switch e := ev.(type) {
	case Pressed:
		acts = append(acts, m.pressed(now, e)...)
	case Ringing:
		acts = append(acts, m.ringing(now, e)...)
	case NobodyThere:
		acts = append(acts, m.nobodyThere(now, e)...)
	case EarlyMedia:
		acts = append(acts, m.earlyMedia(e)...)
	case Answered:
		acts = append(acts, m.answer(now, e)...)
	case Digit:
		acts = append(acts, m.digit(now, e)...)
	case DoorOpened:
		acts = append(acts, m.doorOpened(now, e)...)
	case CodeLookedUp:
		acts = append(acts, m.codeLookedUp(now, e)...)
	case LockOrdered:
		acts = append(acts, m.lockOrdered(now, e)...)
	case ContactChanged:
		acts = append(acts, m.contactChanged(now, e)...)
	case TamperChanged:
		acts = append(acts, m.tamperChanged(now, e)...)
	case Remembered:
		acts = append(acts, m.remembered(now, e)...)
	case AlarmsCleared:
		acts = append(acts, m.alarmsCleared(now, e)...)
	case CallEnded:
		acts = append(acts, m.callEnded(now, e)...)
	case Knocked:
		acts = append(acts, m.knocked(now, e)...)
	case LookBegan:
		acts = append(acts, m.lookBegan(now, e)...)
	case LookDigit:
		acts = append(acts, m.lookDigit(now, e)...)
	case LookEnded:
		acts = append(acts, m.lookEnded(now, e)...)
	case Configured:
		m.next = cloneConfig(e.Config)
	case Stopping:
		acts = append(acts, m.stop(now)...)
	}
	return append(acts, m.tickDoor(now)...)
}

// Tick deals with the deadlines that have passed at now.
func (m *Machine) Tick(now time.Time) []Action {
	m.now = now
	return append(append(m.tickLook(now), m.tickVisit(now)...), m.tickDoor(now)...)
}

func (m *Machine) tickVisit(now time.Time) []Action {
	if m.state == StateIdle || now.Before(m.visit.deadline) {
		return nil
	}
	switch m.state {
	case StateCalling, StateRinging:
		return m.hangup(now, OutcomeNoAnswer, "nobody answered within the ring limit")
	case StateTalking:
		return m.hangup(now, OutcomeTalked, "the talk limit is reached")
	case StateEnding:
		acts := []Action{logAct(slog.LevelError, "the phone did not end the call; going on without it",
			slog.Uint64("visit", uint64(m.visits)), slog.Duration("after", HangupGuard))}
		return append(acts, m.finish(now, OutcomeFailed)...)
	case StateIdle, StateLooking: // have no deadline
	}
	return nil
}

// Deadline is when Tick must be called at the latest; false: nothing is waited for.
func (m *Machine) Deadline() (time.Time, bool) {
	first, waits := m.doorDeadline(m.now)
	if m.state != StateIdle && (!waits || m.visit.deadline.Before(first)) {
		first, waits = m.visit.deadline, true
	}
	if m.look.State != LookNone && (!waits || m.look.deadline.Before(first)) {
		first, waits = m.look.deadline, true
	}
	return first, waits
}

// Snapshot is the station as it stands.
func (m *Machine) Snapshot() Snapshot {
	s := Snapshot{
		State: m.state, Since: m.since, Calls: int(m.visits), Talks: m.talks, Ignored: m.ignored, Last: m.last,
		Look: m.look.LookSnapshot, Looks: m.looks, Refused: m.refused, LastRefused: m.lastRefused,
		Lock: m.lock.snapshot(), Door: m.watch.door, Tampered: m.watch.tampered || m.watch.alarmed != nil,
		WrongCodes: m.guesses.wrong, LockOuts: m.guesses.lockOuts,
	}
	if m.state != StateIdle {
		s.Visit = m.visits
		s.Button = m.visit.press.Button
		s.Targets = m.visit.plan.Targets()
		s.PressID = m.visit.press.ID
		s.PressAt = m.visit.press.At
		s.Answered = m.visit.answered
	}
	return s
}

func (m *Machine) pressed(now time.Time, p Pressed) []Action {
	switch {
	case m.stopping:
		return m.ignore(p, "press ignored: the agent is stopping")
	case m.state == StateIdle:
		return m.begin(now, p)
	case m.state == StateEnding && m.pending == nil:
		// The visitor sees an idle door or hears the call end: this press must not be lost.
		m.pending = &p
		return []Action{logAct(slog.LevelInfo, "press kept: it rings as soon as the visit before has ended",
			slog.Uint64("press", p.ID), slog.String("button", p.Button))}
	default:
		return m.ignore(p, "press ignored: a visit is on")
	}
}

func (m *Machine) ignore(p Pressed, why string) []Action {
	m.ignored++
	return []Action{logAct(slog.LevelInfo, why, slog.Uint64("press", p.ID), slog.String("button", p.Button),
		slog.String("state", string(m.state)), slog.Uint64("visit", uint64(m.visits)))}
}

// begin starts a visit.
func (m *Machine) begin(now time.Time, p Pressed) []Action {
	button, known := m.next.Buttons[p.Button]
	plan := button.plan()
	if !known || len(plan.Steps) == 0 {
		return []Action{
			logAct(slog.LevelError, "press calls nobody: the button has no one to call",
				slog.Uint64("press", p.ID), slog.String("button", p.Button)),
			ActPlay{ToneFault},
		}
	}
	m.visits++
	m.visit = visit{
		press:  p,
		config: m.next,
		plan:   plan,
		ring:   positive(button.Ring, DefaultRing),
		began:  now,
		pad:    newKeypad(m.next),
	}
	acts := []Action{ActCall{Visit: m.visits, Plan: plan.clone(), Button: p.Button}}
	acts = append(acts, m.enter(now, StateCalling)...)
	m.visit.deadline = now.Add(max(m.visit.ring, DialLimit))
	return append(acts, ActPlay{ToneRinging}, logAct(slog.LevelInfo, "visit begins", slog.Uint64("visit", uint64(m.visits)),
		slog.Uint64("press", p.ID), slog.String("button", p.Button), slog.Any("targets", plan.Targets())))
}

// nobodyThere shortens the wait for the first phone that rings: the PBX has told that there is none. Whoever comes meanwhile
// is found, but the visitor is not kept for longer than a visit rings.
func (m *Machine) nobodyThere(now time.Time, e NobodyThere) []Action {
	if e.Visit != m.visits || m.state != StateCalling {
		return nil
	}
	if due := m.visit.began.Add(m.visit.ring); due.Before(m.visit.deadline) {
		m.visit.deadline = due
	}
	acts := []Action{logAct(slog.LevelInfo, "nobody is there; they are tried again while it rings",
		slog.Uint64("visit", uint64(e.Visit)), slog.Duration("for", max(0, m.visit.deadline.Sub(now))))}
	return append(acts, m.Tick(now)...)
}

func (m *Machine) ringing(now time.Time, e Ringing) []Action {
	if e.Visit != m.visits || m.state != StateCalling {
		return nil
	}
	m.visit.deadline = now.Add(m.visit.ring)
	return append(m.enter(now, StateRinging), logAct(slog.LevelInfo, "it rings",
		slog.Uint64("visit", uint64(e.Visit)), slog.String("target", e.Target)))
}

// earlyMedia lets the visitor hear either the ringing tone or what comes from the far side.
func (m *Machine) earlyMedia(e EarlyMedia) []Action {
	if e.Visit != m.visits || m.state != StateCalling && m.state != StateRinging {
		return nil
	}
	if e.On {
		return []Action{ActStopSound{}}
	}
	return []Action{ActPlay{ToneRinging}}
}

func (m *Machine) answer(now time.Time, e Answered) []Action {
	if e.Visit != m.visits || m.state != StateCalling && m.state != StateRinging {
		return nil // when ending: the hang-up on its way covers this answer, too
	}
	m.talks++
	m.visit.answered = e.Target
	m.visit.talkFrom = now
	// One conversation at a time: whoever looked has rung with the others, or may call again.
	acts := append(m.endLook(now, OutcomeTalked, "a visitor is being answered"), ActStopSound{})
	acts = append(acts, m.enter(now, StateTalking)...)
	m.visit.deadline = now.Add(positive(m.visit.config.MaxTalk, DefaultMaxTalk))
	return append(acts, logAct(slog.LevelInfo, "answered",
		slog.Uint64("visit", uint64(e.Visit)), slog.String("target", e.Target)))
}

func (m *Machine) digit(now time.Time, e Digit) []Action {
	if e.Visit != m.visits || m.state != StateTalking {
		return nil
	}
	key, ok := upperKey(e.Digit)
	if !ok {
		return nil
	}
	return m.typedDigit(now, typed{at: now, digit: key}, m.visit.pad, m.visitor())
}

// visitor is who talks in the visit that is on.
func (m *Machine) visitor() caller { return caller{visit: m.visits, who: m.visit.answered} }

func (m *Machine) doorOpened(now time.Time, e DoorOpened) []Action {
	m.opened(now, e)
	var acts []Action
	if e.Order != 0 {
		acts = append(acts, ActReply{ID: e.Order, Err: e.Err})
	}
	tone := ToneOpened
	if e.Err != nil {
		tone = ToneFault
		acts = append(acts, logAct(slog.LevelError, "the door did not open",
			slog.Uint64("visit", uint64(e.Visit)), slog.Uint64("look", uint64(e.Look)), slog.Any("error", e.Err)))
	}
	inVisit := e.Look == 0 && e.Order == 0 && e.Visit == m.visits && m.state == StateTalking
	if inVisit && e.Err == nil && len(m.visit.openings) < mostOpenings {
		m.visit.openings = append(m.visit.openings, Opening{At: now, By: m.visit.answered, Person: m.visit.person})
	}
	// While a visit rings, its tone is what the visitor is to hear.
	inLook := e.Look != 0 && e.Look == m.look.Look && m.look.State == LookOn && m.state == StateIdle
	if inVisit || inLook {
		acts = append(acts, ActPlay{tone})
	}
	return acts
}

func (m *Machine) callEnded(now time.Time, e CallEnded) []Action {
	if e.Visit != m.visits || m.state == StateIdle {
		return nil
	}
	return m.finish(now, e.Outcome)
}

func (m *Machine) stop(now time.Time) []Action {
	m.stopping = true
	var acts []Action
	if m.pending != nil {
		acts = m.ignore(*m.pending, "press given up: the agent is stopping")
		m.pending = nil
	}
	switch m.state {
	case StateCalling, StateRinging, StateTalking:
		acts = append(acts, m.hangup(now, OutcomeStopped, "the agent is stopping")...)
	case StateIdle, StateLooking, StateEnding:
	}
	return append(acts, m.endLook(now, OutcomeStopped, "the agent is stopping")...)
}

// hangup ends the visit by the station's own decision.
func (m *Machine) hangup(now time.Time, o Outcome, why string) []Action {
	m.visit.decided = o
	acts := []Action{logAct(slog.LevelInfo, "hanging up: "+why, slog.Uint64("visit", uint64(m.visits))), ActStopSound{}}
	acts = append(acts, m.enter(now, StateEnding)...)
	m.visit.deadline = now.Add(HangupGuard)
	return append(acts, ActHangup{Visit: m.visits, Outcome: o})
}

// finish closes the visit; a press that was kept begins the next one.
func (m *Machine) finish(now time.Time, phone Outcome) []Action {
	m.endTalk(now)
	counted := m.endDigits(now, m.visit.pad, m.visitor())
	outcome := m.visit.decided
	if outcome == "" || outcome == OutcomeNoAnswer && phone.tellsWhy() {
		outcome = phone
	}
	if !outcome.known() {
		outcome = OutcomeFailed
	}
	m.last = Record{
		Visit: m.visits, Button: m.visit.press.Button, At: m.visit.press.At,
		Outcome: outcome, Answered: m.visit.answered, Talked: m.visit.talkFrom, Talk: m.visit.talk,
		Called: m.visit.plan.Targets(), Ended: now, Openings: m.visit.openings,
	}
	acts := append(counted,
		logAct(slog.LevelInfo, "visit ends", slog.Uint64("visit", uint64(m.visits)), slog.String("outcome", string(outcome)),
			slog.String("answered_by", m.last.Answered), slog.Duration("talk", m.last.Talk)),
		ActStopSound{},
	)
	acts = append(acts, m.enter(now, StateIdle)...)
	m.visit = visit{}
	if p := m.pending; p != nil {
		m.pending = nil
		return append(acts, m.begin(now, *p)...) // its ringing takes the place of the goodbye
	}
	return append(acts, ActPlay{outcome.Tone()})
}

// enter changes the state and shows it.
func (m *Machine) enter(now time.Time, s State) []Action {
	m.endTalk(now)
	m.state, m.since = s, now
	return []Action{ActShow{m.shown(s)}}
}

// endTalk measures the conversation when it is over.
func (m *Machine) endTalk(now time.Time) {
	if m.state == StateTalking {
		m.visit.talk = now.Sub(m.visit.talkFrom)
	}
}

func logAct(level slog.Level, message string, attrs ...slog.Attr) ActLog {
	return ActLog{Level: level, Message: message, Attrs: attrs}
}

func positive(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// cloneConfig keeps the caller's later changes out.
func cloneConfig(c Config) Config {
	c.Codes, c.HashedLengths = slices.Clone(c.Codes), slices.Clone(c.HashedLengths)
	c.Incoming.Callers = slices.Clone(c.Incoming.Callers)
	c.Buttons = maps.Clone(c.Buttons)
	for name, b := range c.Buttons {
		b.Steps = b.plan().Steps
		c.Buttons[name] = b
	}
	return c
}
