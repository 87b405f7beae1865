package camera

import (
	"image"
	"sync"
	"time"
)

const (
	// provenPictures is how many pictures in a row show that the chip's encoder works here: ten seconds of them.
	provenPictures = 250
	// distrustAfter is how many of its runs may fail before that many.
	distrustAfter = 2
	// distrust is how long it is left alone then.
	distrust = 10 * time.Minute
)

// chipTrust notes whether the chip's encoder works here. One that can be opened and then fails, and again when it is opened anew, is
// left alone for a while where the processor may encode: a door with a costly picture is better than one without. nil trusts.
type chipTrust struct {
	now func() time.Time

	mu       sync.Mutex
	failures int       // in a row, and early
	until    time.Time // it is left alone
}

// allows reports whether the chip is worth a try.
func (t *chipTrust) allows() bool {
	if t == nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.now().Before(t.until)
}

// failed notes a run that failed early.
func (t *chipTrust) failed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures++; t.failures >= distrustAfter {
		t.failures, t.until = 0, t.now().Add(distrust)
	}
}

// worked notes a run that has proven itself.
func (t *chipTrust) worked() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = 0
}

// watch has an encoder's run noted.
func (t *chipTrust) watch(enc pictureEncoder) pictureEncoder {
	if t == nil {
		return enc
	}
	return &watchedChip{pictureEncoder: enc, trust: t}
}

// watchedChip is an encoder whose run is noted.
type watchedChip struct {
	pictureEncoder
	trust *chipTrust
	given int
}

// encode implements [pictureEncoder].
func (w *watchedChip) encode(img *image.YCbCr) ([]byte, error) {
	data, err := w.pictureEncoder.encode(img)
	if err != nil {
		if w.given < provenPictures {
			w.trust.failed()
		}
		return nil, err
	}
	if len(data) > 0 {
		if w.given++; w.given == provenPictures {
			w.trust.worked()
		}
	}
	return data, nil
}
