package station

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// secret is a house with codes of four digits: one in plain text, and hashed that of Anna (2580) and of Bert, of six (135790).
func secret() Config {
	c := home()
	c.Codes, c.HashedLengths = []string{"4711"}, []int{4, 6}
	return c
}

// answerLookUps answers what was asked so far.
func (h *house) answerLookUps() *house {
	names := map[string]string{"2580": "Anna", "135790": "Bert"}
	for len(h.lookUps) > 0 {
		l := h.lookUps[0]
		h.lookUps = h.lookUps[1:]
		name, right := names[l.Digits]
		h.do(CodeLookedUp{Try: l.Try, Name: name, Right: right})
	}
	return h
}

// opened is how often the door has opened.
func (h *house) opened() (n int) {
	for _, s := range h.heard {
		if strings.HasPrefix(s, "open ") {
			n++
		}
	}
	return n
}

func TestHashedCodes(t *testing.T) {
	for _, ca := range []struct {
		name  string
		story func(*house)
		opens int
		wrong int
	}{
		{"Anna's", func(h *house) { h.types(1, "2580").answerLookUps() }, 1, 0},
		{"nobody's", func(h *house) { h.types(1, "2581#").answerLookUps() }, 0, 1},
		{"the longer one", func(h *house) { h.types(1, "135790").answerLookUps() }, 1, 0},
		{"the plain one opens without looking up", func(h *house) { h.types(1, "4711") }, 1, 0},
		{"# at the end, before it is known", func(h *house) { h.types(1, "2580#").answerLookUps() }, 1, 0},
		{"typed slowly", func(h *house) {
			for _, d := range "2580" {
				h.types(1, string(d)).answerLookUps().after(CodeGap)
			}
		}, 1, 0},
		{"twice in a row, the first still being looked up", func(h *house) { h.types(1, "2580#2580#").answerLookUps() }, 2, 0},
		{"at last the right one, typed while the wrong one is looked up", func(h *house) { h.types(1, "2581#2580#").answerLookUps() }, 1, 1},
		{"known when the call is over", func(h *house) { h.types(1, "2580").do(CallEnded{1, OutcomeTalked}).answerLookUps() }, 0, 0},
		{"wrong, and hung up at once", func(h *house) { h.types(1, "2581").do(CallEnded{1, OutcomeTalked}).answerLookUps() }, 0, 1},
		{"an answer nobody waits for", func(h *house) { h.do(CodeLookedUp{Try: 7, Right: true}) }, 0, 0},
		{"typed behind one that is being looked up, and the door hangs up", func(h *house) { h.types(1, "2581#4711").after(5 * time.Minute).answerLookUps() }, 0, 1},
		{"too short to be any", func(h *house) { h.types(1, "258#").after(time.Minute).types(1, "25").do(CallEnded{1, OutcomeTalked}) }, 0, 0},
	} {
		t.Run(ca.name, func(t *testing.T) {
			h := talking(secret())
			ca.story(h)
			if h.opened() != ca.opens || h.m.Snapshot().WrongCodes != ca.wrong {
				t.Errorf("%d openings, %d wrong codes, want %d and %d", h.opened(), h.m.Snapshot().WrongCodes, ca.opens, ca.wrong)
			}
		})
	}
}

// TestARowOfDigitsTriesNoMoreThanItsAttempts: all codes of four digits fit into a row of 10,003 (a de Bruijn sequence), which must open
// nothing here: it is one attempt per six digits, and locked out after eight.
func TestARowOfDigitsTriesNoMoreThanItsAttempts(t *testing.T) {
	h := talking(secret())
	tried := 0
	for _, d := range deBruijn(4) {
		h.types(1, string(d))
		tried += len(h.lookUps)
		h.answerLookUps()
	}
	if h.opened() > 0 || tried > 2*lockOutAt {
		t.Errorf("%d openings, %d codes were looked up", h.opened(), tried)
	}
	if s := h.m.Snapshot(); s.LockOuts != 1 && s.WrongCodes > lockOutAt {
		t.Errorf("%d lock-outs after %d wrong codes", s.LockOuts, s.WrongCodes)
	}
}

