package station

import "time"

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
	switch {
	case c.wrong <= freeGuesses:
		return 0, false
	case c.wrong >= lockOutAt:
		pause, out = lockOut, true
		g.lockOuts++
	default:
		pause = firstPause << (c.wrong - freeGuesses - 1)
	}
	c.until = now.Add(pause)
	return pause, out
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

// forgive forgets a caller's wrong codes: a right one followed.
func (g *guesses) forgive(who string) { delete(g.by, who) }

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
