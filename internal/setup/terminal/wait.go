package terminal

import (
	"context"
	"strings"
	"sync"
	"time"

	"doorstation/internal/setup"
)

// calm is how often a terminal that can't write a line anew is told how far the work is.
const calm = 3 * time.Second

// Wait implements setup.Person.
func (c *Console) Wait(ctx context.Context, text, hint string, work func(ctx context.Context, show func(string)) error) error {
	if err := c.gone(); err != nil {
		return err
	}
	if hint != "" {
		c.in.forget()
		text += "  (" + hint + ")"
	}
	c.Tell(setup.Faint, text)
	p := &progress{console: c}
	defer p.end()

	workCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(workCtx, p.show) }()
	if hint == "" {
		return <-done
	}
	readCtx, stopReading := context.WithCancel(ctx)
	defer stopReading()
	enter := make(chan error, 1)
	go func() {
		_, err := c.in.read(readCtx)
		enter <- err
	}()
	select {
	case err := <-done:
		stopReading()
		if readErr := <-enter; readErr == nil && err == nil {
			return nil // both at once: the work is done
		}
		return err
	case err := <-enter:
		if err != nil { // no input any more, or no context: the work knows
			return <-done
		}
		cancel()
		if workErr := <-done; workErr == nil {
			return nil // it was done just then
		}
		return setup.ErrSkipped
	}
}

// progress is the line that says how far the work is.
type progress struct {
	console *Console

	mu    sync.Mutex
	shown bool // the cursor stands behind a text
	last  time.Time
	ended bool
}

func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	text = "  " + setup.Clean(text)
	if runes := []rune(text); len(runes) > p.console.able.Columns-1 {
		text = string(runes[:p.console.able.Columns-1])
	}
	if p.console.able.Redraw {
		p.console.print("\r\x1b[K" + text)
		p.shown = true
		return
	}
	if now := time.Now(); now.Sub(p.last) >= calm {
		p.last = now
		p.console.print(strings.TrimRight(text, " ") + "\n")
	}
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.shown {
		p.console.print("\n")
	}
}
