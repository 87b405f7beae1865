package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Weather is what a wire does to what passes one way. The zero value lets everything through at once.
type Weather struct {
	// Delay is how late each packet arrives, Jitter how much later still at random. Packets stay in their order, as on a
	// radio link.
	Delay, Jitter time.Duration
	// Loss is the share of packets that vanish, from 0 to 1; at 1 the wire is a black hole: nothing passes and nothing is
	// said, as with a router that has lost its state.
	Loss float64
}

// BlackHole is the weather in which nothing passes.
func BlackHole() Weather { return Weather{Loss: 1} }

// Wire is a cable between two interfaces with weather on it, both ways, for everything that is IP: signalling over TCP and
// media over UDP alike. It stands in for the kernel's netem, which many kernels lack. ARP passes in any weather, so that a
// black hole is silent and never becomes "no route to host".
type Wire struct {
	toFar, fromFar *lane
	lanes          sync.WaitGroup
	ends           [2]*os.File
}

// newWire passes Ethernet frames between two packet sockets: lab is the end at the lab's side, far the other.
// It owns them from now on.
func newWire(lab, far *os.File) *Wire {
	w := &Wire{
		toFar: newLane(lab, far), fromFar: newLane(far, lab),
		ends: [2]*os.File{lab, far},
	}
	for _, l := range []*lane{w.toFar, w.fromFar} {
		w.lanes.Go(l.receive)
		w.lanes.Go(l.deliver)
	}
	return w
}

// Set changes the weather: to the far side, and from it. What is under way already arrives in the weather that it set out in.
func (w *Wire) Set(toFar, fromFar Weather) {
	w.toFar.weather.Store(&toFar)
	w.fromFar.weather.Store(&fromFar)
}

// Both sets the same weather both ways.
func (w *Wire) Both(weather Weather) { w.Set(weather, weather) }

// Cut lets nothing pass, both ways.
func (w *Wire) Cut() { w.Both(BlackHole()) }

// Mend ends all weather.
func (w *Wire) Mend() { w.Both(Weather{}) }

// Traffic is what a wire has seen.
type Traffic struct{ ToFar, FromFar, Lost int64 }

// Traffic tells the packets that arrived, each way, and those that were lost.
func (w *Wire) Traffic() Traffic {
	return Traffic{
		ToFar: w.toFar.passed.Load(), FromFar: w.fromFar.passed.Load(),
		Lost: w.toFar.lost.Load() + w.fromFar.lost.Load(),
	}
}

// close ends the wire and waits for its goroutines.
func (w *Wire) close() error {
	err := errors.Join(w.ends[0].Close(), w.ends[1].Close())
	w.lanes.Wait()
	return errors.Join(err, w.toFar.failure, w.fromFar.failure)
}

const (
	// laneFrames is how much may be under way on a lane: a second of far more than a door sends.
	laneFrames = 4096
	// noteSize is the length of the kernel's note before each frame: see tap.
	noteSize = 10
	// etherHeader is the length of an Ethernet header; its last two bytes tell what is inside.
	etherHeader = 14
	maxFrame    = noteSize + etherHeader + 65536
)

// lane is one direction of a wire.
type lane struct {
	from, to *os.File
	weather  atomic.Pointer[Weather]
	queue    chan parcel

	passed, lost atomic.Int64
	failure      error // of receive; read after the lane's end
}

// parcel is a frame and when it arrives.
type parcel struct {
	frame []byte
	at    time.Time
}

func newLane(from, to *os.File) *lane {
	l := &lane{from: from, to: to, queue: make(chan parcel, laneFrames)}
	l.weather.Store(&Weather{})
	return l
}

// receive takes frames until the wire's end.
func (l *lane) receive() {
	defer close(l.queue)
	buf := make([]byte, maxFrame)
	var last time.Time
	for {
		n, err := l.from.Read(buf)
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENETDOWN):
			// A frame whose note this kernel cannot write, or an end that went down: lost, both.
			l.lost.Add(1)
			continue
		case err != nil:
			l.failure = fmt.Errorf("reading: %w", err)
			return
		}
		weather := Weather{}
		if !isARP(buf[:n]) {
			weather = *l.weather.Load()
		}
		if weather.Loss > 0 && rand.Float64() < weather.Loss {
			l.lost.Add(1)
			continue
		}
		at := time.Now().Add(weather.Delay)
		if weather.Jitter > 0 {
			at = at.Add(rand.N(weather.Jitter))
		}
		if at.Before(last) {
			at = last
		}
		last = at
		select {
		case l.queue <- parcel{append([]byte(nil), buf[:n]...), at}:
		default: // a full queue drops, as a router's
			l.lost.Add(1)
		}
	}
}

// deliver hands frames on when their time has come. What is under way at the wire's end is lost.
func (l *lane) deliver() {
	for p := range l.queue {
		if wait := time.Until(p.at); wait > 0 {
			time.Sleep(wait)
		}
		// The other end may be down for a moment, or its queue full: to a network that is a lost packet.
		if _, err := l.to.Write(p.frame); err != nil {
			l.lost.Add(1)
			continue
		}
		l.passed.Add(1)
	}
}

func isARP(frame []byte) bool {
	const kind = noteSize + etherHeader - 2
	return len(frame) >= noteSize+etherHeader && frame[kind] == 0x08 && frame[kind+1] == 0x06
}
