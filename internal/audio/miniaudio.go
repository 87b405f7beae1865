package audio

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/gen2brain/malgo"
)

// period is what the device is asked to handle at once: half a frame.
const (
	periodMilliseconds = 10
	periods            = 3
)

// miniaudio is the sound system of this machine, through the library of that name. It looks for the client libraries of
// PulseAudio and ALSA when it runs: the door links neither.
//
// The library's own list of systems ends with one that is always there, silent, and hears nothing. It is never asked: a door
// without sound must say so.
type miniaudio struct{}

// backends in the order in which they are tried.
func backends() []malgo.Backend { return []malgo.Backend{malgo.BackendPulseaudio, malgo.BackendAlsa} }

// systemName names a backend.
func systemName(b malgo.Backend) string {
	if b == malgo.BackendPulseaudio {
		return "PulseAudio"
	}
	return "ALSA"
}

// connect reaches the first sound system that there is. One context is one connection; malgo keeps some 200 bytes of each for
// ever (the C structure of its log), so contexts are made when a device is opened or looked for, never in a tight loop.
func connect() (*malgo.AllocatedContext, malgo.Backend, error) {
	var failed error
	for _, b := range backends() {
		if b == malgo.BackendAlsa {
			quietALSA()
		}
		ctx, err := malgo.InitContext([]malgo.Backend{b}, malgo.ContextConfig{}, nil)
		if err == nil {
			return ctx, b, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", systemName(b), err))
	}
	return nil, 0, fmt.Errorf("%w: no sound system: %w", ErrNoDevice, failed)
}

// disconnect gives a context back.
func disconnect(ctx *malgo.AllocatedContext) error {
	err := ctx.Uninit()
	ctx.Free()
	return err
}

// list implements soundSystem.
func (miniaudio) list() (cards Cards, err error) {
	ctx, b, err := connect()
	if err != nil {
		return Cards{}, err
	}
	defer func() { err = errors.Join(err, disconnect(ctx)) }()
	_, cards, err = listOf(ctx, b)
	return cards, err
}

// found is what the library knows of the devices of a list, in the same order.
type found struct{ microphones, loudspeakers []malgo.DeviceInfo }

func listOf(ctx *malgo.AllocatedContext, b malgo.Backend) (found, Cards, error) {
	var f found
	microphones, err := ctx.Devices(malgo.Capture)
	if err != nil {
		return f, Cards{}, fmt.Errorf("list the microphones of %s: %w", systemName(b), err)
	}
	loudspeakers, err := ctx.Devices(malgo.Playback)
	if err != nil {
		return f, Cards{}, fmt.Errorf("list the loudspeakers of %s: %w", systemName(b), err)
	}
	f.microphones, f.loudspeakers = audible(microphones), audible(loudspeakers)
	return f, Cards{System: systemName(b), Microphones: infos(f.microphones), Loudspeakers: infos(f.loudspeakers)}, nil
}

// real tells whether there is more than names: ALSA has a "default" without any card, and says no more than that it can't be
// opened.
func (l Cards) real() bool {
	for _, d := range append(append([]CardInfo{}, l.Microphones...), l.Loudspeakers...) {
		if l.System != systemName(malgo.BackendAlsa) || strings.HasPrefix(d.ID, ":") {
			return true
		}
	}
	return false
}

// audible leaves out ALSA's device that takes everything and gives zeros.
func audible(all []malgo.DeviceInfo) []malgo.DeviceInfo {
	var some []malgo.DeviceInfo
	for _, d := range all {
		if idOf(d) != "null" {
			some = append(some, d)
		}
	}
	return some
}

func infos(of []malgo.DeviceInfo) []CardInfo {
	var list []CardInfo
	for _, d := range of {
		list = append(list, CardInfo{ID: idOf(d), Name: d.Name(), Default: d.IsDefault != 0})
	}
	return list
}

// idOf is a device's identifier, which is text for both systems.
func idOf(d malgo.DeviceInfo) string {
	text, _, _ := bytes.Cut(d.ID[:], []byte{0})
	return string(text)
}

// plugged implements soundSystem: ALSA's devices have a file each. What a sound server has does not show here.
func (miniaudio) plugged() string {
	entries, err := os.ReadDir("/dev/snd")
	if err != nil {
		return ""
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

// cardSession is an open device of the library, or two that are its halves.
type cardSession struct {
	ctx     *malgo.AllocatedContext
	devices []*malgo.Device
	text    string
}

// describe implements soundSession.
func (s *cardSession) describe() string { return s.text }

// close implements soundSession. The library waits for its thread.
func (s *cardSession) close() {
	// Stop wakes the thread up, Uninit alone does not: where the sound server is gone nothing else would. What either says is of
	// no use any more: the device is being given back, and everything of it is freed whatever comes.
	for _, d := range s.devices {
		_ = d.Stop()
		d.Uninit()
	}
	_ = disconnect(s.ctx)
}

// open implements soundSystem.
func (miniaudio) open(name string, move func(out, in []byte), stop func()) (soundSession, error, error) {
	ctx, b, err := connect()
	if err != nil {
		return nil, nil, err
	}
	s, half, err := openOn(ctx, b, name, move, stop)
	if err != nil {
		return nil, nil, errors.Join(err, disconnect(ctx))
	}
	return s, half, nil
}

func openOn(ctx *malgo.AllocatedContext, b malgo.Backend, name string, move func(out, in []byte), stop func()) (*cardSession, error, error) {
	f, cards, err := listOf(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	c, err := cards.choose(name)
	if err != nil {
		return nil, nil, err
	}
	kinds := kindsFor(c.half)
	var failed error
	for _, k := range kinds {
		devices, openErr := k.openHalves(ctx, b, f, cards, c, move, stop)
		if openErr == nil {
			text := fmt.Sprintf("%s, microphone %s, loudspeaker %s", systemName(b), k.called(k.hears, c.microphone), k.called(k.speaks, c.loudspeaker))
			return &cardSession{ctx: ctx, devices: devices, text: text}, k.missing(failed), nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", k.text, reason(openErr, cards)))
	}
	return nil, nil, fmt.Errorf("open %s through %s: %w", name, systemName(b), failed)
}

// kind is one way to open a device.
type kind struct {
	device        malgo.DeviceType
	hears, speaks bool
	text          string
}

// kindsFor are the ways to try: both halves at once, and if that fails each alone.
func kindsFor(half error) []kind {
	both := kind{malgo.Duplex, true, true, "microphone and loudspeaker"}
	hears, speaks := kind{malgo.Capture, true, false, "microphone"}, kind{malgo.Playback, false, true, "loudspeaker"}
	switch {
	case errors.Is(half, ErrNoMicrophone):
		return []kind{speaks}
	case errors.Is(half, ErrNoLoudspeaker):
		return []kind{hears}
	default:
		return []kind{both, hears, speaks}
	}
}

// missing is the half that this way leaves out, and why.
func (k kind) missing(failed error) error {
	switch {
	case k.hears && k.speaks:
		return nil
	case k.hears:
		return errors.Join(ErrNoLoudspeaker, failed)
	default:
		return errors.Join(ErrNoMicrophone, failed)
	}
}

func (kind) called(used bool, c *CardInfo) string {
	switch {
	case !used:
		return "none"
	case c == nil:
		return "default"
	default:
		return c.Name
	}
}

// openHalves opens and starts what this way needs: one device, or with ALSA one for each half. The library's duplex device writes to
// the loudspeaker just as much as the microphone has given, and tells ALSA to play on when it's late: once that was so, or when
// ALSA's mixer (dmix) began a little ahead, what it writes is too late for ever, and every second bit of it is silence. A device
// that only plays fills its buffer whenever there's room.
func (k kind) openHalves(ctx *malgo.AllocatedContext, b malgo.Backend, f found, cards Cards, c choice, move func(out, in []byte), stop func()) ([]*malgo.Device, error) {
	if b != malgo.BackendAlsa || k.device != malgo.Duplex {
		device, err := k.open(ctx, f, cards, c, malgo.DeviceCallbacks{Data: func(out, in []byte, _ uint32) { move(out, in) }, Stop: stop})
		return []*malgo.Device{device}, err
	}
	hears, speaks := k, k
	hears.device, speaks.device = malgo.Capture, malgo.Playback
	// A microphone that is given back, as the loudspeaker can't be had, has not broken: it is opened alone next.
	var givenBack atomic.Bool
	microphone, err := hears.open(ctx, f, cards, c, malgo.DeviceCallbacks{Data: func(_, in []byte, _ uint32) { move(nil, in) }, Stop: func() {
		if !givenBack.Load() {
			stop()
		}
	}})
	if err != nil {
		return nil, err
	}
	loudspeaker, err := speaks.open(ctx, f, cards, c, malgo.DeviceCallbacks{Data: func(out, _ []byte, _ uint32) { move(out, []byte{}) }, Stop: stop})
	if err != nil {
		givenBack.Store(true)
		_ = microphone.Stop() // nobody needs it any more, whatever it says
		microphone.Uninit()
		return nil, err
	}
	return []*malgo.Device{microphone, loudspeaker}, nil
}

// open opens and starts a device in this way.
func (k kind) open(ctx *malgo.AllocatedContext, f found, cards Cards, c choice, callbacks malgo.DeviceCallbacks) (*malgo.Device, error) {
	config := malgo.DefaultDeviceConfig(k.device)
	config.SampleRate = SampleRate
	config.PeriodSizeInMilliseconds = periodMilliseconds
	config.Periods = periods
	config.Capture.Format, config.Capture.Channels = malgo.FormatS16, 1
	config.Playback.Format, config.Playback.Channels = malgo.FormatS16, 1
	// The library copies the identifiers while the device is opened.
	var pins runtime.Pinner
	defer pins.Unpin()
	config.Capture.DeviceID = idPointer(&pins, f.microphones, cards.Microphones, c.microphone)
	config.Playback.DeviceID = idPointer(&pins, f.loudspeakers, cards.Loudspeakers, c.loudspeaker)
	device, err := malgo.InitDevice(ctx.Context, config, callbacks)
	if err != nil {
		return nil, err
	}
	if err = device.Start(); err != nil {
		device.Uninit()
		return nil, err
	}
	return device, nil
}

// idPointer is the identifier of a chosen device as the library takes it, nil for the default one.
func idPointer(pins *runtime.Pinner, devices []malgo.DeviceInfo, listed []CardInfo, chosen *CardInfo) unsafe.Pointer {
	for i := range listed {
		if &listed[i] == chosen {
			id := devices[i].ID
			pins.Pin(&id)
			return unsafe.Pointer(&id)
		}
	}
	return nil
}

// reason says in the words of this room why a device can't be opened.
func reason(err error, cards Cards) error {
	switch {
	case errors.Is(err, malgo.ErrBusy), errors.Is(err, malgo.ErrAlreadyInUse):
		return fmt.Errorf("%w (%w)", ErrDeviceBusy, err)
	case errors.Is(err, malgo.ErrDoesNotExist), errors.Is(err, malgo.ErrNoDevice), !cards.real():
		return fmt.Errorf("%w (%w)", ErrNoDevice, err)
	default:
		return err
	}
}
