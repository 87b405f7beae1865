package station

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// house is a station under test with a clock: it writes down what a person at the door or in the house would notice.
type house struct {
	m     *Machine
	now   time.Time
	press uint64
	heard []string

	lookUps []ActLookUp // that wait for their answer
	kept    []Guess     // is remembered of wrong codes

	standing []StandingAlarm // is remembered of alarms
	writes   int             // how often that was written
}

func newHouse(c Config) *house {
	return &house{m: NewMachine(c), now: time.Unix(1_800_000_000, 0)}
}

func home() Config {
	return Config{
		Buttons: map[string]Button{
			"Front door": {Steps: [][]string{{"101", "102"}}, Ring: 45 * time.Second},
			"Garden":     {Steps: [][]string{{"103"}}, Ring: 20 * time.Second},
			"Gate":       {Steps: [][]string{{"101"}, {}, {"102", "103"}}},
			"Cellar":     {Steps: [][]string{{}}},
		},
		Codes: []string{"1", "*42", "A9"},
		Pulse: 3 * time.Second, MaxTalk: 5 * time.Minute,
		Incoming: Incoming{Callers: []string{"101", "102"}, Answer: true, Talk: "*"},
	}
}

// planText writes a plan as a person would: 101+102, then 103.
func planText(p Plan) string {
	var steps []string
	for _, step := range p.Steps {
		steps = append(steps, strings.Join(step, "+"))
	}
	return strings.Join(steps, ", then ")
}

func (h *house) do(ev Event) *house {
	h.note(h.m.Handle(h.now, ev))
	return h
}

// after lets time pass, waking the machine at each of its deadlines.
func (h *house) after(d time.Duration) *house {
	end := h.now.Add(d)
	for {
		due, ok := h.m.Deadline()
		if !ok || due.After(end) {
			break
		}
		h.now = due
		h.note(h.m.Tick(due))
	}
	h.now = end
	return h
}

func (h *house) note(acts []Action) {
	for _, a := range acts {
		switch a := a.(type) {
		case ActCall:
			h.heard = append(h.heard, fmt.Sprintf("call#%d %s", a.Visit, planText(a.Plan)))
		case ActHangup:
			h.heard = append(h.heard, fmt.Sprintf("hangup#%d %s", a.Visit, a.Outcome))
		case ActOpen:
			h.heard = append(h.heard, fmt.Sprintf("open %s", a.Pulse))
			h.do(DoorOpened{Visit: a.Visit, Look: a.Look, Order: a.Order, Hold: a.Hold, Pulse: a.Pulse})
		case ActShut:
			h.heard = append(h.heard, "shut")
		case ActRemember:
			h.heard = append(h.heard, "remember "+a.Why)
		case ActAlarm:
			h.heard = append(h.heard, fmt.Sprintf("alarm %s %v", a.Alarm, a.On))
		case ActReply:
			h.heard = append(h.heard, fmt.Sprintf("reply %v", a.Err))
		case ActKeepAlarms:
			h.standing = a.Standing
			h.writes++
		case ActKeepGuesses:
			h.kept = a.Guesses
		case ActLookUp:
			h.lookUps = append(h.lookUps, a)
		case ActAdmit:
			h.heard = append(h.heard, fmt.Sprintf("admit#%d", a.Look))
		case ActRefuse:
			h.heard = append(h.heard, fmt.Sprintf("refuse#%d %s %s", a.Look, a.Caller, a.Why))
		case ActLoudspeaker:
			h.heard = append(h.heard, fmt.Sprintf("loudspeaker %v", a.Open))
		case ActEndLook:
			h.heard = append(h.heard, fmt.Sprintf("endlook#%d %s", a.Look, a.Outcome))
		case ActPlay:
			h.heard = append(h.heard, "hear "+string(a.Tone))
		case ActStopSound:
			if n := len(h.heard); n == 0 || h.heard[n-1] != "silence" {
				h.heard = append(h.heard, "silence")
			}
		case ActShow:
			h.heard = append(h.heard, "see "+string(a.State))
		case ActLog:
			if a.Level >= slog.LevelError {
				h.heard = append(h.heard, "log error")
			}
		}
	}
}

