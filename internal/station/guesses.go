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
	// mostGuessers bounds how many are remembered: a household has fewer extensions.
	mostGuessers = 256
)

// Guess is what is remembered of a caller's wrong codes over a restart, so that cutting the power is no way to guess on.
type Guess struct {
	// Who is the extension, Wrong how many in a row, Last when the newest was, and Until when the pause ends.
	Who         string
	Wrong       int
	Last, Until time.Time
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
	c := g.by[who]
	if c == nil || now.Sub(c.last) > guessesForget {
		g.makeRoom(now)
		c = &guesser{}
		if g.by == nil {
			g.by = map[string]*guesser{}
		}
		g.by[who] = c
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
		all = append(all, Guess{Who: who, Wrong: c.wrong, Last: c.last, Until: c.until})
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
		if k.Who == "" || k.Wrong < 1 || ago > guessesForget || len(g.by) >= mostGuessers {
			continue
		}
		if g.by == nil {
			g.by = map[string]*guesser{}
		}
		left = min(max(left, 0), pauseAfter(k.Wrong))
		g.by[k.Who] = &guesser{wrong: k.Wrong, last: now.Add(-ago), until: now.Add(left)}
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

// forgive forgets a caller's wrong codes, if there are any: a right one followed.
func (g *guesses) forgive(who string) (had bool) {
	_, had = g.by[who]
	delete(g.by, who)
	return had
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
