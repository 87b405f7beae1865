package machine

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/gpio"
	"doorstation/internal/hardware"
	"doorstation/internal/settings"
	"doorstation/internal/setup"
)

// Hardware is what is at this machine.
type Hardware struct {
	// Guard is how the process is started that holds a line while it is clicked.
	Guard gpio.GuardCommands
	Log   *slog.Logger

	lines []hardware.Line // as listed last
}

var _ setup.Hardware = (*Hardware)(nil)

// Cameras implements setup.Hardware.
func (h *Hardware) Cameras(ctx context.Context) ([]setup.Camera, error) {
	var found []hardware.Camera
	err := hardware.Quietly(func() (err error) {
		found, err = hardware.Cameras(ctx)
		return err
	})
	var cameras []setup.Camera
	for _, c := range found {
		s := hardware.Defaults(c)
		if !c.Hardware {
			s = gentle(s)
		}
		note := ""
		if c.Err == nil && !c.Hardware {
			note = "encoded by the processor"
		}
		cameras = append(cameras, setup.Camera{Name: c.String(), Settings: s, Note: note, Err: c.Err})
	}
	return cameras, err
}

// gentle is what a small processor can encode beside everything else; one with four cores does the usual.
func gentle(c settings.Camera) settings.Camera {
	const cores, width, height, framerate = 4, 640, 480, 15
	if runtime.NumCPU() < cores {
		c.Width, c.Height, c.Framerate = width, height, framerate
	}
	return c
}

// Picture implements setup.Hardware.
func (h *Hardware) Picture(ctx context.Context, c settings.Camera) (setup.Picture, error) {
	var img image.Image
	var info hardware.PictureInfo
	err := hardware.Quietly(func() (err error) {
		img, info, err = hardware.Picture(ctx, c)
		return err
	})
	if err != nil {
		return setup.Picture{}, err
	}
	p := setup.Picture{Found: fmt.Sprintf("%dx%d, %.0f pictures a second, the first after %.1f s", info.Width, info.Height, info.Rate, info.Start.Seconds())}
	if info.Encoder != "" {
		p.Found += ", encoded by " + info.Encoder
	}
	if img != nil {
		p.Image = img
	}
	if info.Light != nil {
		p.Note = info.Light.Note()
	}
	if info.Late > 0 && p.Note == "" {
		p.Note = fmt.Sprintf("%d pictures came too late: the processor is too slow for this size; set camera.width, height or framerate lower", info.Late)
	}
	return p, nil
}

// SoundDevices implements setup.Hardware.
func (h *Hardware) SoundDevices(context.Context) ([]setup.SoundDevice, error) {
	var cards audio.Cards
	err := hardware.Quietly(func() (err error) {
		cards, err = hardware.SoundDevices()
		return err
	})
	if err != nil {
		if errors.Is(err, audio.ErrNoDevice) {
			err = nil
		}
		return nil, err
	}
	var devices []setup.SoundDevice
	add := func(name string, usual bool) *setup.SoundDevice {
		for i := range devices {
			if devices[i].Name == name {
				return &devices[i]
			}
		}
		d := setup.SoundDevice{Name: name, Device: name}
		if usual {
			d.Device = "default"
		}
		devices = append(devices, d)
		return &devices[len(devices)-1]
	}
	for _, m := range cards.Microphones {
		if isCard(cards.System, m) {
			add(m.Name, m.Default).Microphone = true
		}
	}
	for _, l := range cards.Loudspeakers {
		if isCard(cards.System, l) {
			add(l.Name, l.Default).Loudspeaker = true
		}
	}
	return devices, nil
}

// isCard leaves out what ALSA lists beside cards: plug-ins for converting, for sound servers that do not run. A card has its number or
// name behind a colon ("hw:1,0", ":1,0").
func isCard(system string, c audio.CardInfo) bool {
	return system != "ALSA" || strings.Contains(c.ID, ":")
}

// speaking is how long a person has for a few words.
const speaking = 6 * time.Second

// TrySound implements setup.Hardware.
func (h *Hardware) TrySound(ctx context.Context, a settings.Audio, phase func(string), level func(float64)) (t setup.SoundTrial, err error) {
	err = hardware.Quietly(func() error {
		t, err = trySound(ctx, a, phase, level)
		return err
	})
	return t, err
}

func trySound(ctx context.Context, a settings.Audio, phase func(string), level func(float64)) (setup.SoundTrial, error) {
	trial, err := hardware.TrySound(ctx, a, hardware.TryOptions{OnPhase: func(p audio.TrialPhase) { phase(phaseText(p)) }})
	if err != nil {
		return setup.SoundTrial{}, err
	}
	t := setup.SoundTrial{Found: trial.String(), Voice: audio.SilenceDBFS}
	for _, p := range trial.Problems(false) {
		t.Advice = append(t.Advice, advice(p))
	}
	for _, m := range trial.Mixer {
		t.Advice = append(t.Advice, m.String()+". Raise it with: "+m.Command)
	}
	if trial.Microphone {
		t.Voice, err = listen(ctx, a, level)
	}
	return t, err
}

