package camera

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// alive asks the hub, for at most a second.
func alive(t *testing.T, h *Hub) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return h.Alive(ctx)
}

func TestHubShowsThatItLivesWhateverItDoes(t *testing.T) {
	broken := errors.New("broken")
	src := newFakeSource(func(run int) fakeRun {
		if run == 0 {
			return fakeRun{pictures: 5, err: broken}
		}
		return fakeRun{}
	})
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		for _, c := range []struct {
			name  string
			state State
			until func()
		}{
			{"without readers", StateIdle, func() {}},
			{"running", StateRunning, func() { h.Subscribe(); time.Sleep(150 * time.Millisecond) }},
			{"waiting before the next try", StateRestarting, func() { time.Sleep(500 * time.Millisecond) }},
			{"running again", StateRunning, func() { time.Sleep(2 * firstBackOff) }},
		} {
			c.until()
			synctest.Wait()
			if s := h.Status().State; s != c.state {
				t.Fatalf("%s: the state is %s", c.name, s)
			}
			if err := alive(t, h); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		time.Sleep(5 * time.Second)
		if err := alive(t, h); err != nil {
			t.Errorf("later: %v", err)
		}
	})
}

func TestHubHeldUpByASourceThatDoesNotEndIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := NewHub(stuckSource{release}, Params{Width: 640, Height: 480, Framerate: 10, Bitrate: 500_000}, HubOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		r := h.Subscribe()
		time.Sleep(stall + time.Second) // it delivers nothing, is told to end and does not
		if err := alive(t, h); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a hub that hangs says %v", err)
		}
		close(release)
		time.Sleep(time.Second)
		if err := alive(t, h); err != nil {
			t.Error(err)
		}
		r.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// stuckSource delivers nothing and ends when it is released, whatever it is told.
type stuckSource struct{ release chan struct{} }

func (s stuckSource) Run(context.Context, Params, func(AccessUnit)) error {
	<-s.release
	return nil
}
func (stuckSource) ForceIDR()      {}
func (stuckSource) SetBitrate(int) {}
func (stuckSource) Name() string   { return "stuck" }
func (stuckSource) Traits() Traits { return Traits{} }