func (h *house) ring(button string) *house {
	h.press++
	return h.do(Pressed{ID: h.press, Button: button, At: h.now})
}

func (h *house) types(v VisitID, digits string) *house {
	for _, d := range digits {
		h.do(Digit{Visit: v, Digit: d})
	}
	return h
}

func (h *house) forget() *house { h.heard = nil; return h }

// talking is a house where 101 has answered the first visit.
func talking(c Config) *house {
	return newHouse(c).ring("Front door").do(Ringing{1, "101"}).do(Answered{1, "101"}).forget()
}

func TestVisits(t *testing.T) {
	began := []string{"call#1 101+102", "see calling", "hear ringing"}
	for _, ca := range []struct {
		name  string
		story func(*house)
		want  []string
		last  Outcome
		state State
	}{
		{
			"ring, answer, the household hangs up",
			func(h *house) {
				h.ring("Front door").do(Ringing{1, "102"}).do(Ringing{1, "101"}).after(5 * time.Second).
					do(Answered{1, "101"}).after(time.Minute).do(CallEnded{1, OutcomeTalked})
			},
			slices.Concat(began, []string{"see ringing", "silence", "see talking", "silence", "see idle", "hear ended"}),
			OutcomeTalked, StateIdle,
		},
		{
			"an answer without any ringing before",
			func(h *house) { h.ring("Front door").do(Answered{1, "101"}) },
			slices.Concat(began, []string{"silence", "see talking"}), "", StateTalking,
		},
		{
			"nobody answers within the ring limit",
			func(h *house) {
				h.ring("Front door").do(Ringing{1, "101"}).after(45*time.Second - 1).
					after(1).do(CallEnded{1, OutcomeCancelled})
			},
			slices.Concat(began, []string{"see ringing", "silence", "see ending", "hangup#1 no_answer",
				"silence", "see idle", "hear nobody"}),
			OutcomeNoAnswer, StateIdle,
		},
		{
			"the ring limit counts from the first phone that rings",
			func(h *house) {
				h.ring("Front door").after(36 * time.Second).do(Ringing{1, "101"}).after(5 * time.Second).do(Ringing{1, "102"}).
					after(40*time.Second - 1)
			},
			slices.Concat(began, []string{"see ringing"}), "", StateRinging,
		},
		{
			"nothing rings for longer than the dial limit",
			func(h *house) { h.ring("Front door").after(DialLimit - 1).after(1).do(CallEnded{1, OutcomeCancelled}) },
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 no_answer", "silence", "see idle", "hear nobody"}),
			OutcomeNoAnswer, StateIdle,
		},
		{
			"when nobody is there the ring time counts from the press",
			func(h *house) {
				h.ring("Front door").after(2 * time.Second).do(NobodyThere{1}).after(43*time.Second - 1).after(1).
					do(CallEnded{1, OutcomeNotRegistered})
			},
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 no_answer", "silence", "see idle", "hear nobody"}),
			OutcomeNotRegistered, StateIdle,
		},
		{
			"a phone that comes late rings for the whole ring time",
			func(h *house) {
				h.ring("Front door").do(NobodyThere{1}).after(40 * time.Second).do(Ringing{1, "101"}).after(45*time.Second - 1)
			},
			slices.Concat(began, []string{"see ringing"}), "", StateRinging,
		},
		{
			"nobody is there, told later than it would ring",
			func(h *house) { h.ring("Front door").after(50 * time.Second).do(NobodyThere{1}) },
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 no_answer"}), "", StateEnding,
		},
		{
			"early media takes the place of the ringing tone until it is over",
			func(h *house) {
				h.ring("Front door").do(EarlyMedia{1, true}).do(Ringing{1, "101"}).do(EarlyMedia{1, false}).do(EarlyMedia{2, true}).
					do(Answered{1, "101"}).do(EarlyMedia{1, false})
			},
			slices.Concat(began, []string{"silence", "see ringing", "hear ringing", "silence", "see talking"}), "", StateTalking,
		},
		{
			"a plan goes to the phone as it is, without steps for nobody",
			func(h *house) { h.ring("Gate") },
			[]string{"call#1 101, then 102+103", "see calling", "hear ringing"}, "", StateCalling,
		},
		{
			"each button has its own ring limit",
			func(h *house) {
				h.ring("Garden").after(3 * time.Second).do(Ringing{1, "103"}).after(19 * time.Second).after(time.Second)
			},
			[]string{"call#1 103", "see calling", "hear ringing", "see ringing", "silence", "see ending", "hangup#1 no_answer"},
			"", StateEnding,
		},
		{
			"an answer that crosses the ring limit does not undo it",
			func(h *house) {
				h.ring("Front door").after(DialLimit).do(Answered{1, "101"}).do(CallEnded{1, OutcomeTalked})
			},
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 no_answer", "silence", "see idle", "hear nobody"}),
			OutcomeNoAnswer, StateIdle,
		},
		{
			"busy", func(h *house) { h.ring("Front door").do(CallEnded{1, OutcomeBusy}) },
			slices.Concat(began, []string{"silence", "see idle", "hear busy"}), OutcomeBusy, StateIdle,
		},
		{
			"the door itself is offline", func(h *house) { h.ring("Front door").do(CallEnded{1, OutcomeOffline}) },
			slices.Concat(began, []string{"silence", "see idle", "hear fault"}), OutcomeOffline, StateIdle,
		},
		{
			"a phone that says nonsense", func(h *house) { h.ring("Front door").do(CallEnded{1, "gone fishing"}) },
			slices.Concat(began, []string{"silence", "see idle", "hear fault"}), OutcomeFailed, StateIdle,
		},
		{
			"a second press while ringing makes no second call",
			func(h *house) { h.ring("Front door").ring("Front door").do(Ringing{1, "101"}).ring("Garden") },
			slices.Concat(began, []string{"see ringing"}), "", StateRinging,
		},
		{
			"a second press while talking makes no second call",
			func(h *house) { h.ring("Front door").do(Answered{1, "101"}).ring("Front door").ring("Garden") },
			slices.Concat(began, []string{"silence", "see talking"}), "", StateTalking,
		},
		{
			"the talk limit",
			func(h *house) {
				h.ring("Front door").after(40 * time.Second).do(Answered{1, "101"}).after(5*time.Minute - 1).after(1).
					do(CallEnded{1, OutcomeCancelled})
			},
			slices.Concat(began, []string{"silence", "see talking", "silence", "see ending", "hangup#1 talked",
				"silence", "see idle", "hear ended"}),
			OutcomeTalked, StateIdle,
		},
		{
			"stop while ringing",
			func(h *house) {
				h.ring("Front door").do(Stopping{}).ring("Front door").do(CallEnded{1, OutcomeCancelled})
			},
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 stopped", "silence", "see idle", "hear ended"}),
			OutcomeStopped, StateIdle,
		},
		{
			"stop while talking",
			func(h *house) {
				h.ring("Front door").do(Answered{1, "102"}).do(Stopping{}).do(CallEnded{1, OutcomeTalked}).ring("Front door")
			},
			slices.Concat(began, []string{"silence", "see talking", "silence", "see ending", "hangup#1 stopped",
				"silence", "see idle", "hear ended"}),
			OutcomeStopped, StateIdle,
		},
		{
			"a button that calls nobody", func(h *house) { h.ring("Cellar") },
			[]string{"log error", "hear fault"}, "", StateIdle,
		},
		{
			"a button that is not configured", func(h *house) { h.ring("Attic") },
			[]string{"log error", "hear fault"}, "", StateIdle,
		},
		{
			"a press while the visit before is ending rings when that has ended",
			func(h *house) {
				h.ring("Front door").after(DialLimit).ring("Garden").ring("Front door").
					do(CallEnded{1, OutcomeCancelled})
			},
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 no_answer",
				"silence", "see idle", "call#2 103", "see calling", "hear ringing"}),
			OutcomeNoAnswer, StateCalling,
		},
		{
			"a kept press is not rung when the agent stops meanwhile",
			func(h *house) {
				h.ring("Front door").after(DialLimit).ring("Garden").do(Stopping{}).do(CallEnded{1, OutcomeCancelled})
			},
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 no_answer",
				"silence", "see idle", "hear nobody"}),
			OutcomeNoAnswer, StateIdle,
		},
		{
			"a phone that never ends the call",
			func(h *house) {
				h.ring("Front door").after(DialLimit).after(HangupGuard - 1).after(1).
					ring("Front door").do(CallEnded{1, OutcomeTalked})
			},
			slices.Concat(began, []string{"silence", "see ending", "hangup#1 no_answer", "log error",
				"silence", "see idle", "hear nobody", "call#2 101+102", "see calling", "hear ringing"}),
			OutcomeNoAnswer, StateCalling,
		},
		{
			"what an older visit left behind does not touch the new one",
			func(h *house) {
				h.ring("Front door").do(CallEnded{1, OutcomeBusy}).forget().ring("Garden").
					do(Ringing{1, "101"}).do(Answered{1, "101"}).do(CallEnded{1, OutcomeDeclined}).do(Digit{1, '1'}).
					do(Answered{7, "101"}).do(CallEnded{7, OutcomeDeclined})
			},
			[]string{"call#2 103", "see calling", "hear ringing"}, OutcomeBusy, StateCalling,
		},
		{
			"events without any visit",
			func(h *house) {
				h.do(Ringing{0, "101"}).do(Answered{0, "101"}).do(Digit{0, '1'}).do(CallEnded{0, OutcomeTalked}).
					do(DoorOpened{}).after(time.Hour)
			},
			nil, "", StateIdle,
		},
	} {
		t.Run(ca.name, func(t *testing.T) {
			h := newHouse(home())
			ca.story(h)
			if !slices.Equal(h.heard, ca.want) {
				t.Errorf("happened:\n  %s\nwant:\n  %s", strings.Join(h.heard, "\n  "), strings.Join(ca.want, "\n  "))
			}
			s := h.m.Snapshot()
			if s.Last.Outcome != ca.last || s.State != ca.state {
				t.Errorf("last outcome %q, state %q, want %q, %q", s.Last.Outcome, s.State, ca.last, ca.state)
			}
			if _, waits := h.m.Deadline(); waits == (s.State == StateIdle) {
				t.Errorf("state %s, waits for a deadline: %v", s.State, waits)
			}
		})
	}
}

