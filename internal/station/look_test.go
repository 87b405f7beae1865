package station

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// looking is a house where 101 looks through the door's camera.
func looking(c Config) *house {
	return newHouse(c).do(Knocked{1, "101"}).do(LookBegan{1}).forget()
}

func (h *house) dials(l LookID, digits string) *house {
	for _, d := range digits {
		h.do(LookDigit{Look: l, Digit: d})
	}
	return h
}

func TestLooks(t *testing.T) {
	mute := home()
	mute.Incoming.Answer = false
	long := home()
	long.Incoming.Talk = "55"
	for _, ca := range []struct {
		name  string
		begin *house
		story func(*house)
		want  []string
		look  LookState
	}{
		{"a call is answered", newHouse(home()), func(h *house) { h.do(Knocked{1, "101"}) },
			[]string{"see looking", "admit#1"}, LookAnswering},
		{"a stranger is refused", newHouse(home()), func(h *house) { h.do(Knocked{1, "666"}).do(Knocked{2, ""}) },
			[]string{"refuse#1 666 forbidden", "refuse#2  forbidden"}, LookNone},
		{"nobody may call without settings", newHouse(Config{}), func(h *house) { h.do(Knocked{1, "101"}) },
			[]string{"refuse#1 101 forbidden"}, LookNone},
		{"a caller without a number, even if a list has such", newHouse(Config{Incoming: Incoming{Callers: []string{""}, Answer: true}}),
			func(h *house) { h.do(Knocked{1, ""}) }, []string{"refuse#1  forbidden"}, LookNone},
		{"a door that answers no calls", newHouse(mute), func(h *house) { h.do(Knocked{1, "101"}).do(Knocked{2, "666"}) },
			[]string{"refuse#1 101 unavailable", "refuse#2 666 forbidden"}, LookNone},
		{"a second one is busy, a stranger is not even told that", looking(home()), func(h *house) { h.do(Knocked{2, "102"}).do(Knocked{3, "666"}) },
			[]string{"refuse#2 102 busy", "refuse#3 666 forbidden"}, LookOn},
		{"a call while a visit is on", newHouse(home()).ring("Front door").forget(), func(h *house) { h.do(Knocked{1, "101"}) },
			[]string{"refuse#1 101 busy"}, LookNone},
		{"the caller hangs up", looking(home()), func(h *house) { h.do(LookEnded{1}) }, []string{"see idle"}, LookNone},
		{"the loudspeaker opens and closes by the talk code", looking(home()), func(h *house) { h.dials(1, "3*").dials(1, "*").do(LookEnded{1}) },
			[]string{"loudspeaker true", "loudspeaker false", "see idle"}, LookNone},
		{"a talk code of two digits", looking(long), func(h *house) { h.dials(1, "5*").after(CodeGap+1).dials(1, "555") },
			[]string{"loudspeaker true"}, LookOn},
		{"whoever was talked to hears the end", looking(home()), func(h *house) { h.dials(1, "*").do(LookEnded{1}) },
			[]string{"loudspeaker true", "see idle", "hear ended"}, LookNone},
		{"a lock code opens the door", looking(home()), func(h *house) { h.dials(1, "1") },
			[]string{"open 3s", "hear opened"}, LookOn},
		{"digits before it is up, of another look and after it", newHouse(home()).do(Knocked{1, "101"}).forget(), func(h *house) {
			h.dials(1, "1*").do(LookBegan{1}).dials(2, "1*").dials(0, "1*").do(LookEnded{1}).dials(1, "1*")
		}, []string{"see idle"}, LookNone},
		{"the talk limit", looking(home()), func(h *house) { h.after(5*time.Minute - 1).after(1).do(LookEnded{1}) },
			[]string{"endlook#1 talked", "see idle"}, LookNone},
		{"a call that does not come up", newHouse(home()), func(h *house) { h.do(Knocked{1, "101"}).after(LookSetupLimit).do(LookEnded{1}) },
			[]string{"see looking", "admit#1", "endlook#1 failed", "see idle"}, LookNone},
		{"a phone that never ends the look", looking(home()), func(h *house) {
			h.after(5*time.Minute + HangupGuard).do(Knocked{2, "102"})
		}, []string{"endlook#1 talked", "log error", "see idle", "see looking", "admit#2"}, LookAnswering},
		{"a press rings the household, and its answer ends the look", looking(home()), func(h *house) {
			h.ring("Front door").do(Ringing{1, "102"}).do(Answered{1, "102"}).do(LookEnded{1}).do(CallEnded{1, OutcomeTalked})
		}, []string{"call#1 101+102", "see calling", "hear ringing", "see ringing", "endlook#1 talked", "silence", "see talking",
			"silence", "see idle", "hear ended"}, LookNone},
		{"nobody answers and the look goes on", looking(home()), func(h *house) {
			h.dials(1, "*").ring("Front door").do(Ringing{1, "102"}).after(45*time.Second).do(CallEnded{1, OutcomeCancelled}).dials(1, "1")
		}, []string{"loudspeaker true", "call#1 101+102", "see calling", "hear ringing", "see ringing", "silence", "see ending", "hangup#1 no_answer",
			"silence", "see looking", "hear nobody", "open 3s", "hear opened"}, LookOn},
		{"the look ends while it rings", looking(home()), func(h *house) {
			h.dials(1, "*").ring("Front door").do(LookEnded{1}).do(CallEnded{1, OutcomeBusy})
		}, []string{"loudspeaker true", "call#1 101+102", "see calling", "hear ringing", "silence", "see idle", "hear busy"}, LookNone},
		{"the agent stops", looking(home()), func(h *house) { h.do(Stopping{}).do(Knocked{2, "102"}).do(LookEnded{1}) },
			[]string{"endlook#1 stopped", "refuse#2 102 unavailable", "see idle"}, LookNone},
	} {
		t.Run(ca.name, func(t *testing.T) {
			h := ca.begin
			ca.story(h)
			if !slices.Equal(h.heard, ca.want) {
				t.Errorf("happened:\n  %s\nwant:\n  %s", strings.Join(h.heard, "\n  "), strings.Join(ca.want, "\n  "))
			}
			s := h.m.Snapshot()
			if s.Look.State != ca.look {
				t.Errorf("the look is %q, want %q", s.Look.State, ca.look)
			}
			if _, waits := h.m.Deadline(); waits == (s.State == StateIdle && s.Look.State == LookNone) {
				t.Errorf("state %s, look %q, waits for a deadline: %v", s.State, s.Look.State, waits)
			}
		})
	}
}