// deBruijn is a row of digits in which each sequence of n is found once.
func deBruijn(n int) string {
	var row strings.Builder
	a := make([]int, 10*n)
	var next func(t, p int)
	next = func(t, p int) {
		if t > n {
			if n%p == 0 {
				for _, d := range a[1 : p+1] {
					fmt.Fprint(&row, d)
				}
			}
			return
		}
		a[t] = a[t-p]
		next(t+1, p)
		for d := a[t-p] + 1; d < 10; d++ {
			a[t] = d
			next(t+1, t)
		}
	}
	next(1, 1)
	return row.String()
}

// TestWrongCodesCostMoreAndMore: the third costs a pause, in which even the right code opens nothing; the eighth locks out and is an
// alarm; another caller is not concerned.
func TestWrongCodesCostMoreAndMore(t *testing.T) {
	h := talking(secret())
	pauses := []time.Duration{0, 0, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 30 * time.Minute}
	h.m.visit.config.MaxTalk = 24 * time.Hour // the phone is not to be hung up meanwhile
	h.m.visit.deadline = h.now.Add(24 * time.Hour)
	for n, pause := range pauses {
		h.forget().types(1, "0000#").answerLookUps()
		if pause > 0 {
			h.after(pause-1).types(1, "4711#2580#").answerLookUps()
			if h.opened() > 0 {
				t.Errorf("after %d wrong codes the door opens within the pause of %s", n+1, pause)
			}
			if out := n+1 == lockOutAt; out != strings.Contains(strings.Join(h.heard, " "), "alarm guessing true") {
				t.Errorf("after %d wrong codes: %q", n+1, h.heard)
			}
			if n+1 < lockOutAt {
				h.after(1)
			}
		}
	}
	if s := h.m.Snapshot(); s.WrongCodes != lockOutAt || s.LockOuts != 1 {
		t.Errorf("%d wrong codes, %d lock-outs", s.WrongCodes, s.LockOuts)
	}
	other := h.forget().do(CallEnded{1, OutcomeTalked}).ring("Front door").do(Answered{2, "102"})
	if other.types(2, "4711"); other.opened() != 1 {
		t.Error("another caller is locked out, too")
	}
	h.forget().do(CallEnded{2, OutcomeTalked}).after(time.Second)
	if !strings.Contains(strings.Join(h.heard, " "), "alarm guessing false") {
		t.Errorf("the lock-out is over: %q", h.heard)
	}
	h.ring("Front door").do(Answered{3, "101"}).types(3, "4711")
	if h.opened() != 1 {
		t.Error("the right code after the lock-out does not open")
	}
	h.forget().types(3, "0000#").answerLookUps().after(6*time.Second).types(3, "4711")
	if h.opened() != 1 {
		t.Error("a right code did not forgive the wrong ones before it")
	}
}

// TestWrongCodesAreCountedOverCalls: hanging up and calling again is no way round.
func TestWrongCodesAreCountedOverCalls(t *testing.T) {
	h := newHouse(secret())
	for n := range 3 {
		look := LookID(n + 1)
		h.do(Knocked{look, "101"}).do(LookBegan{look}).dials(look, "0000").do(LookEnded{look}).answerLookUps()
	}
	h.do(Knocked{4, "101"}).do(LookBegan{4}).dials(4, "4711")
	if h.opened() > 0 {
		t.Error("a new call begins with new attempts")
	}
	h.after(10*time.Second).dials(4, "4711")
	if h.opened() != 1 {
		t.Error("the pause does not end")
	}
}

// TestTalkingIsNoGuess: the loudspeaker's code counts for no wrong one.
func TestTalkingIsNoGuess(t *testing.T) {
	h := looking(home())
	for range 20 {
		h.dials(1, "*").after(CodeGap + 1)
	}
	h.dials(1, "1")
	if s := h.m.Snapshot(); s.WrongCodes != 0 || h.opened() != 1 {
		t.Errorf("%d wrong codes, %d openings", s.WrongCodes, h.opened())
	}
}

