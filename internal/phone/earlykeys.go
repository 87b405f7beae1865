package phone

import (
	"context"
	"time"
)

// earlyKeyFrames are the moments after the first key frame at which another one is asked for unasked: the far leg of a PBX may
// not be up yet when the first one passes, and a browser asks again only every 3 s.
func earlyKeyFrames() []time.Duration {
	return []time.Duration{
		40 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
		400 * time.Millisecond, 800 * time.Millisecond, 1500 * time.Millisecond,
	}
}

// askEarly asks for the early key frames, by the clock and not by the pictures: an encoder that is asked for a key frame makes
// it of the next picture it is given. It returns after the last one, or when ctx ends.
func askEarly(ctx context.Context, ask func()) {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, at := range earlyKeyFrames() {
		timer.Reset(time.Until(began.Add(at)))
		select {
		case <-timer.C:
			ask()
		case <-ctx.Done():
			return
		}
	}
}
