package camera

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// encoders are what this machine encodes with.
type encoders struct {
	findChip func() (string, error)
	chip     func(device string, p Params) (pictureEncoder, error)
	software func(p Params) (pictureEncoder, error)
	// trust is asked where there is a choice; nil trusts the chip.
	trust *chipTrust
}

// machineEncoders are the real ones.
func machineEncoders() encoders {
	return encoders{
		findChip: findChipEncoder, chip: newChipEncoder,
		software: func(p Params) (pictureEncoder, error) { return newEncoder(p) },
		trust:    &chipTrust{now: time.Now},
	}
}

// nameSoftware is openh264's, as status shows it.
const nameSoftware = "openh264"

// InHardware reports whether an encoder, as [Used] names it, is not the processor.
func InHardware(encoder string) bool { return encoder != "" && encoder != nameSoftware }

// make makes the encoder of a choice, and names it.
func (e encoders) make(choice EncoderChoice, p Params, log *slog.Logger) (enc pictureEncoder, name string, err error) {
	if choice == EncoderChip || choice == EncoderAuto && e.trust.allows() {
		enc, name, err = e.makeChip(p)
		switch {
		case err == nil:
			return enc, name, nil
		case choice == EncoderChip:
			return nil, "", fmt.Errorf("camera.encoder is chip: %w", err)
		case !errors.Is(err, ErrNoChip):
			log.Warn("the chip's encoder cannot be used: the processor encodes", "error", err)
		}
	}
	if enc, err = e.software(p); err != nil {
		return nil, "", err
	}
	return enc, nameSoftware, nil
}

func (e encoders) makeChip(p Params) (pictureEncoder, string, error) {
	device, err := e.findChip()
	if err != nil {
		return nil, "", err
	}
	enc, err := e.chip(device, p)
	if err != nil {
		return nil, "", err
	}
	return e.trust.watch(enc), "chip, " + device, nil
}

// would names the encoder of a choice without making it.
func (e encoders) would(choice EncoderChoice) (string, error) {
	if choice != EncoderSoftware {
		device, err := e.findChip()
		switch {
		case err == nil:
			return "chip, " + device, nil
		case choice == EncoderChip:
			return "", fmt.Errorf("camera.encoder is chip: %w", err)
		}
	}
	return nameSoftware, nil
}