// TestACodeAfterTheTalkCode: whoever opens the loudspeaker and then types a code, in one go, has typed the code; and what was typed
// before the loudspeaker's digits is counted, so that they are no way to guess for nothing.
func TestACodeAfterTheTalkCode(t *testing.T) {
	numbers := secret()
	numbers.Incoming.Talk = "5" // which a code may have as a digit
	long := secret()
	long.Incoming.Talk = "**"
	for _, ca := range []struct {
		name         string
		config       Config
		digits       string
		opens, wrong int
	}{
		{"in plain text", secret(), "*4711", 1, 0},
		{"hashed", secret(), "*2580*", 1, 0},
		{"several digits open the loudspeaker", long, "**135790", 1, 0},
		{"a code begun, and then the loudspeaker", secret(), "47*4711", 1, 0},
		{"wrong, then the loudspeaker, then right", secret(), "4712*4711", 1, 1},
		{"guessing between its digits", secret(), "0000*0001*0002*4711", 0, 3},
		{"three digits and the loudspeaker, which is no code", secret(), "258*471*", 0, 0},
		{"digits that a code may have end nothing", numbers, "1235#1245#", 0, 2},
	} {
		t.Run(ca.name, func(t *testing.T) {
			h := looking(ca.config).dials(1, ca.digits)
			for len(h.lookUps) > 0 {
				h.answerLookUps()
			}
			if s := h.m.Snapshot(); h.opened() != ca.opens || s.WrongCodes != ca.wrong {
				t.Errorf("%d openings, %d wrong codes, want %d and %d", h.opened(), s.WrongCodes, ca.opens, ca.wrong)
			}
		})
	}
}

// TestARestartForgivesNothing: whoever cuts the power in a pause finds the rest of it, and the next wrong code costs what it would have cost.
func TestARestartForgivesNothing(t *testing.T) {
	wrong := func(n int) *house {
		h := talking(secret())
		h.m.visit.config.MaxTalk = 24 * time.Hour // the phone is not to be hung up meanwhile
		h.m.visit.deadline = h.now.Add(24 * time.Hour)
		for range n {
			h.types(1, "0000#").answerLookUps().after(pauseAfter(h.kept[0].Wrong))
		}
		return h
	}
	again := func(before *house, down time.Duration) *house {
		h := newHouse(secret())
		h.now = before.now.Add(down)
		return h.do(Remembered{Guesses: before.kept}).do(Knocked{1, "101"}).do(LookBegan{1})
	}
	h := wrong(2)
	if h = again(h, 0).dials(1, "0000#").answerLookUps().dials(1, "4711"); h.opened() != 0 {
		t.Error("two wrong codes before the restart, one after it: there is no pause")
	}
	for _, ca := range []struct {
		name      string
		down      time.Duration // from the fourth wrong code to the restart
		pauseLeft time.Duration
	}{
		{"at once", 0, 20 * time.Second}, {"half of the pause later", 10 * time.Second, 10 * time.Second}, {"after the pause", time.Hour, 0},
		{"by a clock that was set back", -time.Hour, 20 * time.Second}, {"by a clock that was two days fast", -48 * time.Hour, 20 * time.Second},
	} {
		h = again(wrong(3).types(1, "0000#").answerLookUps(), ca.down)
		if ca.pauseLeft > 0 {
			h.after(ca.pauseLeft-1).dials(1, "4711")
		}
		if h.opened() != 0 {
			t.Errorf("%s: it opens within the pause", ca.name)
		}
		if h.after(CodeGap+1).dials(1, "4711"); h.opened() != 1 {
			t.Errorf("%s: it does not open after the pause", ca.name)
		}
		if h.kept[0].Wrong > 0 {
			t.Errorf("%s: a right code did not forgive: %v", ca.name, h.kept)
		}
	}
	if h = again(wrong(4), 2*guessesForget).dials(1, "0000#").answerLookUps().dials(1, "4711"); h.opened() != 1 {
		t.Error("days later it is not forgotten")
	}
	h = wrong(7).types(1, "0000#").answerLookUps()
	h = again(h, time.Minute)
	if !strings.Contains(strings.Join(h.heard, " "), "alarm guessing true") {
		t.Errorf("nobody is told of who is locked out: %q", h.heard)
	}
	if h.do(AlarmsCleared{1}); len(h.kept) > 0 {
		t.Error("it was cleared, and is remembered")
	}
	broken := []Guess{{Who: "", Wrong: 9}, {Who: "101", Wrong: -5}, {Who: "101", Wrong: math.MaxInt, Last: h.now, Until: h.now.Add(1 << 60)}}
	h = newHouse(secret()).do(Remembered{Guesses: broken}).after(lockOut).do(Knocked{1, "101"}).do(LookBegan{1}).dials(1, "4711")
	if h.opened() != 1 {
		t.Error("what is broken locks out for longer than a lock-out")
	}
}

