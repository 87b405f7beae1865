package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/codes"
	"doorstation/internal/gpio"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/settings"
	"doorstation/internal/station"
)

func boardConfig(o Options, h *health.Register) gpio.Config {
	faulty := &boardFaults{health: h}
	c := gpio.Config{
		Simulated: o.Local.GPIO == "simulated",
		Log:       o.Log.With("room", "gpio"),
		OnFault:   faulty.take,
	}
	for _, b := range o.Local.Buttons {
		c.Buttons = append(c.Buttons, gpio.ButtonConfig{
			Name: b.Name, Pin: gpio.Pin(b.Pin), ActiveLow: b.Active == "low", Pull: hardware.PullOf(b.Pull), Debounce: b.Debounce, Hold: b.Hold,
		})
	}
	if l := o.Local.Lock; l != nil {
		c.Lock = &gpio.OutputConfig{Pin: gpio.Pin(l.Pin), ActiveLow: l.Active == "low", Limit: l.MaxOpen}
		c.Guard = o.Guard
		if !c.Simulated && o.Socket != "" {
			c.CoilFile = filepath.Join(filepath.Dir(o.Socket), "coil") // in systemd's runtime directory
		}
	}
	if contact := o.Local.Inputs.Contact; contact != nil {
		c.Inputs = append(c.Inputs, gpio.InputConfig{
			Name: inputContact, Pin: gpio.Pin(contact.Pin), ActiveLow: contact.Open == "low", Pull: hardware.PullOf(contact.Pull), Debounce: contact.Debounce,
		})
	}
	if tamper := o.Local.Inputs.Tamper; tamper != nil {
		c.Inputs = append(c.Inputs, gpio.InputConfig{
			Name: inputTamper, Pin: gpio.Pin(tamper.Pin), ActiveLow: tamper.Active == "low", Pull: hardware.PullOf(tamper.Pull), Debounce: tamper.Debounce,
		})
	}
	for _, led := range o.Local.LEDs {
		c.LEDs = append(c.LEDs, gpio.OutputConfig{Pin: gpio.Pin(led.Pin), ActiveLow: led.Active == "low"})
	}
	if l := o.Local.Light; l != nil {
		c.Light = &gpio.OutputConfig{Pin: gpio.Pin(l.Pin), ActiveLow: l.Active == "low"}
	}
	return c
}

// Outputs are all outputs of a local file.
func Outputs(l settings.Local) []gpio.OutputConfig {
	var all []gpio.OutputConfig
	if l.Lock != nil {
		all = append(all, gpio.OutputConfig{Pin: gpio.Pin(l.Lock.Pin), ActiveLow: l.Lock.Active == "low"})
	}
	if l.Light != nil {
		all = append(all, gpio.OutputConfig{Pin: gpio.Pin(l.Light.Pin), ActiveLow: l.Light.Active == "low"})
	}
	for _, led := range l.LEDs {
		all = append(all, gpio.OutputConfig{Pin: gpio.Pin(led.Pin), ActiveLow: led.Active == "low"})
	}
	return all
}

// testToneHz is what the test device sends in place of a microphone: 440 Hz, the A of a tuning fork.
const testToneHz = 440

// burstsDevice is the test device that says and times bursts in place of a tone. It is for measuring, and in no documentation.
const burstsDevice = "test bursts"

// burstHeard takes the moment at which a burst of the far end is at the door's loudspeaker.
func (a *App) burstHeard(at time.Time) {
	a.opt.Log.Debug("burst heard", "room", "audio", "at_us", at.UnixMicro())
}

// noCard reports whether a sound device is none that echoes.
func noCard(name string) bool { return name == "test" || name == "none" || name == burstsDevice }

