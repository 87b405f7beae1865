package audio

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// rings is the door's own ringing tone.
func rings(seconds float64) []int16 {
	p := newPlayer(ToneRinging, nil)
	out := make([]int16, int(seconds*SampleRate))
	p.fill(out)
	return out
}

// TestTheRingingToneTeachesTheEcho: with the first word of the household the echo is known already, delay and all.
func TestTheRingingToneTeachesTheEcho(t *testing.T) {
	var told []time.Duration
	m := NewMicrophone(MicrophoneOptions{Echo: true, Noise: true, OnDelay: func(d time.Duration) { told = append(told, d) }})
	defer m.Close()
	porch := porchCase{delay: 0.12, room: 0.1, apart: 0.1, coupling: -6, far: man(31), noise: -65}
	far := append(rings(5.5), atLevel(man(31).speaks(6.5), -20)...)
	heard, _, _ := porch.mixed(far, make([]int16, len(far)))
	out := through(m, heard, far)
	if len(told) != 1 || !near(float64(told[0].Milliseconds()), 120, 3) {
		t.Errorf("the delay is told as %v", told)
	}
	if gone := levelOf(between(heard, 5.5, 6.5)) - levelOf(between(out, 5.5, 6.5)); gone < 30 {
		t.Errorf("in the first second the echo is lowered by %.1f dB", gone)
	}
	if got := m.Report().State; got != EchoFullDuplex {
		t.Errorf("the echo is %s", got)
	}
}

// TestTheDelayIsFoundAgainWhenItJumps, as when the device's buffers ran dry; the visitor is heard before and after.
func TestTheDelayIsFoundAgainWhenItJumps(t *testing.T) {
	for _, c := range []struct{ before, after float64 }{{0.06, 0.13}, {0.13, 0.06}, {0.06, 0.07}} {
		m := NewMicrophone(MicrophoneOptions{Echo: true, Noise: true})
		far := atLevel(woman(33).speaks(porchSeconds), -20)
		before := porchCase{delay: c.before, room: 0.1, apart: 0.1, coupling: -6, far: woman(33)}
		after := before
		after.delay = c.after
		first, _, _ := before.mixed(far, make([]int16, len(far)))
		second, _, _ := after.mixed(far, make([]int16, len(far)))
		heard := append(between(first, 0, 5), between(second, 5, 12)...)
		out := through(m, heard, far)
		gone := func(from, to float64) float64 {
			return levelOf(between(heard, from, to)) - levelOf(between(out, from, to))
		}
		t.Logf("from %v to %v s: lowered by %.1f dB before, %.1f in the second after, then %.1f; %+v", c.before, c.after, gone(3, 5), gone(5, 6), gone(8, 12), m.Report())
		if gone(3, 5) < 30 || gone(8, 12) < 30 {
			t.Errorf("from %v to %v s: lowered by %.1f dB before, %.1f dB three seconds after", c.before, c.after, gone(3, 5), gone(8, 12))
		}
		if got := m.Report(); math.Abs(got.Delay.Seconds()-c.after) > 0.005 && math.Abs(c.after-c.before) > 0.03 {
			t.Errorf("from %v to %v s: measured %v", c.before, c.after, got.Delay)
		}
		m.Close()
	}
}

// TestAnEchoThatCantBeTamedLetsOneSpeakAtATime: the sound is torn on its way, so that no filter fits for long. The visitor gets a word in by
// being louder, and both may speak at once when that is over.
func TestAnEchoThatCantBeTamedLetsOneSpeakAtATime(t *testing.T) {
	far := atLevel(man(35).speaks(24), -20)
	torn := make([]int16, len(far))
	random, sign := rand.New(rand.NewPCG(9, 9)), int16(1)
	for i, v := range far {
		torn[i] = v * sign
		if i%(SampleRate/25) == 0 && i < 14*SampleRate {
			sign = int16(2*random.IntN(2) - 1)
		}
	}
	porch := porchCase{delay: 0.06, room: 0.1, apart: 0.1, coupling: -12, far: man(35)}
	echo, _, _ := porch.mixed(torn, make([]int16, len(far)))
	visitor := atLevel(woman(36).speaks(24), -20)
	clear(visitor[:9*SampleRate])
	clear(visitor[12*SampleRate:])
	heard := make([]int16, len(far))
	for i := range heard {
		heard[i] = saturate(float64(echo[i]) + float64(visitor[i]))
	}
	m := NewMicrophone(MicrophoneOptions{Echo: true, Noise: true})
	defer m.Close()
	out := make([]int16, len(heard))
	var states []EchoState
	for at := 0; at+FrameSamples <= len(heard); at += FrameSamples {
		m.process(heard[at:at+FrameSamples], far[at:at+FrameSamples], out[at:at+FrameSamples])
		if s := m.Report().State; len(states) == 0 || s != states[len(states)-1] {
			states = append(states, s)
			t.Logf("%s after %.1f s", s, float64(at)/SampleRate)
		}
	}
	gone := levelOf(between(heard, 4, 9)) - levelOf(between(out, 4, 9))
	gain := gainOf(between(out, 9, 12), between(withoutRumble(visitor), 9, 12))
	t.Logf("the echo is lowered by %.1f dB, the visitor who breaks in by %.1f dB", gone, -gain)
	if gone < 20 {
		t.Errorf("the echo is lowered by %.1f dB", gone)
	}
	if gain < -6 {
		t.Errorf("the visitor who is louder is lowered by %.1f dB", -gain)
	}
	if len(states) < 3 || states[1] != EchoHalfDuplex || states[len(states)-1] != EchoFullDuplex {
		t.Errorf("the ways were %v", states)
	}
}

// TestAKeptDelayIsUsedAtOnce.
func TestAKeptDelayIsUsedAtOnce(t *testing.T) {
	m := NewMicrophone(MicrophoneOptions{Echo: true, Delay: 180 * time.Millisecond, OnDelay: func(d time.Duration) { t.Errorf("told of %v", d) }})
	defer m.Close()
	if got := m.Report(); got.State != EchoLearning || got.Delay != 180*time.Millisecond {
		t.Errorf("%+v", got)
	}
	porch := porchCase{delay: 0.18, room: 0.1, apart: 0.1, coupling: -6, far: woman(37)}
	far := atLevel(woman(37).speaks(3), -20)
	heard, _, _ := porch.mixed(far, make([]int16, len(far)))
	out := through(m, heard, far)
	if gone := levelOf(between(heard, 1, 2)) - levelOf(between(out, 1, 2)); gone < 30 {
		t.Errorf("in the second second the echo is lowered by %.1f dB", gone)
	}
}
