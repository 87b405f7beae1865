package audio

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// trialRoom is a device whose microphone hears its loudspeaker late and damped, above a noise, without a clock: a trial takes no time on it.
type trialRoom struct {
	late       int     // samples
	damp       float64 // factor
	noise      float64 // root mean square, of full scale
	overdriven bool
	broken     error

	played []int16
	random *rand.Rand
}

func (*trialRoom) Name() string { return "room" }

func (p *trialRoom) Run(ctx context.Context, process func(capture, playback []int16)) error {
	p.random = rand.New(rand.NewPCG(1, 2))
	capture, playback := make([]int16, FrameSamples), make([]int16, FrameSamples)
	for at := 0; ctx.Err() == nil; at += FrameSamples {
		if p.broken != nil && at > SampleRate {
			return p.broken
		}
		for i := range capture {
			v := p.noise * p.random.NormFloat64() * math.MaxInt16
			if from := at + i - p.late; from >= 0 && from < len(p.played) {
				v += p.damp * float64(p.played[from])
			}
			if p.overdriven {
				v *= 1000
			}
			capture[i] = saturate(v)
		}
		process(capture, playback)
		p.played = append(p.played, playback...)
	}
	return nil
}

func TestATrialHearsItsTone(t *testing.T) {
	for _, c := range []struct {
		name string
		d    *trialRoom
		want func(Trial) bool
	}{
		{"across the table", &trialRoom{late: 4800, damp: 0.1, noise: 0.001}, func(r Trial) bool {
			return r.Heard && math.Abs(r.ToneDBFS+38) < 1 && math.Abs(r.NoiseDBFS+60) < 1 && (r.Delay-100*time.Millisecond).Abs() < 6*time.Millisecond
		}},
		{"late and faint", &trialRoom{late: 15000, damp: 0.01, noise: 0.001}, func(r Trial) bool {
			return r.Heard && (r.Delay-312*time.Millisecond).Abs() < 6*time.Millisecond
		}},
		{"no loudspeaker", &trialRoom{noise: 0.001}, func(r Trial) bool { return !r.Heard && !r.Dead && r.Delay == 0 }},
		{"no microphone", &trialRoom{}, func(r Trial) bool { return !r.Heard && r.Dead && r.PeakDBFS == SilenceDBFS }},
		{"too loud", &trialRoom{late: 4800, damp: 0.1, noise: 0.01, overdriven: true}, func(r Trial) bool { return r.Clipped > 0.1 && r.PeakDBFS > -0.1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var phases []TrialPhase
			r, err := Try(t.Context(), c.d, TrialOptions{Volume: 100, OnPhase: func(p TrialPhase) { phases = append(phases, p) }})
			if err != nil || !c.want(r) {
				t.Errorf("%+v, %v", r, err)
			}
			if len(phases) != 3 || phases[0] != TrialListens || phases[1] != TrialTone || phases[2] != TrialSweep {
				t.Errorf("phases %v", phases)
			}
		})
	}
}

func TestASilentTrialPlaysNothing(t *testing.T) {
	d := &trialRoom{late: 4800, damp: 1, noise: 0.001}
	r, err := Try(t.Context(), d, TrialOptions{Volume: 100, Silent: true})
	if err != nil || r.Heard {
		t.Errorf("%+v, %v", r, err)
	}
	for _, v := range d.played {
		if v != 0 {
			t.Fatal("something was played")
		}
	}
}

func TestATrialOfABrokenDevice(t *testing.T) {
	if _, err := Try(t.Context(), &trialRoom{broken: ErrUnplugged}, TrialOptions{}); !errors.Is(err, ErrUnplugged) {
		t.Errorf("unplugged: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Try(ctx, &trialRoom{}, TrialOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