func (a *App) audioDevice() audio.Device {
	switch name := a.opt.Local.Audio.Device; name {
	case "test":
		return audio.NewTestDevice(testToneHz)
	case burstsDevice:
		return audio.NewTestDevice(0, audio.WithBursts(a.burstHeard))
	case "none":
		return audio.NewSilentDevice()
	default:
		return audio.NewCard(name, audio.CardOptions{Log: a.opt.Log.With("room", "audio"), OnPart: a.audioPart})
	}
}

func (a *App) audioFault(err error) {
	if err == nil {
		a.health.Clear(health.CodeAudioUnavailable)
		return
	}
	a.health.Raise(health.CodeAudioUnavailable, err.Error())
}

// audioPart takes what a sound device that works lacks.
func (a *App) audioPart(missing error) {
	if missing == nil {
		a.health.Clear(health.CodeAudioIncomplete)
		return
	}
	a.health.Raise(health.CodeAudioIncomplete, missing.Error())
}

// stationConfig is the policy of the local file; who may call the door is known with SIP Core's settings only.
func stationConfig(l settings.Local, in settings.IncomingCalls, hashed *codes.Book) station.Config {
	c := station.Config{
		Buttons: map[string]station.Button{}, MaxTalk: l.Call.MaxTalk,
		Incoming: station.Incoming{Callers: in.Callers, Answer: in.Answer, Talk: in.Talk},
	}
	for _, b := range l.Buttons {
		c.Buttons[b.Name] = station.Button{Steps: b.Call, Step: b.Step, KeepRinging: b.KeepRinging, Ring: b.Ring}
	}
	if l.Lock != nil {
		c.Codes, c.Pulse, c.MaxOpen = l.Lock.Codes, l.Lock.Pulse, l.Lock.MaxOpen
		c.HashedLengths = hashed.Lengths()
	}
	if contact := l.Inputs.Contact; contact != nil {
		c.LeftOpen, c.ForcedAlarm = contact.LeftOpen, contact.Forced
	}
	if tamper := l.Inputs.Tamper; tamper != nil {
		c.TamperBlocks = tamper.BlockLock
	}
	return c
}

// door opens the lock of the board for the station.
type door struct {
	board  *gpio.Board
	memory *lockMemory
}

func (d door) Open(pulse time.Duration) (time.Duration, error) {
	granted, err := d.board.PulseLock(pulse)
	if err != nil {
		return 0, fmt.Errorf("open the door: %w", err)
	}
	return granted, nil
}

func (d door) Shut() error {
	if err := d.board.ReleaseLock(); err != nil && !errors.Is(err, gpio.ErrAbsent) {
		return fmt.Errorf("shut the door: %w", err)
	}
	return nil
}

func (d door) Remember(why string) { d.memory.keep(why) }

// sounder plays the station's tones at the door.
type sounder struct{ engine *audio.Engine }

func toneOf(t station.Tone) audio.Tone {
	switch t {
	case station.ToneRinging:
		return audio.ToneRinging
	case station.ToneBusy:
		return audio.ToneBusy
	case station.ToneNobody:
		return audio.ToneNobody
	case station.ToneOpened:
		return audio.ToneOpened
	case station.ToneEnded:
		return audio.ToneEnded
	default: // what this version does not know is no good news
		return audio.ToneFault
	}
}

func (s sounder) Play(t station.Tone) { s.engine.Play(toneOf(t)) }
func (s sounder) Stop()               { s.engine.StopTone() }

// light shows whether somebody is being called: off when idle, on otherwise.
type light struct{ app *App }

func (l light) Show(s station.State) {
	l.app.lamp.set(l.app, func(lamp *lamp) { lamp.busy = s != station.StateIdle })
}

// lamp is why the light is on.
type lamp struct {
	mu sync.Mutex
	// busy: there is a visit or a look. watched: the status page shows the picture.
	busy, watched bool
}

// set changes why, and the light with it.
func (l *lamp) set(a *App, change func(*lamp)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
	if err := a.board.SetLight(l.busy || l.watched); err != nil && a.opt.Local.Light != nil {
		a.opt.Log.Warn("the light can't be set", "error", err)
	}
}
