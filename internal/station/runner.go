package station

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// StopLimit is how long Run waits for the phone after it was told to end.
const StopLimit = 5 * time.Second

// ErrNoDoor is what opening the door gives where no lock is configured.
var ErrNoDoor = errors.New("station: there is no lock to open")

// Runner is the goroutine around a [Machine].
type Runner struct {
	machine *Machine // touched by Run only
	phone   Phone
	looks   Looks
	door    Door
	sound   Sounder
	light   Light
	log     *slog.Logger

	codes   Codebook       // may be nil
	alarms  Alarms         // may be nil
	keep    func([]Guess)  // may be nil
	ended   func(Record)   // may be nil
	lookUps sync.WaitGroup // their goroutines

	mu        sync.Mutex
	queue     []Event
	closed    bool
	snapshot  Snapshot
	asked     map[uint64]chan<- error // orders that wait for their answer
	lastAsked uint64
	wake      chan struct{} // has room for one: "the queue is not empty"
}

// NewRunner joins a machine to its surroundings. Door, Sounder and Light may be nil: then a code plays the fault tone, and
// nothing is heard or shown. Looks may be nil where no [Knocked] is ever posted.
func NewRunner(m *Machine, p Phone, looks Looks, d Door, s Sounder, l Light, log *slog.Logger) *Runner {
	return &Runner{
		machine: m, phone: p, looks: looks, door: d, sound: s, light: l, log: log,
		snapshot: m.Snapshot(), wake: make(chan struct{}, 1), asked: map[uint64]chan<- error{},
	}
}

// Use gives it the codes that are hashed, and tells whom to tell of alarms and of what is to be remembered of wrong codes; each may be nil.
// None of them may block. It is called before Run.
func (r *Runner) Use(c Codebook, a Alarms, keep func([]Guess)) {
	r.codes, r.alarms, r.keep = c, a, keep
}

// OnVisit has f told of each visit that has ended, in order, from Run's goroutine: it must not block. It is called before Run.
func (r *Runner) OnVisit(f func(Record)) { r.ended = f }

// Post hands an event in. It never blocks; events are handled in the order they were posted. After Run has returned it does
// nothing. It may be called from any goroutine, also from inside Phone, Door, Sounder and Light.
func (r *Runner) Post(ev Event) {
	r.mu.Lock()
	if !r.closed {
		r.queue = append(r.queue, ev)
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Snapshot is the station as it stands. Inside Phone.Call it tells that visit's press already.
func (r *Runner) Snapshot() Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.snapshot
	s.Targets = append([]string(nil), s.Targets...)
	return s
}

// Run works until ctx is done; then it hangs up, waits until the phone has ended visit and look (at most [StopLimit]) and returns
// nil. It is called once.
func (r *Runner) Run(ctx context.Context) error {
	defer r.lookUps.Wait()
	defer r.close()
	stop := ctx.Done()
	var giveUp <-chan time.Time
	for {
		if s := r.machine.Snapshot(); stop == nil && s.State == StateIdle && s.Look.State == LookNone {
			return nil
		}
		timer := r.timer()
		select {
		case <-stop:
			stop = nil
			limit := time.NewTimer(StopLimit)
			defer limit.Stop() // once: stop is nil from here on
			giveUp = limit.C
			r.handle(Stopping{})
		case <-giveUp:
			r.log.Error("the phone did not end the call in time", "after", StopLimit)
			return nil
		case <-timer.C:
			r.do(r.machine.Tick(time.Now()))
		case <-r.wake:
			for _, ev := range r.take() {
				r.handle(ev)
			}
		}
		timer.Stop()
	}
}

// timer fires at the machine's deadline; without one it rests.
func (r *Runner) timer() *time.Timer {
	due, ok := r.machine.Deadline()
	if !ok {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTimer(time.Until(due))
}

func (r *Runner) take() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.queue
	r.queue = nil
	return q
}

func (r *Runner) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.queue = true, nil
	for id, answer := range r.asked {
		answer <- ErrStopped
		delete(r.asked, id)
	}
}

func (r *Runner) handle(ev Event) {
	if p, ok := ev.(pulse); ok {
		close(p.answer)
		return
	}
	r.do(r.machine.Handle(time.Now(), ev))
}

// do carries actions out; the snapshot is renewed before, so that whoever is called sees the state it is called in.
func (r *Runner) do(acts []Action) {
	now := r.machine.Snapshot()
	r.mu.Lock()
	before := r.snapshot.Last.Visit
	r.snapshot = now
	r.mu.Unlock()
	if now.Last.Visit != before && r.ended != nil { // no event ends two
		r.ended(now.Last)
	}
	for _, act := range acts {
		switch a := act.(type) {
		case ActCall:
			r.phone.Call(a.Visit, a.Plan)
		case ActHangup:
			r.phone.Hangup(a.Visit, a.Outcome)
		case ActAdmit:
			r.looks.Admit(a.Look)
		case ActRefuse:
			r.looks.Refuse(a.Look, a.Caller, a.Why)
		case ActLoudspeaker:
			r.looks.Loudspeaker(a.Look, a.Open)
		case ActEndLook:
			r.looks.EndLook(a.Look, a.Outcome)
		case ActOpen:
			granted, err := r.open(a.Pulse)
			r.handle(DoorOpened{Visit: a.Visit, Look: a.Look, Order: a.Order, Hold: a.Hold, Pulse: granted, Err: err})
		case ActShut:
			r.shut()
		case ActRemember:
			if r.door != nil {
				r.door.Remember(a.Why)
			}
		case ActLookUp:
			r.lookUp(a)
		case ActAlarm:
			if r.alarms != nil {
				r.alarms.Alarm(a.Alarm, a.On, a.Detail)
			}
		case ActKeepAlarms:
			if r.alarms != nil {
				r.alarms.Keep(a.Standing)
			}
		case ActKeepGuesses:
			if r.keep != nil {
				r.keep(a.Guesses)
			}
		case ActReply:
			r.reply(a.ID, a.Err)
		case ActPlay:
			if r.sound != nil {
				r.sound.Play(a.Tone)
			}
		case ActStopSound:
			if r.sound != nil {
				r.sound.Stop()
			}
		case ActShow:
			if r.light != nil {
				r.light.Show(a.State)
			}
		case ActLog:
			r.log.LogAttrs(context.Background(), a.Level, a.Message, a.Attrs...)
		}
	}
}

func (r *Runner) open(pulse time.Duration) (time.Duration, error) {
	if r.door == nil {
		return 0, ErrNoDoor
	}
	return r.door.Open(pulse)
}

// shut shuts the lock. One that is not there is shut.
func (r *Runner) shut() {
	if r.door == nil {
		return
	}
	if err := r.door.Shut(); err != nil {
		r.log.Error("the lock was not shut", "error", err)
	}
}

// lookUp looks a code up beside Run: hashing takes its time, and a press must not wait for it.
func (r *Runner) lookUp(a ActLookUp) {
	if r.codes == nil {
		r.handle(CodeLookedUp{Try: a.Try})
		return
	}
	r.lookUps.Go(func() {
		name, right := r.codes.LookUp(a.Digits)
		r.Post(CodeLookedUp{Try: a.Try, Name: name, Right: right})
	})
}