// TestManyGuessers are remembered up to a number.
func TestManyGuessers(t *testing.T) {
	var g guesses
	now := time.Unix(1_800_000_000, 0)
	for n := range 10 * mostGuessers {
		g.add(fmt.Sprint(n), now.Add(time.Duration(n)))
	}
	if len(g.by) > mostGuessers {
		t.Errorf("%d are remembered", len(g.by))
	}
}

// TestARightCodeDoesNotMakeGuessingFree: whoever knows a code, or sits where others type theirs, guesses at hardly more of the other ones than who
// knows none, in whatever order right and wrong ones are typed, with pauses or in one go, in one call or in many.
func TestARightCodeDoesNotMakeGuessingFree(t *testing.T) {
	const days = 3
	for _, ca := range []struct {
		name   string
		digits string // again and again
		redial bool
	}{
		{"right, then wrong, in one go", "47110000#", false},
		{"right, then many wrong, in one go", "47110000#0001#0002#0003#0004#", false},
		{"two wrong, then right", "0000#0001#4711", false},
		{"one wrong, then right, each time in a new call", "0000#4711", true},
		{"right, then wrong, each time in a new call", "47110000#", true},
		{"wrong only", "0000#", false},
	} {
		h := newHouse(secret()).do(Knocked{1, "101"}).do(LookBegan{1})
		look := LookID(1)
		for end := h.now.Add(days * 24 * time.Hour); h.now.Before(end); {
			for i, d := range ca.digits {
				if until, blocked := h.m.guesses.blocked("101", h.now); blocked {
					h.now = until
				}
				if h.m.look.Look != look || h.m.look.State != LookOn || ca.redial && i == 0 {
					h.do(LookEnded{look})
					look++
					h.do(Knocked{look, "101"}).do(LookBegan{look})
				}
				h.dials(look, string(d)).answerLookUps()
			}
			h.after(time.Second)
		}
		// Two an hour, those of the first row, and those that are forgiven.
		if wrong, most := h.m.Snapshot().WrongCodes, days*48+lockOutAt+mostForgiven*(days+1); wrong > most {
			t.Errorf("%s: %d wrong codes were looked at in %d days, want at most %d", ca.name, wrong, days, most)
		}
		if h.m.guesses.lockOuts == 0 {
			t.Errorf("%s: nobody was locked out", ca.name)
		}
	}
}

// TestWhoMistypesIsForgiven: a household that mistypes several times a day, every day, is never locked out.
func TestWhoMistypesIsForgiven(t *testing.T) {
	h := newHouse(secret())
	for n := range 30 * 6 {
		look := LookID(n + 1)
		h.do(Knocked{look, "101"}).do(LookBegan{look}).dials(look, "4712#4711").answerLookUps().do(LookEnded{look}).after(4 * time.Hour)
	}
	if s := h.m.Snapshot(); h.opened() != 30*6 || s.LockOuts > 0 {
		t.Errorf("%d openings, %d lock-outs", h.opened(), s.LockOuts)
	}
}

// TestARestartIsNoWayToBeForgivenMore: what was forgiven is remembered, too.
func TestARestartIsNoWayToBeForgivenMore(t *testing.T) {
	h := newHouse(secret())
	for n := 0; n < 40 && h.m.guesses.lockOuts == 0; n++ {
		kept, now := h.kept, h.now
		h = newHouse(secret())
		h.now = now
		h.do(Remembered{Guesses: kept}).do(Knocked{1, "101"}).do(LookBegan{1}).dials(1, "0000#").answerLookUps()
		if until, blocked := h.m.guesses.blocked("101", h.now); blocked && h.m.guesses.lockOuts == 0 {
			h.now = until
		}
		h.dials(1, "4711").answerLookUps()
	}
	if h.m.guesses.lockOuts == 0 {
		t.Error("40 wrong codes, a right one and a restart after each, and nobody is locked out")
	}
}