func TestDigits(t *testing.T) {
	for _, ca := range []struct {
		name  string
		codes []string
		story func(*house)
		opens int
	}{
		{"the right digit", []string{"1"}, func(h *house) { h.types(1, "1") }, 1},
		{"a wrong digit", []string{"1"}, func(h *house) { h.types(1, "2") }, 0},
		{"a wrong digit and then the right one", []string{"1"}, func(h *house) { h.types(1, "21") }, 1},
		{"the right digit twice", []string{"1"}, func(h *house) { h.types(1, "11") }, 2},
		{"several digits", []string{"*42"}, func(h *house) { h.types(1, "*42") }, 1},
		{"several digits after a slip", []string{"*42"}, func(h *house) { h.types(1, "*4*42") }, 0},
		{"several digits after a slip that # ends", []string{"*42"}, func(h *house) { h.types(1, "*4#*42") }, 1},
		{"several digits after a slip and a pause", []string{"*42"}, func(h *house) { h.types(1, "*4").after(CodeGap+1).types(1, "*42") }, 1},
		{"# at the end, as many do", []string{"*42"}, func(h *house) { h.types(1, "*42#") }, 1},
		{"twice in a row", []string{"4711"}, func(h *house) { h.types(1, "47114711") }, 2},
		{"twice, as the first was wrong", []string{"4711"}, func(h *house) { h.types(1, "47124711") }, 1},
		{"a # that is a digit", []string{"1#"}, func(h *house) { h.types(1, "1#") }, 1},
		{"several digits in the wrong order", []string{"*42"}, func(h *house) { h.types(1, "*2442*") }, 0},
		{"a long noise before", []string{"*42"}, func(h *house) { h.types(1, strings.Repeat("123456789", 50)+"*42") }, 0},
		{"typed slowly", []string{"*42"}, func(h *house) {
			h.types(1, "*").after(CodeGap).types(1, "4").after(CodeGap).types(1, "2")
		}, 1},
		{"typed too slowly", []string{"*42"}, func(h *house) { h.types(1, "*4").after(CodeGap+1).types(1, "2") }, 0},
		{"too slowly and then again", []string{"*42"}, func(h *house) { h.types(1, "*4").after(CodeGap+1).types(1, "2#*42") }, 1},
		{"a code that ends like another opens once", []string{"2", "12"}, func(h *house) { h.types(1, "12") }, 1},
		{"a match uses its digits up", []string{"121"}, func(h *house) { h.types(1, "12121") }, 1},
		{"letters of either case", []string{"a9", "B8"}, func(h *house) { h.types(1, "A9b8") }, 2},
		{"what is no key", []string{"1", "x", ""}, func(h *house) { h.types(1, "x\x00é１") }, 0},
		{"what is no key between two keys", []string{"12"}, func(h *house) { h.types(1, "1x2") }, 1},
		{"no codes", nil, func(h *house) { h.types(1, "0123456789*#ABCD") }, 0},
		{"of another visit", []string{"1"}, func(h *house) { h.types(2, "1").types(0, "1") }, 0},
		{"after the call", []string{"1"}, func(h *house) { h.do(CallEnded{1, OutcomeTalked}).types(1, "1") }, 0},
		{"while the door hangs up", []string{"1"}, func(h *house) { h.after(5*time.Minute).types(1, "1") }, 0},
		{"before the answer of the next visit", []string{"1"}, func(h *house) {
			h.do(CallEnded{1, OutcomeTalked}).ring("Front door").types(2, "1").do(Ringing{2, "101"}).types(2, "1")
		}, 0},
		{"half a code in each of two visits", []string{"12"}, func(h *house) {
			h.types(1, "1").do(CallEnded{1, OutcomeTalked}).ring("Front door").do(Answered{2, "101"}).types(2, "2")
		}, 0},
	} {
		t.Run(ca.name, func(t *testing.T) {
			c := home()
			c.Codes = ca.codes
			h := talking(c)
			ca.story(h)
			opens := 0
			for i, s := range h.heard {
				if s != "open 3s" {
					continue
				}
				opens++
				if i+1 == len(h.heard) || h.heard[i+1] != "hear opened" {
					t.Error("the visitor does not hear that the door is open")
				}
			}
			if opens != ca.opens {
				t.Errorf("the door opened %d times, want %d", opens, ca.opens)
			}
		})
	}
}

