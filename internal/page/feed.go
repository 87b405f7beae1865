package page

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"doorstation/internal/control"
)

const (
	// lookEvery is how often the station is looked at while a page is open, however many there are.
	lookEvery = 200 * time.Millisecond
	// mostReaders is how many pages may be open at once.
	mostReaders = 8
)

// feed looks at the station while pages are open, and tells them what has changed.
type feed struct {
	status func() control.Status
	opt    viewOptions
	log    *slog.Logger
	wake   chan struct{} // of length one: the first page has been opened

	mu      sync.Mutex
	readers map[string]*reader // by their tokens
	view    []byte             // newest, as JSON
	sound   []byte
}

// reader is a page that is open.
type reader struct {
	// token proves that a request comes from this page: no other one can read it.
	token string
	news  chan struct{} // of length one: something is new
	shown chan Viewer   // of length one: the picture that it is shown now
	view  []byte        // as last sent
	sound []byte
}

func newFeed(o Options) *feed {
	return &feed{
		status: o.Station.Status, opt: viewOptions{buttons: o.Buttons, help: o.Help, metrics: o.Metrics != nil, password: o.Password != nil},
		log: o.Log, wake: make(chan struct{}, 1), readers: map[string]*reader{},
	}
}

// run looks, until ctx ends.
func (f *feed) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if f.look() {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
	}
}

// look takes what is new to the pages. It reports whether there are any.
func (f *feed) look() bool {
	f.mu.Lock()
	open := len(f.readers) > 0
	f.mu.Unlock()
	if !open {
		return false
	}
	status := f.status().Tidy()
	view, err := json.Marshal(viewOf(status, f.opt))
	if err != nil {
		f.log.Error("status page: the status can't be written as JSON", "error", err)
		return true
	}
	sound, err := json.Marshal(soundOf(status.Sound))
	if err != nil {
		f.log.Error("status page: the levels can't be written as JSON", "error", err)
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Equal(view, f.view) && bytes.Equal(sound, f.sound) {
		return true
	}
	f.view, f.sound = view, sound
	for _, r := range f.readers {
		r.tell()
	}
	return true
}

func (r *reader) tell() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// open adds a page; nil: there are too many.
func (f *feed) open() *reader {
	r := &reader{token: rand.Text(), news: make(chan struct{}, 1), shown: make(chan Viewer, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.readers) >= mostReaders {
		return nil
	}
	if len(f.readers) == 0 {
		f.view, f.sound = nil, nil // of who looked before
	}
	f.readers[r.token] = r
	r.tell()
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return r
}

// close forgets a page.
func (f *feed) close(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r.token)
}

// of is the page with this token; nil: none that is open.
func (f *feed) of(token string) *reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers[token]
}

// news is what a page has not been told yet; nil: it has.
func (f *feed) news(r *reader) (view, sound []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !bytes.Equal(f.view, r.view) {
		view, r.view = f.view, f.view
	}
	if !bytes.Equal(f.sound, r.sound) {
		sound, r.sound = f.sound, f.sound
	}
	return view, sound
}
