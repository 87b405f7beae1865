package audio

import (
	"encoding/binary"
	"sync/atomic"
)

// ringSamples is the size of a ring: 170 ms, a power of two.
const ringSamples = 8192

// ring carries sound from one goroutine or thread to one other without a lock: neither ever waits for the other.
type ring struct {
	written, taken atomic.Uint64 // samples so far; only the writer moves the first, only the reader the second
	samples        [ringSamples]int16
}

// length is how much there is to read.
func (r *ring) length() int { return int(r.written.Load() - r.taken.Load()) }

// room is how much may be written, at most n.
func (r *ring) room(n int) int { return min(n, ringSamples-r.length()) }

// write takes as much as there is room for and tells how much that was.
func (r *ring) write(pcm []int16) int {
	n, at := r.room(len(pcm)), r.written.Load()
	for i, v := range pcm[:n] {
		r.samples[(at+uint64(i))%ringSamples] = v
	}
	r.written.Add(uint64(n))
	return n
}

// writeBytes is write for samples in the byte order of the device, which is that of all processors the door runs on.
func (r *ring) writeBytes(pcm []byte) int {
	n, at := r.room(len(pcm)/2), r.written.Load()
	for i := range n {
		r.samples[(at+uint64(i))%ringSamples] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
	}
	r.written.Add(uint64(n))
	return n
}

// writeSilence takes n samples of silence.
func (r *ring) writeSilence(n int) int {
	n = r.room(n)
	at := r.written.Load()
	for i := range n {
		r.samples[(at+uint64(i))%ringSamples] = 0
	}
	r.written.Add(uint64(n))
	return n
}

// read gives a whole frame, or nothing at all.
func (r *ring) read(frame []int16) bool {
	if r.length() < len(frame) {
		return false
	}
	at := r.taken.Load()
	for i := range frame {
		frame[i] = r.samples[(at+uint64(i))%ringSamples]
	}
	r.taken.Add(uint64(len(frame)))
	return true
}

// readBytes fills pcm with what there is, and the rest with silence; it tells how many samples were missing.
func (r *ring) readBytes(pcm []byte) (missing int) {
	want := len(pcm) / 2
	n, at := min(want, r.length()), r.taken.Load()
	for i := range n {
		binary.LittleEndian.PutUint16(pcm[2*i:], uint16(r.samples[(at+uint64(i))%ringSamples]))
	}
	clear(pcm[2*n:])
	r.taken.Add(uint64(n))
	return want - n
}

// drop forgets the oldest n samples; only the reader may call it.
func (r *ring) drop(n int) { r.taken.Add(uint64(min(n, r.length()))) }