func TestOpeningNeverEndsTheCall(t *testing.T) {
	h := talking(home()).types(1, "1")
	if s := h.m.Snapshot(); s.State != StateTalking || s.Answered != "101" {
		t.Errorf("after the code: %+v", s)
	}
}

func TestDoorThatDoesNotOpen(t *testing.T) {
	h := talking(home())
	h.do(DoorOpened{Visit: 1, Err: errors.New("line is busy")})
	if want := []string{"log error", "hear fault"}; !slices.Equal(h.heard, want) {
		t.Errorf("happened %q, want %q", h.heard, want)
	}
}

func TestNoDigitInTheLog(t *testing.T) {
	c := home()
	c.Codes = []string{"7531"}
	h := talking(c)
	for _, d := range "97531" {
		for _, a := range h.m.Handle(h.now, Digit{1, d}) {
			if l, ok := a.(ActLog); ok {
				if line := fmt.Sprint(l.Message, l.Attrs); strings.ContainsAny(line, "7539") {
					t.Errorf("the log tells a digit: %s", line)
				}
			}
		}
	}
}

func TestSettingsChangedDuringAVisitApplyToTheNext(t *testing.T) {
	changed := Config{
		Buttons: map[string]Button{"Front door": {Steps: [][]string{{"201"}}, Ring: 10 * time.Second}},
		Codes:   []string{"2"}, Pulse: time.Second, MaxTalk: time.Minute,
	}
	h := talking(home()).do(Configured{changed}).types(1, "2").types(1, "1").after(time.Minute)
	changed.Buttons["Front door"] = Button{Steps: [][]string{{"666"}}} // the caller's map is the caller's
	if want := []string{"open 3s", "hear opened"}; !slices.Equal(h.heard, want) {
		t.Errorf("during the visit: %q, want %q", h.heard, want)
	}
	h.do(CallEnded{1, OutcomeTalked}).forget().ring("Front door").do(Answered{2, "201"}).types(2, "1").types(2, "2").
		after(time.Minute)
	if want := []string{"call#2 201", "see calling", "hear ringing", "silence", "see talking", "open 1s", "hear opened",
		"silence", "see ending", "hangup#2 talked"}; !slices.Equal(h.heard, want) {
		t.Errorf("in the next visit: %q, want %q", h.heard, want)
	}
}

