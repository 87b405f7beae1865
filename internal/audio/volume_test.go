package audio

import (
	"errors"
	"math"
	"testing"
)

// TestTheSoundOfACallIsChangedAndEndsWithIt: both mutes and the volume, from the far end's and the visitor's side.
func TestTheSoundOfACallIsChangedAndEndsWithIt(t *testing.T) {
	e := NewEngine(NewSilentDevice(), EngineOptions{Quieter: 50})
	if _, err := e.ChangeCall(func(*CallSound) {}); !errors.Is(err, ErrNoCall) {
		t.Errorf("without a call: %v", err)
	}
	codec := Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}
	var sent recorder
	s := open(t, e, codec, sent.send)
	hears := func() float64 {
		m := &mixer{engine: e}
		playback := make([]int16, FrameSamples)
		var last []int16
		for i := range 10 {
			m.process(sine(440, -20, FrameSamples, i*FrameSamples), playback)
		}
		for _, payload := range sent.take() {
			pcm, err := s.ear.decode(payload)
			if err != nil {
				t.Fatal(err)
			}
			last = pcm
		}
		return levelOf(last)
	}
	if got := hears(); !near(got, -20, 1) {
		t.Errorf("the household hears %.1f dBFS", got)
	}
	now, err := e.ChangeCall(func(c *CallSound) { c.MicrophoneMuted, c.Volume = true, 500 })
	if err != nil || now != (CallSound{MicrophoneMuted: true, Volume: 100}) {
		t.Errorf("%+v, %v", now, err)
	}
	if got := hears(); got > -60 {
		t.Errorf("muted, the household hears %.1f dBFS", got)
	}
	if got := e.Status().Call; got == nil || *got != now {
		t.Errorf("status: %+v", got)
	}
	s.Close()
	if got := e.Status().Call; got != nil {
		t.Errorf("after the call: %+v", got)
	}
	s = open(t, e, codec, sent.send)
	if got := e.Status().Call; got == nil || *got != (CallSound{Volume: 50}) {
		t.Errorf("the next call: %+v", got)
	}
	// A look that gives way to a visitor: its stream is still open when the visitor's begins.
	if _, err = e.ChangeCall(func(c *CallSound) { c.MicrophoneMuted = true }); err != nil {
		t.Fatal(err)
	}
	next := open(t, e, codec, sent.send)
	if got := e.Status().Call; got == nil || *got != (CallSound{Volume: 50}) {
		t.Errorf("the call that took another's place: %+v", got)
	}
	s.Close()
	next.Close()
}

func TestVolumeTurnsDownAndNeverWraps(t *testing.T) {
	for volume, want := range map[int]float64{100: 0, 50: -18.06, 25: -36.12} {
		if got := 20 * math.Log10(float64(gainOfVolume(volume))); !near(got, want, 0.01) {
			t.Errorf("volume %d is %.2f dB", volume, got)
		}
	}
	if gainOfVolume(0) != 0 || gainOfVolume(-5) != 0 || gainOfVolume(101) != 1 {
		t.Error("outside of 0 to 100")
	}
	var o output
	far, tone := sine(440, -3.1, FrameSamples, 0), sine(440, -3.1, FrameSamples, 0)
	playback := make([]int16, FrameSamples)
	for range 3 {
		o.mix(far, 1, tone, 1, playback)
		for i, v := range playback {
			if far[i] > 1000 && v <= 0 || far[i] < -1000 && v >= 0 || math.Abs(float64(v)) > 0.9*fullScale {
				t.Fatalf("%d and %d make %d", far[i], tone[i], v)
			}
		}
	}
	o.mix(far, 0.5, tone, 0, playback)
}

func TestQuietVisitorsAreRaisedAndNoiseIsNot(t *testing.T) {
	for _, c := range []struct{ level, want float64 }{{-38, -20}, {-26, -20}, {-12, -20}} {
		m := NewMicrophone(MicrophoneOptions{AutoGain: true})
		voice := atLevel(woman(2).speaks(10), c.level)
		out := through(m, voice, make([]int16, len(voice)))
		if got := levelOf(between(out, 6, 10)); !near(got, c.want, 5) {
			t.Errorf("a visitor at %.0f dBFS comes out at %.1f", c.level, got)
		}
		for _, v := range out {
			if math.Abs(float64(v)) > 0.95*fullScale {
				t.Fatalf("a sample of %d", v)
			}
		}
		m.Close()
	}
	m := NewMicrophone(MicrophoneOptions{AutoGain: true})
	defer m.Close()
	noise := porchCase{far: man(1), noise: -60, room: 0.1, coupling: -100}
	hiss, _, _ := noise.mixed(make([]int16, 5*SampleRate), make([]int16, 5*SampleRate))
	out := through(m, hiss, make([]int16, len(hiss)))
	if got := levelOf(between(out, 4, 5)); got > -59 {
		t.Errorf("noise of -60 dBFS comes out at %.1f", got)
	}
}

// TestAVisitorInNoiseIsNotTurnedDown: noise is not to be raised, which is no reason to lower who speaks at a good level.
func TestAVisitorInNoiseIsNotTurnedDown(t *testing.T) {
	visitor := atLevel(woman(2).speaks(8), -20)
	c := porchCase{far: man(1), noise: -40, room: 0.1, coupling: -100, begins: 0.5}
	near, far, _ := c.mixed(make([]int16, len(visitor)), visitor)
	m := NewMicrophone(MicrophoneOptions{AutoGain: true})
	defer m.Close()
	through(m, near, far)
	if got := m.Report().GainDB; got < -3 {
		t.Errorf("amplified by %.1f dB", got)
	}
}
