// Package watchdog feeds a watchdog only while every loop it was given shows that it lives.
//
// A process that runs is no proof: a door whose station loop hangs is dead to the visitor, however well its other goroutines
// do. So each loop is asked in a way that only the loop itself can answer, and when one does not, nothing is fed and the
// service manager starts the agent again (sd_notify(3), WATCHDOG=1).
package watchdog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ErrNoAnswer means that a loop did not answer in time.
var ErrNoAnswer = errors.New("it does not answer")

// Check asks one loop.
type Check struct {
	// Name is what the loop is called in the log.
	Name string
	// Alive returns nil when the loop has shown that it lives. It should return when ctx ends; one that does not is left
	// behind, and not asked again before it has returned.
	Alive func(ctx context.Context) error
}

// Options are what a Dog may be given.
type Options struct {
	// Interval is from one round of questions to the next.
	Interval time.Duration
	// Limit is how long a loop may take to answer.
	Limit time.Duration
	// Feed is called after each round in which every loop answered. It may be nil.
	Feed func()
	// Log takes which loop fell silent, and that it is back; nil discards it.
	Log *slog.Logger
}

// Dog asks the loops and remembers how they did.
type Dog struct {
	checks []Check
	opt    Options

	mu     sync.Mutex
	asking map[string]bool // has not returned yet
	dead   error           // the last round's verdict
	since  time.Time       // of that verdict's kind
}

// New makes a Dog; it asks nothing before [Dog.Run].
func New(checks []Check, opt Options) *Dog {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Feed == nil {
		opt.Feed = func() {}
	}
	return &Dog{checks: checks, opt: opt, asking: make(map[string]bool)}
}

// Alive is the verdict of the last round: nil, or which loops did not answer and why. Before the first round it is nil.
func (d *Dog) Alive() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// Run asks until ctx ends; it then returns nil. A loop that hangs does not hold it up.
func (d *Dog) Run(ctx context.Context) error {
	ticker := time.NewTicker(d.opt.Interval)
	defer ticker.Stop()
	for {
		err := d.round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		d.note(err)
		if err == nil {
			d.opt.Feed()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// note keeps the verdict and logs it when it is another one.
func (d *Dog) note(err error) {
	d.mu.Lock()
	before, stood := d.dead, time.Since(d.since)
	if (before == nil) != (err == nil) {
		d.since = time.Now()
	}
	d.dead = err
	d.mu.Unlock()
	switch {
	case err != nil && before == nil:
		d.opt.Log.Error("a part of the agent hangs: the watchdog is not fed", "error", err)
	case err == nil && before != nil:
		d.opt.Log.Info("all parts of the agent answer again", "after", stood.Round(time.Second))
	}
}

// round asks every loop at the same time.
func (d *Dog) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.opt.Limit, ErrNoAnswer)
	defer cancel()
	answers := make(chan error, len(d.checks))
	for _, c := range d.checks {
		go func() { answers <- d.ask(ctx, c) }()
	}
	var errs []error
	for range d.checks {
		errs = append(errs, <-answers)
	}
	return errors.Join(errs...)
}

// ask asks one loop and waits for no longer than ctx.
func (d *Dog) ask(ctx context.Context, c Check) error {
	if !d.begin(c.Name) {
		return fmt.Errorf("%s: %w", c.Name, ErrNoAnswer) // to an earlier question
	}
	answer := make(chan error, 1)
	go func() {
		defer d.end(c.Name)
		answer <- c.Alive(ctx)
	}()
	select {
	case err := <-answer:
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", c.Name, context.Cause(ctx))
	}
}

func (d *Dog) begin(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asking[name] {
		return false
	}
	d.asking[name] = true
	return true
}

func (d *Dog) end(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.asking, name)
}
