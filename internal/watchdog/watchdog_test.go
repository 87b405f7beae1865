package watchdog

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loop is a loop that answers, or hangs while it is told to.
type loop struct {
	hung  atomic.Bool
	asked atomic.Int32
	awake chan struct{}
}

func (l *loop) alive(context.Context) error { // a loop that hangs does not look at ctx either
	l.asked.Add(1)
	if l.hung.Load() {
		<-l.awake
	}
	return nil
}

func TestIsFedOnlyWhileEveryLoopAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := &loop{awake: make(chan struct{})}, &loop{awake: make(chan struct{})}
		var fed atomic.Int32
		d := New([]Check{{"good", good.alive}, {"bad", bad.alive}}, Options{
			Interval: 10 * time.Second, Limit: 3 * time.Second, Feed: func() { fed.Add(1) },
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		time.Sleep(25 * time.Second) // rounds at 0, 10 and 20 s
		if fed.Load() != 3 || d.Alive() != nil {
			t.Fatalf("fed %d times, %v", fed.Load(), d.Alive())
		}

		bad.hung.Store(true)
		time.Sleep(40 * time.Second)
		if fed.Load() != 3 {
			t.Errorf("fed while a loop hangs (%d times)", fed.Load())
		}
		if err := d.Alive(); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "bad") || strings.Contains(err.Error(), "good") {
			t.Errorf("the verdict is %v", err)
		}
		if bad.asked.Load() != 4 {
			t.Errorf("the loop that hangs was asked %d times: each question would cost a goroutine", bad.asked.Load())
		}

		bad.hung.Store(false)
		close(bad.awake)
		time.Sleep(20 * time.Second)
		if fed.Load() < 4 || d.Alive() != nil {
			t.Errorf("not fed again: %d, %v", fed.Load(), d.Alive())
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestALoopThatSaysThatItIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := errors.New("nothing has moved for 90 s")
		fed := false
		d := New([]Check{{"sip", func(context.Context) error { return dead }}}, Options{Interval: time.Second, Limit: time.Second, Feed: func() { fed = true }})
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
		if fed || !errors.Is(d.Alive(), dead) {
			t.Errorf("fed: %v, verdict: %v", fed, d.Alive())
		}
	})
}
