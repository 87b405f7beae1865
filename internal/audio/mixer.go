package audio

import (
	"math"
)

// mixer does the work of one run of a device, frame by frame.
type mixer struct {
	engine  *Engine
	streams []*Stream
	frame   [FrameSamples]int16
	far     [FrameSamples]int16
	tone    [FrameSamples]int16
	clean   [FrameSamples]int16
	call    CallSound
	output  output
	heard   fader // of the microphone
}

// process handles 20 ms: the far ends and the tone to the loudspeaker, the microphone to the far ends. No lock of the
// engine is held while streams decode, encode and send.
func (m *mixer) process(capture, playback []int16) {
	now := m.engine.now()
	m.begin()
	clear(m.far[:])
	for _, s := range m.streams {
		s.pull(m.frame[:], now)
		mix(m.far[:], m.frame[:])
	}
	gain := gainOfVolume(m.call.Volume)
	if m.call.LoudspeakerMuted {
		gain = 0
	}
	m.output.mix(m.far[:], gain, m.tone[:], m.engine.tones*gainOfVolume(m.engine.volume), playback)
	m.measure(capture, playback)
	if mic := m.engine.mic; mic != nil {
		mic.process(capture, playback, m.clean[:])
	} else {
		copy(m.clean[:], capture)
	}
	open := float32(1)
	if m.call.MicrophoneMuted {
		open = 0
	}
	m.heard.apply(m.clean[:], open)
	for _, s := range m.streams {
		s.push(m.clean[:], now)
	}
}

// begin takes the streams there are now, and the next frame of the tone.
func (m *mixer) begin() {
	e := m.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	m.streams, m.call = append(m.streams[:0], e.streams...), e.call
	clear(m.tone[:])
	if e.tone != nil && !e.tone.fill(m.tone[:]) {
		e.tone, e.after = nil, afterTone
	} else if e.tone == nil && e.after > 0 {
		if e.after--; e.after == 0 {
			e.changed()
		}
	}
	if e.stopped != nil {
		e.stopped.fade(m.frame[:])
		mix(m.tone[:], m.frame[:])
		e.stopped = nil
	}
}

// measure feeds the meters.
func (m *mixer) measure(capture, playback []int16) {
	e := m.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	e.far.write(m.far[:])
	e.speaker.write(playback)
	e.near.write(capture)
}

// mix adds sound to a frame; what is too loud is clipped.
func mix(to, from []int16) {
	for i, v := range from {
		to[i] = int16(min(math.MaxInt16, max(math.MinInt16, int32(to[i])+int32(v))))
	}
}
