package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/control"
	"doorstation/internal/health"
)

// ChangeSound changes the sound of the call that is up.
func (a *App) ChangeSound(c control.SoundChange) (control.CallSound, error) {
	now, err := a.audio.ChangeCall(func(s *audio.CallSound) {
		if c.MuteMicrophone != nil {
			s.MicrophoneMuted = *c.MuteMicrophone
		}
		if c.MuteLoudspeaker != nil {
			s.LoudspeakerMuted = *c.MuteLoudspeaker
		}
		if c.Volume != nil {
			s.Volume = *c.Volume
		}
	})
	if errors.Is(err, audio.ErrNoCall) {
		return control.CallSound{}, control.ErrNoCall
	}
	return control.CallSound{MicrophoneMuted: now.MicrophoneMuted, LoudspeakerMuted: now.LoudspeakerMuted, Volume: now.Volume}, err
}

// readTones reads the tones that are files; broken says which can't be played, each in a text, sorted.
func readTones(files map[string]string) (tones map[audio.Tone][]int16, broken []string) {
	tones = map[audio.Tone][]int16{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		pcm, err := audio.ReadTone(files[name])
		if err != nil {
			broken = append(broken, name+": "+err.Error())
			continue
		}
		tones[audio.Tone(name)] = pcm
	}
	return tones, broken
}

// tones are those of the local file; one that can't be played is a fault, and the door's own is played.
func (a *App) tones() map[audio.Tone][]int16 {
	tones, broken := readTones(a.opt.Local.Audio.Tones)
	if len(broken) > 0 {
		a.health.Raise(health.CodeToneFile, strings.Join(broken, "; "))
	}
	return tones
}

const (
	// echoFile keeps how late the loudspeaker's sound comes back, of the last echoDevices devices.
	echoFile    = "echo-delays.json"
	echoDevices = 8
	echoLargest = 64 << 10
)

// keptDelay is what is kept of a device.
type keptDelay struct {
	Delay    float64   `json:"delay_ms"`
	Measured time.Time `json:"measured"`
}

// echoMemory keeps the delay of each sound device from one start to the next. It is used by one goroutine at a time.
type echoMemory struct {
	dir     string // empty: nothing is kept
	devices map[string]keptDelay
}

// loadEchoMemory reads what is kept. What can't be read is not kept: it is measured again within a second of speech.
func loadEchoMemory(dir string) (*echoMemory, error) {
	m := &echoMemory{dir: dir, devices: map[string]keptDelay{}}
	if dir == "" {
		return m, nil
	}
	// Neither a link nor a pipe is followed or waited for.
	f, err := os.OpenFile(filepath.Join(dir, echoFile), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	data, err := io.ReadAll(io.LimitReader(f, echoLargest))
	if err = errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	devices := map[string]keptDelay{}
	if err = json.Unmarshal(data, &devices); err != nil {
		return m, fmt.Errorf("%s: %w", echoFile, err)
	}
	if devices != nil { // null is JSON, too
		m.devices = devices
	}
	return m, nil
}

// delay is that of a device, zero when none is kept.
func (m *echoMemory) delay(device string) time.Duration {
	d := m.devices[device].Delay
	if !(d > 0 && d < 1000) {
		return 0
	}
	return time.Duration(d * float64(time.Millisecond))
}

// keep writes the delay of a device, and forgets the devices that were measured longest ago.
func (m *echoMemory) keep(device string, d time.Duration, now time.Time) error {
	if m.dir == "" {
		return nil
	}
	m.devices[device] = keptDelay{Delay: float64(d.Microseconds()) / 1000, Measured: now.UTC().Truncate(time.Second)}
	names := slices.SortedFunc(maps.Keys(m.devices), func(a, b string) int {
		return cmp.Or(m.devices[b].Measured.Compare(m.devices[a].Measured), cmp.Compare(a, b))
	})
	for _, name := range names[min(len(names), echoDevices):] {
		delete(m.devices, name)
	}
	data, err := json.MarshalIndent(m.devices, "", "  ")
	if err != nil {
		return err
	}
	return writeState(filepath.Join(m.dir, echoFile), append(data, '\n'))
}

// microphone is what is done to the microphone's sound of a sound card, nil for nothing. The test devices have no echo, and their tones would
// be taken for noise.
func (a *App) microphone() *audio.Microphone {
	s := a.opt.Local.Audio
	if noCard(s.Device) {
		return nil
	}
	memory, err := loadEchoMemory(a.opt.StateDir)
	if err != nil {
		a.opt.Log.Info("the kept delay of the echo is not used", "reason", err)
	}
	a.echoMemory = memory
	return audio.NewMicrophone(audio.MicrophoneOptions{
		Echo: s.EchoCancellation, Noise: s.NoiseSuppression, AutoGain: s.AutoGain, GainDB: float64(s.GainDB),
		Delay: memory.delay(s.Device), OnDelay: a.echoMeasured, Log: a.opt.Log.With("room", "audio"),
	})
}

// echoMeasured takes a measured delay from the sound device's goroutine; only the newest matters.
func (a *App) echoMeasured(d time.Duration) {
	for {
		select {
		case a.echoDelays <- d:
			return
		default:
		}
		select {
		case <-a.echoDelays:
		default:
		}
	}
}

// keepEcho writes what is measured, until ctx ends.
func (a *App) keepEcho(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-a.echoDelays:
			device := a.opt.Local.Audio.Device
			a.opt.Log.Info("the loudspeaker's sound comes back to the microphone", "device", device, "after", d)
			if err := a.echoMemory.keep(device, d, a.opt.Now()); err != nil {
				a.health.Raise(health.CodeEchoNotKept, err.Error())
				continue
			}
			a.health.Clear(health.CodeEchoNotKept)
		}
	}
}