func TestLimitsThatAreNotSet(t *testing.T) {
	h := newHouse(Config{Buttons: map[string]Button{"Bell": {Steps: [][]string{{"101"}}}}}).ring("Bell").do(Ringing{1, "101"})
	if due, ok := h.m.Deadline(); !ok || due.Sub(h.now) != DefaultRing {
		t.Errorf("rings until %v", due)
	}
	h.do(Answered{1, "101"})
	if due, ok := h.m.Deadline(); !ok || due.Sub(h.now) != DefaultMaxTalk {
		t.Errorf("talks until %v", due)
	}
}

func TestSnapshotTellsTheVisit(t *testing.T) {
	h := newHouse(home()).ring("Front door")
	pressed := h.now
	h.after(3 * time.Second).do(Ringing{1, "101"}).ring("Garden").after(2 * time.Second).do(Answered{1, "102"})
	got := h.m.Snapshot()
	if got.State != StateTalking || got.Visit != 1 || got.Button != "Front door" || !slices.Equal(got.Targets, []string{"101", "102"}) ||
		got.PressID != 1 || !got.PressAt.Equal(pressed) || got.Answered != "102" || !got.Since.Equal(h.now) ||
		got.Calls != 1 || got.Talks != 1 || got.Ignored != 1 || got.Last.Visit != 0 {
		t.Errorf("talking: %+v", got)
	}
	h.after(70 * time.Second).do(CallEnded{1, OutcomeTalked})
	got = h.m.Snapshot()
	if got.State != StateIdle || got.Visit != 0 || got.Button != "" || got.Targets != nil || got.Answered != "" {
		t.Errorf("idle: %+v", got)
	}
	want := Record{Visit: 1, Button: "Front door", At: pressed, Outcome: OutcomeTalked, Answered: "102", Talk: 70 * time.Second,
		Called: []string{"101", "102"}, Talked: pressed.Add(5 * time.Second), Ended: pressed.Add(75 * time.Second)}
	if !reflect.DeepEqual(got.Last, want) {
		t.Errorf("last visit %+v, want %+v", got.Last, want)
	}
}
