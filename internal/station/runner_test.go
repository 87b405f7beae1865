package station

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is a phone, a door, a sounder and a light in one, writing down what they were told.
type world struct {
	mu     sync.Mutex
	told   []string
	runner *Runner
	mute   bool // the phone never ends a call
	jammed error
	log    bytes.Buffer
}

func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, fmt.Sprintf(format, args...))
}

func (w *world) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

func (w *world) Call(v VisitID, plan Plan) {
	s := w.runner.Snapshot()
	w.say("call#%d %s press %d", v, planText(plan), s.PressID)
	w.runner.Post(Ringing{v, plan.Steps[0][0]}) // from inside: must not block
}

func (w *world) Hangup(v VisitID, why Outcome) {
	w.say("hangup#%d %s", v, why)
	if !w.mute {
		w.runner.Post(CallEnded{v, OutcomeCancelled})
	}
}

func (w *world) Admit(l LookID) {
	w.say("admit#%d", l)
	w.runner.Post(LookBegan{l})
}

func (w *world) Refuse(l LookID, caller string, why Refusal) {
	w.say("refuse#%d %s %s", l, caller, why)
}

func (w *world) Loudspeaker(l LookID, open bool) { w.say("loudspeaker#%d %v", l, open) }

func (w *world) EndLook(l LookID, why Outcome) {
	w.say("endlook#%d %s", l, why)
	if !w.mute {
		w.runner.Post(LookEnded{l})
	}
}

func (w *world) Open(pulse time.Duration) (time.Duration, error) {
	w.say("open %s", pulse)
	return min(pulse, 40*time.Second), w.jammed // which is as long as this lock may be open
}
func (w *world) Shut() error         { w.say("shut"); return nil }
func (w *world) Remember(why string) { w.say("remember %q", why) }
func (w *world) Play(t Tone)         { w.say("hear %s", t) }
func (w *world) Stop()               {}
func (w *world) Show(s State)        { w.say("see %s", s) }

// start runs a station on the fake clock of synctest.
func (w *world) start(ctx context.Context) (end <-chan error) {
	log := slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.runner = NewRunner(NewMachine(home()), w, w, w, w, w, log)
	ch := make(chan error, 1)
	go func() { ch <- w.runner.Run(ctx) }()
	return ch
}

func (w *world) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := w.all(); !slices.Equal(got, want) {
		t.Errorf("told:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	w.mu.Lock()
	w.told = nil
	w.mu.Unlock()
}

func TestRunnerRingsTalksOpensAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{}
		end := w.start(ctx)
		w.runner.Post(Pressed{ID: 7, Button: "Front door", At: time.Now()})
		w.expect(t, "call#1 101+102 press 7", "see calling", "hear ringing", "see ringing")
		time.Sleep(44 * time.Second)
		w.runner.Post(Answered{1, "102"})
		w.expect(t, "see talking")
		time.Sleep(4 * time.Minute)
		w.runner.Post(Digit{1, '1'})
		w.expect(t, "open 3s", "hear opened")
		if s := w.runner.Snapshot(); s.State != StateTalking || s.Answered != "102" {
			t.Errorf("snapshot %+v", s)
		}
		stop()
		w.expect(t, "see ending", "hangup#1 stopped", "see idle", "hear ended")
		if err := <-end; err != nil {
			t.Error(err)
		}
		w.runner.Post(Pressed{ID: 8, Button: "Front door", At: time.Now()})
		w.expect(t)
	})
}

func TestRunnerKeepsTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{}
		end := w.start(ctx)
		w.runner.Post(Pressed{ID: 1, Button: "Front door"})
		w.expect(t, "call#1 101+102 press 1", "see calling", "hear ringing", "see ringing")
		time.Sleep(45*time.Second - time.Nanosecond)
		w.expect(t)
		time.Sleep(time.Nanosecond)
		w.expect(t, "see ending", "hangup#1 no_answer", "see idle", "hear nobody")
		w.runner.Post(Pressed{ID: 2, Button: "Garden"})
		w.expect(t, "call#2 103 press 2", "see calling", "hear ringing", "see ringing")
		w.runner.Post(Answered{2, "103"})
		w.expect(t, "see talking")
		time.Sleep(5 * time.Minute)
		w.expect(t, "see ending", "hangup#2 talked", "see idle", "hear ended")
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
		w.expect(t)
	})
}