func phaseText(p audio.TrialPhase) string {
	switch p {
	case audio.TrialListens:
		return "Listening to the silence…"
	case audio.TrialTone:
		return "Playing a tone…"
	case audio.TrialSweep:
		return "Playing a rising tone…"
	default:
		return string(p)
	}
}

func advice(p hardware.SoundProblem) string {
	switch p {
	case hardware.MicrophoneDead:
		return "The microphone gives nothing at all. Is it plugged in? Is it muted? (alsamixer, key F4)"
	case hardware.MicrophoneLoud:
		return "The microphone is overdriven. Turn it down. (alsamixer, key F4)"
	case hardware.LoudspeakerUnheard:
		return "The microphone has not heard the tone. Is the loudspeaker connected and turned up? (alsamixer)"
	default:
		return string(p)
	}
}

// barEvery is how often the level is shown.
const barEvery = 100 * time.Millisecond

// listen shows how loud the microphone is while somebody speaks, and returns the loudest.
func listen(ctx context.Context, a settings.Audio, level func(float64)) (float64, error) {
	var device audio.Device = audio.NewCard(a.Device, audio.CardOptions{Log: nil})
	if a.Device == "test" {
		const hz = 440
		device = audio.NewTestDevice(hz)
	}
	ctx, cancel := context.WithTimeout(ctx, speaking)
	defer cancel()
	loudest := float64(audio.SilenceDBFS)
	var sum float64
	var n int
	err := device.Run(ctx, func(capture, playback []int16) {
		clear(playback)
		for _, v := range capture {
			sum += float64(v) * float64(v)
		}
		n += len(capture)
		if time.Duration(n)*time.Second/audio.SampleRate >= barEvery {
			now := math.Max(audio.SilenceDBFS, 10*math.Log10(sum/float64(n)/(math.MaxInt16*math.MaxInt16)))
			loudest = max(loudest, now)
			sum, n = 0, 0
			level(now)
		}
	})
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil
	}
	return loudest, err
}

// Lines implements setup.Hardware.
func (h *Hardware) Lines(ctx context.Context) ([]setup.Line, error) {
	var err error
	h.lines, err = hardware.Lines(ctx)
	if len(h.lines) == 0 {
		if err == nil || errors.Is(err, gpio.ErrNoChip) {
			return nil, fmt.Errorf("%w: %w", setup.ErrNoLines, errors.Join(err, gpio.ErrNoChip))
		}
		return nil, err
	}
	lines := make([]setup.Line, len(h.lines))
	for i, l := range h.lines {
		lines[i] = describe(l)
	}
	return lines, nil
}

func describe(l hardware.Line) setup.Line {
	d := setup.Line{Pin: l.Pin, Label: l.String(), User: l.Reserved, Output: l.Output}
	if l.Used {
		d.User = "the program " + l.Consumer
		if l.Consumer == "" {
			d.User = "another program"
		}
	}
	if n := headerPin(l); n > 0 {
		d.Label += fmt.Sprintf(", pin %d of the header", n)
	}
	return d
}

// headerPin is the number of a line's pin on the 40-pin header of a Raspberry Pi, 0 for none.
func headerPin(l hardware.Line) int {
	if !l.Header() {
		return 0
	}
	pins := [...]int{27, 28, 3, 5, 7, 29, 31, 26, 24, 21, 19, 23, 32, 33, 8, 10, 36, 11, 12, 35, 38, 40, 15, 16, 18, 22, 37, 13}
	if l.Offset < 0 || l.Offset >= len(pins) {
		return 0
	}
	return pins[l.Offset]
}

// WatchLines implements setup.Hardware.
func (h *Hardware) WatchLines(ctx context.Context, lines []setup.Line, pull string) (<-chan setup.Moved, error) {
	var watched []hardware.Line
	for _, l := range h.lines {
		for _, wanted := range lines {
			if l.Pin == wanted.Pin {
				watched = append(watched, l)
			}
		}
	}
	moves, err := hardware.WatchLines(ctx, watched, pull)
	if err != nil {
		return nil, err
	}
	told := make(chan setup.Moved)
	go func() {
		defer close(told)
		for m := range moves {
			select {
			case told <- setup.Moved{Line: describe(m.Line), High: m.High}:
			case <-ctx.Done():
			}
		}
	}()
	return told, nil
}

// Click implements setup.Hardware.
func (h *Hardware) Click(ctx context.Context, pin settings.Pin, active string, d time.Duration) error {
	return hardware.Click(ctx, hardware.Output{Pin: pin, Active: active, Limit: d, Guard: h.Guard}, d)
}

// LetGo implements setup.Hardware.
func (h *Hardware) LetGo(_ context.Context, pin settings.Pin) error {
	lines, err := gpio.ListLines()
	line, findErr := gpio.FindLine(lines, gpio.Pin(pin))
	if findErr != nil {
		return errors.Join(err, findErr)
	}
	return gpio.LetGo(line)
}