func TestStrangersAreCounted(t *testing.T) {
	h := looking(home()).do(Knocked{2, "666"}).do(Knocked{3, "102"}).do(Knocked{4, "667"})
	if s := h.m.Snapshot(); s.Refused != 2 || s.LastRefused != "667" || s.Looks != 1 || s.Look.Caller != "101" {
		t.Errorf("%+v", s)
	}
}

func TestSettingsChangedDuringALookApplyToTheNext(t *testing.T) {
	h := looking(home()).do(Configured{Config{}}).dials(1, "1").do(LookEnded{1}).do(Knocked{2, "101"})
	if want := []string{"open 3s", "hear opened", "see idle", "refuse#2 101 forbidden"}; !slices.Equal(h.heard, want) {
		t.Errorf("%q", h.heard)
	}
}

// TestRandomLooks plays random visits and looks beside each other.
func TestRandomLooks(t *testing.T) {
	for seed := range uint64(2000) {
		if playLooks(t, seed); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// playLooks checks that there is never more than one conversation, that the loudspeaker and the lock obey only a look that is up,
// by somebody who may, and that a press at a door without a visit always rings.
func playLooks(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	now := time.Unix(1_800_000_000, 0)
	m := NewMachine(home())
	var looks LookID
	caller := map[LookID]string{}
	for range 150 {
		now = now.Add(time.Duration(r.Int64N(int64(4 * time.Second))))
		m.Tick(now)
		before := m.Snapshot()
		l := before.Look.Look
		if r.IntN(5) == 0 {
			l = LookID(r.Uint64N(uint64(looks) + 2))
		}
		var ev Event
		switch r.IntN(10) {
		case 0:
			ev = Pressed{ID: 1, Button: "Front door", At: now}
		case 1:
			ev = Ringing{before.Visit, "101"}
		case 2:
			ev = Answered{before.Visit, "101"}
		case 3:
			ev = CallEnded{before.Visit, OutcomeTalked}
		case 4, 5:
			looks++
			caller[looks] = []string{"101", "102", "666"}[r.IntN(3)]
			ev = Knocked{looks, caller[looks]}
		case 6:
			ev = LookBegan{l}
		case 7, 8:
			ev = LookDigit{l, rune("*1#2"[r.IntN(4)])}
		case 9:
			ev = LookEnded{l}
		}
		acts := m.Handle(now, ev)
		after := m.Snapshot()
		if after.State == StateTalking && (after.Look.State == LookAnswering || after.Look.State == LookOn) {
			t.Errorf("after %T%+v there are two conversations: %+v", ev, ev, after)
		}
		if _, pressed := ev.(Pressed); pressed && before.State == StateIdle {
			if !slices.ContainsFunc(acts, func(a Action) bool { _, calls := a.(ActCall); return calls }) {
				t.Errorf("a press rang nobody: %+v -> %+v", before, acts)
			}
		}
		for _, act := range acts {
			switch a := act.(type) {
			case ActAdmit:
				if before.Look.State != LookNone || before.State != StateIdle || caller[a.Look] == "666" {
					t.Errorf("%+v was admitted at %+v", a, before)
				}
			case ActLoudspeaker:
				if before.Look.State != LookOn || a.Look != before.Look.Look {
					t.Errorf("%+v at %+v", a, before)
				}
			case ActOpen:
				if a.Look != 0 && (before.Look.State != LookOn || a.Look != before.Look.Look) {
					t.Errorf("%+v at %+v", a, before)
				}
			}
		}
	}
}

func TestRunnerCarriesOutALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := &world{}
		end := w.start(ctx)
		w.runner.Post(Knocked{1, "101"})
		w.runner.Post(Knocked{2, "102"})
		w.expect(t, "see looking", "admit#1", "refuse#2 102 busy")
		w.runner.Post(LookDigit{1, '*'})
		w.expect(t, "loudspeaker#1 true")
		w.jammed = errors.New("line is busy")
		w.runner.Post(LookDigit{1, '1'})
		w.expect(t, "open 3s", "hear fault")
		stop()
		w.expect(t, "endlook#1 stopped", "see idle", "hear ended")
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
}
