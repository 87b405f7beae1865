package camera

import (
	"errors"
	"fmt"
	"image"
	"sync"
	"time"
)

const (
	// silentLimit is after how many seconds without a picture a camera is given up; with the hub's first wait it is started again
	// within three seconds of its last picture. silentStart holds for the first picture.
	silentLimit = 2
	silentStart = 4
)

// shotPicture is a picture on its way to the encoder.
type shotPicture struct {
	img      *image.YCbCr
	captured time.Time
	pts      time.Duration
}

// pipeline takes pictures from a camera, in a goroutine of its own, and has the newest one ready for the encoder. What the encoder is too
// slow for is dropped, the oldest first, so that what is sent is never older than the picture before it.
type pipeline struct {
	from  grabber
	conv  *converter
	pace  *pace
	meter *throttle
	began time.Time
	now   func() time.Time

	ready chan *shotPicture // of length one: the newest
	free  chan *shotPicture // those that nobody uses
	ended chan error        // of length one: why the camera has stopped
	done  chan struct{}     // closed when run has returned

	mu     sync.Mutex
	counts pipelineCounts
}

// pipelineCounts are the pictures that came and were not sent.
type pipelineCounts struct {
	// Late were replaced by newer ones before the encoder was ready, Broken could not be used; wrong is the last reason.
	Late, Broken uint64
	wrong        error
}

// pipelinePictures are those in use at once: one that is filled, the newest, and the encoder's.
const pipelinePictures = 3

// newPipeline prepares one; run starts it.
func newPipeline(from grabber, plan capturePlan, turn turning, now func() time.Time) *pipeline {
	rate := plan.framerate
	if plan.mode.rate >= 1 {
		rate = int(plan.mode.rate + 0.5)
	}
	p := &pipeline{
		from: from, conv: newConverter(plan, turn), pace: newPace(rate), meter: newThrottle(plan.framerate), began: time.Now(), now: now,
		ready: make(chan *shotPicture, 1), free: make(chan *shotPicture, pipelinePictures), ended: make(chan error, 1), done: make(chan struct{}),
	}
	for range pipelinePictures {
		p.free <- &shotPicture{img: p.conv.picture()}
	}
	return p
}

// run reads until the camera gives no more.
func (p *pipeline) run() {
	defer close(p.done)
	p.ended <- p.read()
}

// stop closes the camera and waits for run.
func (p *pipeline) stop() error {
	err := p.from.close()
	<-p.done
	return err
}

func (p *pipeline) read() error {
	silent, limit := 0, silentStart
	for {
		img, err := p.from.read()
		captured, at := p.now(), time.Since(p.began)
		switch {
		case errors.Is(err, errSilent):
			if silent++; silent >= limit {
				return fmt.Errorf("%w%s", ErrStalled, p.story())
			}
		case errors.Is(err, errPicture):
			silent = 0
			p.broken(err)
		case err != nil:
			return err
		default:
			silent, limit = 0, silentLimit
			p.take(img, captured, p.pace.next(at))
		}
	}
}

// take makes a picture ready for the encoder.
func (p *pipeline) take(img image.Image, captured time.Time, pts time.Duration) {
	if !p.meter.due(pts) {
		return
	}
	next := <-p.free // there is always one: the encoder and ready have at most two
	next.captured, next.pts = captured, pts
	if err := p.conv.convert(next.img, img); err != nil {
		p.free <- next
		p.broken(err)
		return
	}
	select {
	case old := <-p.ready:
		p.free <- old
		p.mu.Lock()
		p.counts.Late++
		p.mu.Unlock()
	default:
	}
	p.ready <- next
}

// broken counts a picture that can't be used.
func (p *pipeline) broken(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Broken++
	p.counts.wrong = err
}

// seen gives the counts.
func (p *pipeline) seen() pipelineCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// story is what there is to say about a camera that gives no pictures.
func (p *pipeline) story() string {
	c := p.seen()
	if c.wrong == nil {
		return ""
	}
	return fmt.Sprintf(" that can be used (%d: %v)", c.Broken, c.wrong)
}

// throttle thins out the pictures of a camera that is quicker than wanted.
type throttle struct {
	interval, next time.Duration
	begun          bool
}

func newThrottle(framerate int) *throttle {
	return &throttle{interval: time.Second / time.Duration(max(1, framerate))}
}

// due reports whether the picture of a time is to be sent. A camera that has the wanted rate, with its picture times a little uneven, loses
// none.
func (t *throttle) due(at time.Duration) bool {
	if t.begun && at < t.next-t.interval/2 {
		return false
	}
	if !t.begun || at > t.next+t.interval {
		t.begun, t.next = true, at
	}
	t.next += t.interval
	return true
}
