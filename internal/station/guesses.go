package station

import (
	"cmp"
	"slices"
	"time"
)

// What wrong codes cost whoever typed them: from the third in a row on a pause that doubles, and at last a lock-out. In the long run
// that leaves two attempts an hour: a code of four digits of which four are in use lasts two months.
const (
	freeGuesses   = 2
	firstPause    = 10 * time.Second
	lockOutAt     = 8
	lockOut       = 30 * time.Minute
	guessesForget = 24 * time.Hour
	// A right code forgives the wrong ones before it, as somebody who mistypes needs. It must not make guessing free for whoever knows one code,
	// or sits at an extension where others type theirs: no more than this many are forgiven in a row, and another one every three hours.
	mostForgiven   = 8
	forgivenReturn = 3 * time.Hour
	// mostGuessers bounds how many are remembered: a household has fewer extensions.
	mostGuessers = 256
)

// Guess is what is remembered of a caller's wrong codes over a restart, so that cutting the power is no way to guess on.
type Guess struct {
	// Who is the extension, Wrong how many in a row, Last when the newest was, and Until when the pause ends.
	Who         string
	Wrong       int
	Last, Until time.Time
	// Forgiven is when as many may be forgiven again as ever; before, fewer.
	Forgiven time.Time
}

// ActKeepGuesses says what is to be remembered of wrong codes from now on; nothing: nobody has any.
type ActKeepGuesses struct{ Guesses []Guess }

func (ActKeepGuesses) action() {}

// guesses counts wrong codes, for each caller by itself.
type guesses struct {
	by       map[string]*guesser
	wrong    int // ever
	lockOuts int
}

type guesser struct {
	wrong int // in a row
	last  time.Time
	until time.Time // of the pause
	// forgiven is when all that was forgiven is made up for: each takes forgivenReturn.
	forgiven time.Time
}

// blocked tells until when a caller's digits count for nothing.
func (g *guesses) blocked(who string, now time.Time) (until time.Time, is bool) {
	if c := g.by[who]; c != nil && now.Before(c.until) {
		return c.until, true
	}
	return time.Time{}, false
}

// add counts a wrong code and gives the pause that it costs.
func (g *guesses) add(who string, now time.Time) (pause time.Duration, out bool) {
	g.wrong++
	c := g.of(who, now)
	if now.Sub(c.last) > guessesForget {
		c.wrong = 0
	}
	c.wrong++
	c.last = now
	pause = pauseAfter(c.wrong)
	if out = c.wrong >= lockOutAt; out {
		g.lockOuts++
	}
	c.until = now.Add(pause)
	return pause, out
}

// of is what is known of a caller, who is new if need be.
func (g *guesses) of(who string, now time.Time) *guesser {
	c := g.by[who]
	if c == nil {
		g.makeRoom(now)
		if g.by == nil {
			g.by = map[string]*guesser{}
		}
		c = &guesser{last: now, forgiven: now}
		g.by[who] = c
	}
	return c
}

// pauseAfter is what so many wrong codes in a row cost.
func pauseAfter(wrong int) time.Duration {
	switch {
	case wrong <= freeGuesses:
		return 0
	case wrong >= lockOutAt:
		return lockOut
	default:
		return firstPause << (wrong - freeGuesses - 1)
	}
}

// kept is what is to be remembered.
func (g *guesses) kept() ActKeepGuesses {
	var all []Guess
	for who, c := range g.by {
		all = append(all, Guess{Who: who, Wrong: c.wrong, Last: c.last, Until: c.until, Forgiven: c.forgiven})
	}
	slices.SortFunc(all, func(a, b Guess) int { return cmp.Compare(a.Who, b.Who) })
	return ActKeepGuesses{all}
}

// restore takes what was remembered. The clock may have been set since, or be wrong still: a machine without a clock of its own wakes up in the
// past. No pause becomes longer than it was, and one that cannot be judged begins anew.
func (g *guesses) restore(all []Guess, now time.Time) {
	for _, k := range all {
		ago, left := now.Sub(k.Last), k.Until.Sub(now)
		if ago < 0 {
			ago, left = 0, pauseAfter(k.Wrong)
		}
		if k.Who == "" || k.Wrong < 0 || ago > guessesForget || len(g.by) >= mostGuessers {
			continue
		}
		owed := min(max(k.Forgiven.Sub(k.Last)-ago, 0), mostForgiven*forgivenReturn)
		if k.Wrong == 0 && owed == 0 {
			continue
		}
		if g.by == nil {
			g.by = map[string]*guesser{}
		}
		left = min(max(left, 0), pauseAfter(k.Wrong))
		g.by[k.Who] = &guesser{wrong: k.Wrong, last: now.Add(-ago), until: now.Add(left), forgiven: now.Add(owed)}
	}
}

// makeRoom forgets who guessed longest ago.
func (g *guesses) makeRoom(now time.Time) {
	if len(g.by) < mostGuessers {
		return
	}
	oldest, at := "", now
	for who, c := range g.by {
		if c.last.Before(at) {
			oldest, at = who, c.last
		}
	}
	delete(g.by, oldest)
}

// forgive forgets a caller's wrong codes, as many as may be forgiven and if there are any: a right one followed.
func (g *guesses) forgive(who string, now time.Time) (had bool) {
	c := g.by[who]
	if c == nil || c.wrong == 0 {
		return false
	}
	n := c.spend(c.wrong, now)
	c.wrong -= n
	return n > 0
}

// spare tells whether one wrong code more may be forgiven, and forgives it.
func (g *guesses) spare(who string, now time.Time) bool {
	c := g.of(who, now)
	if c.spend(1, now) == 0 {
		return false
	}
	c.last = now
	return true
}

// spend says how many of n may be forgiven, and takes note of it.
func (c *guesser) spend(n int, now time.Time) int {
	if c.forgiven.Before(now) {
		c.forgiven = now
	}
	left := int((mostForgiven*forgivenReturn - c.forgiven.Sub(now)) / forgivenReturn)
	n = min(n, max(left, 0))
	c.forgiven = c.forgiven.Add(time.Duration(n) * forgivenReturn)
	return n
}

// clear forgets everybody's, but not how many there were.
func (g *guesses) clear() { g.by = nil }

// over is when the last lock-out ends; false: nobody is locked out.
func (g *guesses) over(now time.Time) (time.Time, bool) {
	var last time.Time
	for _, c := range g.by {
		if c.wrong >= lockOutAt && now.Before(c.until) && c.until.After(last) {
			last = c.until
		}
	}
	return last, !last.IsZero()
}
