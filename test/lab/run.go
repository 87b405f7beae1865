package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// ErrFailed is what [Run] returns when the work called Fatalf or Errorf.
var ErrFailed = errors.New("lab: failed")

// Run does work with a [T] although the program is no test, such as the bench: what the work cleans up is cleaned
// up before Run returns. Log lines go to w.
func Run(ctx context.Context, name string, w io.Writer, work func(t T)) error {
	ctx, cancel := context.WithCancel(ctx)
	r := &runner{name: name, ctx: ctx, w: w}
	finished := make(chan any, 1)
	go func() {
		defer func() {
			cause := recover()
			cancel()
			r.cleanUp()
			finished <- cause
		}()
		work(r)
	}()
	if cause := <-finished; cause != nil {
		return fmt.Errorf("%w: panic: %v", ErrFailed, cause)
	}
	if r.Failed() {
		return fmt.Errorf("%w: %s", ErrFailed, name)
	}
	return nil
}

// runner is the T of Run.
type runner struct {
	name string
	ctx  context.Context
	w    io.Writer

	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

var _ T = (*runner)(nil)

func (r *runner) Helper()                  {}
func (r *runner) Name() string             { return r.name }
func (r *runner) Context() context.Context { return r.ctx }

func (r *runner) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.w, format+"\n", args...)
}

func (r *runner) Errorf(format string, args ...any) {
	r.mu.Lock()
	r.failed = true
	r.mu.Unlock()
	r.Logf(format, args...)
}

// Fatalf ends the goroutine of the work, as testing's does.
func (r *runner) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *runner) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *runner) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// cleanUp runs the cleanups, the last first.
func (r *runner) cleanUp() {
	for {
		r.mu.Lock()
		n := len(r.cleanups)
		if n == 0 {
			r.mu.Unlock()
			return
		}
		f := r.cleanups[n-1]
		r.cleanups = r.cleanups[:n-1]
		r.mu.Unlock()
		f()
	}
}
