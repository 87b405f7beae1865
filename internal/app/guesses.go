package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"doorstation/internal/station"
)

const (
	guessesFile    = "wrong_codes"
	guessesLargest = 64 << 10
	// guessesPause is the shortest time between two writes: the first wrong code is kept at once, and no typing wears the SD card out.
	guessesPause = 5 * time.Second
)

// guessMemory remembers wrong codes over a restart: who, how many, until when they cost a pause. It knows no digits.
type guessMemory struct {
	path string // empty: nothing is remembered
	log  *slog.Logger
	news chan []station.Guess // has room for one: the newest
}

func newGuessMemory(stateDir string, log *slog.Logger) *guessMemory {
	m := &guessMemory{log: log, news: make(chan []station.Guess, 1)}
	if stateDir != "" {
		m.path = filepath.Join(stateDir, guessesFile)
	}
	return m
}

// keptGuess is a line of the file.
type keptGuess struct {
	Caller string    `json:"caller"`
	Wrong  int       `json:"wrong"`
	Last   time.Time `json:"last"`
	Until  time.Time `json:"until"`
	// Forgiven is missing in files of older versions.
	Forgiven time.Time `json:"forgiven,omitzero"`
}

// recall is what was kept. A file that can't be read is told, and nothing is kept of it.
func (m *guessMemory) recall() []station.Guess {
	all, err := recall(m.path, guessesLargest, func(k keptGuess) station.Guess {
		return station.Guess{Who: k.Caller, Wrong: k.Wrong, Last: k.Last, Until: k.Until, Forgiven: k.Forgiven}
	})
	if err != nil {
		m.log.Warn("wrong codes from before the start are forgotten", "error", err)
	}
	return all
}

// keep hands over what is to be kept; it does not wait for the disk. One goroutine at a time may call it.
func (m *guessMemory) keep(all []station.Guess) {
	select {
	case <-m.news: // older news
	default:
	}
	m.news <- all
}

// run writes what it is handed until ctx ends, and then what it still has.
func (m *guessMemory) run(ctx context.Context) error {
	for {
		select {
		case all := <-m.news:
			m.write(all)
		case <-ctx.Done():
			select {
			case all := <-m.news:
				m.write(all)
			default:
			}
			return nil
		}
		select {
		case <-time.After(guessesPause):
		case <-ctx.Done():
		}
	}
}

func (m *guessMemory) write(all []station.Guess) {
	if m.path == "" {
		return
	}
	kept := make([]keptGuess, 0, len(all))
	for _, g := range all {
		kept = append(kept, keptGuess{Caller: g.Who, Wrong: g.Wrong, Last: g.Last, Until: g.Until, Forgiven: g.Forgiven})
	}
	if err := writeLines(m.path, kept); err != nil {
		m.log.Error("wrong codes are not remembered over a restart", "error", err)
	}
}
