package station

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// stuckDoor does not come back from opening before it is released.
type stuckDoor struct{ release chan struct{} }

func (d stuckDoor) Open(time.Duration) (time.Duration, error) {
	<-d.release
	return 0, nil
}

func (stuckDoor) Shut() error     { return nil }
func (stuckDoor) Remember(string) {}

func TestRunnerShowsThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, lock := &world{}, stuckDoor{make(chan struct{})}
		w.runner = NewRunner(NewMachine(home()), w, w, lock, w, w, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		end := make(chan error, 1)
		go func() { end <- w.runner.Run(ctx) }()
		alive := func() error {
			asked, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return w.runner.Alive(asked)
		}
		if err := alive(); err != nil {
			t.Errorf("idle: %v", err)
		}
		w.runner.Post(Pressed{ID: 1, Button: "Front door", At: time.Now()})
		w.runner.Post(Answered{1, "101"})
		if err := alive(); err != nil {
			t.Errorf("talking: %v", err)
		}
		w.runner.Post(Digit{1, '1'})
		if err := alive(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("held up by the lock: %v", err)
		}
		close(lock.release)
		if err := alive(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
}
