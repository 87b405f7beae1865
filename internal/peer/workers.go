package peer

import "sync"

// workers are goroutines that may be started from callbacks of pion's, at any time, and are waited for at the end. After stop
// none begins.
type workers struct {
	mu      sync.Mutex
	stopped bool
	running sync.WaitGroup
}

func (w *workers) start(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.running.Go(f)
	}
}

func (w *workers) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.running.Wait()
}