func TestRunnerGoesOnWithoutAPhoneThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{mute: true}
		end := w.start(ctx)
		w.runner.Post(Pressed{ID: 1, Button: "Garden"})
		time.Sleep(20 * time.Second)
		w.expect(t, "call#1 103 press 1", "see calling", "hear ringing", "see ringing", "see ending", "hangup#1 no_answer")
		w.runner.Post(Pressed{ID: 2, Button: "Front door"})
		time.Sleep(HangupGuard)
		w.expect(t, "see idle", "call#2 101+102 press 2", "see calling", "hear ringing", "see ringing")
		if !strings.Contains(w.log.String(), "level=ERROR msg=\"the phone did not end the call; going on without it\" visit=1") ||
			!strings.Contains(w.log.String(), "msg=\"press kept") {
			t.Errorf("log:\n%s", w.log.String())
		}
		begin := time.Now()
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != StopLimit {
			t.Errorf("stopping took %s", took)
		}
	})
}

func TestRunnerTellsALockThatDoesNotOpen(t *testing.T) {
	for name, w := range map[string]*world{"jammed": {jammed: errors.New("line is busy")}, "absent": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				end := w.start(ctx)
				told := []string{"call#1 103 press 1", "see calling", "hear ringing", "see ringing", "see talking"}
				if w.jammed == nil {
					w.runner.door = nil // as NewRunner would have had it; nothing has been posted yet
				} else {
					told = append(told, "open 3s")
				}
				w.runner.Post(Pressed{ID: 1, Button: "Garden"})
				synctest.Wait()
				w.runner.Post(Answered{1, "103"})
				w.runner.Post(Digit{1, '1'})
				w.expect(t, append(told, "hear fault")...)
				stop()
				if err := <-end; err != nil {
					t.Error(err)
				}
				w.expect(t, "see ending", "hangup#1 stopped", "see idle", "hear ended")
			})
		})
	}
}

func TestPostLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{}
		end := w.start(ctx)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for i := range 500 {
					w.runner.Post(Pressed{ID: uint64(i), Button: "Front door"})
				}
			})
		}
		all.Wait()
		synctest.Wait()
		if s := w.runner.Snapshot(); s.Calls != 1 || s.Ignored != 3999 {
			t.Errorf("%d visits and %d ignored presses of 4000", s.Calls, s.Ignored)
		}
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
}

func TestRunnerWithoutSoundAndLight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{}
		w.runner = NewRunner(NewMachine(home()), w, nil, nil, nil, nil, slog.New(slog.DiscardHandler))
		end := make(chan error, 1)
		go func() { end <- w.runner.Run(ctx) }()
		w.runner.Post(Pressed{ID: 1, Button: "Garden"})
		w.expect(t, "call#1 103 press 1")
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
		w.expect(t, "hangup#1 stopped")
	})
}

// TestRunnerKnowsHowLongItIsHeld: a hold that the lock grants for less than was asked for ends then, and not later.
func TestRunnerKnowsHowLongItIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{}
		end := w.start(ctx)
		if err := w.runner.Order(ctx, OrderHold); err != nil {
			t.Fatal(err)
		}
		if s := w.runner.Snapshot().Lock; s.Mode != LockHeld || time.Until(s.Until) != 40*time.Second {
			t.Errorf("the lock is %s for %s", s.Mode, time.Until(s.Until))
		}
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if s := w.runner.Snapshot().Lock; s.Mode != LockNormal {
			t.Errorf("the lock is %s", s.Mode)
		}
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
}
