package camera

import (
	"context"
	"sync"
	"time"
)

// starvedGap is how often at most a reader that loses pictures again and again has an IDR asked for: the others pay for it.
const starvedGap = time.Second

// leastQueue is the shortest queue of a reader, in pictures.
const leastQueue = 4

// queueLimit is how many pictures a reader may be behind: four fifths of a second. What is older is of no use to somebody at the
// door; what is younger waits for a key frame to leave, which takes up to 600 ms on a slow way.
func queueLimit(framerate int) int { return max(leastQueue, framerate*4/5) }

// Reader takes the pictures of a [Hub]. One goroutine at a time may call Next; the other methods are free.
type Reader struct {
	hub   *Hub
	limit int
	wake  chan struct{} // of length one: the queue or closed changed
	again time.Time     // from when on the group may be replayed to it; the hub's lock guards it

	mu      sync.Mutex
	queue   []AccessUnit
	waiting bool      // for an IDR: what cannot be decoded is not queued
	started bool      // an IDR has been queued once
	starved bool      // pictures were lost and no IDR has been asked for since
	asked   time.Time // the last of those IDRs
	begun   int       // pictures in queue that it was given at its beginning; they do not count as being behind
	dropped uint64
	closed  bool
}

// newReader makes a reader that waits for its first IDR.
func newReader(h *Hub, limit int) *Reader {
	return &Reader{hub: h, limit: limit, wake: make(chan struct{}, 1), waiting: true}
}

// Next waits for the next picture. The first one is an IDR, and so is the first after pictures were lost because the
// reader was slow. It returns ctx.Err() when ctx ends first, [ErrReaderClosed] after Close or the end of the hub.
func (r *Reader) Next(ctx context.Context) (AccessUnit, error) {
	for {
		au, ok, err := r.take()
		if ok || err != nil {
			return au, err
		}
		select {
		case <-ctx.Done():
			return AccessUnit{}, ctx.Err()
		case <-r.wake:
		}
	}
}

// Close ends the reader; a waiting Next returns. The source is stopped some time after its last reader has left.
func (r *Reader) Close() {
	r.shut()
	r.hub.remove(r)
}

// RequestKeyFrame asks for an IDR picture on behalf of this reader's viewer (PLI, FIR), as [Hub.RequestKeyFrame] does. Of a source that
// can't be asked the reader is given the newest group of pictures once more: the viewer need not wait for the source's next IDR.
// It never blocks.
func (r *Reader) RequestKeyFrame() {
	r.hub.replay(r)
	r.hub.RequestKeyFrame()
}

// Skip gives up what is queued: the next picture is an IDR. It does not ask for one.
func (r *Reader) Skip() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return
	}
	r.dropped += uint64(len(r.queue))
	r.queue, r.begun = nil, 0
	r.waiting, r.starved = true, false
}

// Dropped is how many pictures the reader has lost since its first one, because it was too slow.
func (r *Reader) Dropped() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// take gives the oldest picture in the queue, if there is one. A reader that has lost pictures asks for an IDR here, when
// it is back: one that never comes back must not cost the others a key frame each half second.
func (r *Reader) take() (au AccessUnit, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return AccessUnit{}, false, ErrReaderClosed
	}
	if r.starved && time.Since(r.asked) > starvedGap {
		r.starved, r.asked = false, time.Now()
		r.hub.RequestKeyFrame()
	}
	if len(r.queue) == 0 {
		return AccessUnit{}, false, nil
	}
	au = r.queue[0]
	r.queue[0] = AccessUnit{}
	r.queue = r.queue[1:]
	r.begun = max(0, r.begun-1)
	return au, true, nil
}

// begin gives a reader the pictures it begins with, in place of any it has not taken yet: a group that starts with an IDR, or none.
func (r *Reader) begin(group []AccessUnit) {
	if len(group) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.queue, r.begun = group, len(group)
	r.waiting, r.started, r.starved = false, true, false
	signal(r.wake)
}

// offer queues a picture. When the queue is full the reader loses all of it and waits for an IDR.
func (r *Reader) offer(au AccessUnit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if len(r.queue)-r.begun >= r.limit {
		r.dropped += uint64(len(r.queue))
		r.queue, r.begun = nil, 0
		r.waiting, r.starved = true, true
	}
	if r.waiting && !au.IDR {
		if r.started {
			r.dropped++
		}
		return
	}
	r.waiting, r.started, r.starved = false, true, false
	r.queue = append(r.queue, au)
	signal(r.wake)
}

// shut marks the reader closed and wakes a waiting Next.
func (r *Reader) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.queue = nil
	signal(r.wake)
}
