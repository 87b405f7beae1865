package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/control"
	"doorstation/internal/page"
	"doorstation/internal/peer"
)

const (
	// mostWatchers is how many pages may show the picture at once: each costs packets and encryption, not encoding.
	mostWatchers = 3
	// watchSetup is how long a browser may take to connect after its offer was answered.
	watchSetup = 15 * time.Second
	// watchKeyFrames is the least distance of two key frames that a page's browser asks for: they cost whoever is in a call.
	watchKeyFrames = time.Second
)

// watchers are the status pages that show the camera's picture. They read the hub as calls do, so that it is encoded once, but their ways through
// the network never lower its rate: a call comes first. Somebody who watches is a look: the light is on.
type watchers struct {
	changed func(any bool) // in order

	telling sync.Mutex // held while changed is told
	mu      sync.Mutex
	all     map[*watcher]struct{}
	opening int // are being answered
	address string
	closed  bool
}

func newWatchers(changed func(any bool)) *watchers {
	return &watchers{changed: changed, all: map[*watcher]struct{}{}}
}

// tell tells whether somebody watches.
func (w *watchers) tell() {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.changed(w.any())
}

// watcher is one of them.
type watcher struct {
	peer   *peer.Peer
	reader *camera.Reader
	cancel context.CancelFunc
	done   chan struct{}
	closed sync.Once
	left   func(*watcher)
}

// at notes where the page is.
func (w *watchers) at(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.address = address
}

// status is what status tells of the page.
func (w *watchers) status() control.Page {
	w.mu.Lock()
	defer w.mu.Unlock()
	return control.Page{Address: w.address, Viewers: len(w.all)}
}

// any tells whether somebody watches.
func (w *watchers) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all) > 0
}

// close ends all, and lets no more begin.
func (w *watchers) close() {
	w.mu.Lock()
	w.closed = true
	var all []*watcher
	for one := range w.all {
		all = append(all, one)
	}
	w.mu.Unlock()
	for _, one := range all {
		one.Close()
	}
}

// reserve takes a place. The page has been closed for good, or is full, when it gives an error.
func (w *watchers) reserve() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.all)+w.opening >= mostWatchers {
		return page.ErrTooManyViewers
	}
	w.opening++
	return nil
}

// enter gives the reserved place to a watcher, or gives it up.
func (w *watchers) enter(one *watcher) (entered bool) {
	w.mu.Lock()
	w.opening--
	if one != nil && !w.closed {
		w.all[one] = struct{}{}
		entered = true
	}
	w.mu.Unlock()
	if entered {
		w.tell()
	}
	return entered
}

func (w *watchers) leave(one *watcher) {
	w.mu.Lock()
	delete(w.all, one)
	w.mu.Unlock()
	w.tell()
}

// Watch answers a browser's offer with the camera's picture. It ends after as long as a conversation may last.
func (a *App) Watch(ctx context.Context, offer string) (page.Viewer, string, error) {
	if err := a.watchers.reserve(); err != nil {
		return nil, "", err
	}
	one, answer, err := a.newWatcher(ctx, offer)
	if err != nil {
		a.watchers.enter(nil)
		return nil, "", err
	}
	one.start(a)
	if !a.watchers.enter(one) {
		one.Close()
		return nil, "", page.ErrTooManyViewers
	}
	a.opt.Log.Info("the picture is shown on the status page")
	return one, answer, nil
}

func (a *App) newWatcher(ctx context.Context, offer string) (*watcher, string, error) {
	// Host candidates only: whoever reaches the page is in the house, or has a tunnel into it.
	c := peer.Config{Video: true, Loopback: true, Log: a.opt.Log.With("room", "peer"), Now: a.opt.Now}
	if a.opt.test.loopback {
		c.IncludeInterface = func(name string) bool { return name == "lo" }
	}
	pool, err := peer.NewPool(c, 0)
	if err != nil {
		return nil, "", err
	}
	p, answer, agreed, err := pool.Answer(ctx, offer)
	for _, wrong := range []error{peer.ErrSDP, peer.ErrNoAudio, peer.ErrNoICE, peer.ErrNoFingerprint} {
		if errors.Is(err, wrong) {
			return nil, "", fmt.Errorf("%w: %w", page.ErrNoPicture, err)
		}
	}
	if err != nil {
		return nil, "", err
	}
	if !agreed.Video {
		return nil, "", errors.Join(fmt.Errorf("%w: it takes no H.264", page.ErrNoPicture), p.Close())
	}
	return &watcher{peer: p, reader: a.camera.Subscribe(), done: make(chan struct{}), left: a.watchers.leave}, answer, nil
}

// start connects and sends pictures until the browser is gone, the time is over, or Close.
func (w *watcher) start(a *App) {
	ctx, cancel := context.WithTimeout(context.Background(), a.opt.Local.Call.MaxTalk)
	w.cancel = cancel
	connected := make(chan struct{})
	var asked struct {
		sync.Mutex
		last time.Time
	}
	w.peer.Start(peer.Events{
		Connected:     func(_, _ time.Time) { close(connected) },
		Failed:        func(error) { cancel() },
		RestartWanted: func(string) { cancel() }, // nothing was heard for seconds: the page asks anew if it is there
		KeyFrame: func() {
			asked.Lock()
			defer asked.Unlock()
			if now := a.opt.Now(); now.Sub(asked.last) >= watchKeyFrames {
				asked.last = now
				w.reader.RequestKeyFrame()
			}
		},
	})
	go func() {
		defer close(w.done)
		defer cancel()
		select {
		case <-connected:
		case <-time.After(watchSetup):
			return
		case <-ctx.Done():
			return
		}
		for {
			picture, err := w.reader.Next(ctx)
			if err != nil {
				return
			}
			if err = w.peer.WriteVideo(picture.Data, picture.PTS); err != nil {
				a.opt.Log.Debug("not sent to the status page", "error", err)
			}
		}
	}()
}

// Done implements page.Viewer.
func (w *watcher) Done() <-chan struct{} { return w.done }

// Close implements page.Viewer.
func (w *watcher) Close() {
	w.closed.Do(func() {
		w.cancel()
		<-w.done
		w.reader.Close()
		_ = w.peer.Close() // what is closed can't be used any more, whatever it says
		w.left(w)
	})
}
