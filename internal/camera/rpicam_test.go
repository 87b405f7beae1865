package camera

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorstation/test/rpicam"
)

// board makes a Raspberry Pi camera on a made-up machine, with or without an encoder in its chip.
func board(t *testing.T, opt PiOptions, chip bool) *PiCamera {
	t.Helper()
	c := NewPiCamera(opt)
	c.sys = t.TempDir()
	for device, name := range map[string]string{"video10": "bcm2835-codec-decode", "video11": chipEncoder} {
		if device == "video11" && !chip {
			continue
		}
		dir := filepath.Join(c.sys, "class/video4linux", device)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "name"), []byte(name+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestThePiCameraIsAskedForWhatTheFileSays(t *testing.T) {
	common := "--timeout 0 --nopreview --verbose 0 --codec h264 --profile baseline --inline --flush --intra 25 --bitrate 200000 " +
		"--width 320 --height 240 --framerate 25 "
	for name, c := range map[string]struct {
		opt  PiOptions
		chip bool
		want string
	}{
		"an encoder in the chip": {PiOptions{}, true, common + "--output -"},
		"none, a Raspberry Pi 5": {PiOptions{}, false, common + "--low-latency --libav-format h264 --output -"},
		"turned":                 {PiOptions{Rotation: 180, Mirror: true}, true, common + "--rotation 180 --hflip --output -"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, program := range []string{"rpicam-vid", "libcamera-vid"} {
				installStandIns(t, modeSteady, program)
				cam := board(t, c.opt, c.chip)
				argv, err := cam.arguments(small())
				if err != nil || filepath.Base(argv[0]) != program || strings.Join(argv[1:], " ") != c.want {
					t.Errorf("%q, %v", argv, err)
				}
				k := take(t, cam, small())
				units := k.pictures(t, 3)
				checkParameterSets(t, units[0].Data, small())
				k.stop(nil)
				if err = k.end(t); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestAnArgumentThatTheProgramDoesNotKnowIsTold(t *testing.T) {
	installStandIns(t, modeSteady, "rpicam-vid")
	cam := board(t, PiOptions{Rotation: 90}, true)
	err := take(t, cam, small()).end(t)
	if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "the argument ('90') for option '--rotation' is invalid") {
		t.Errorf("%v", err)
	}
}

func TestThePiCameraIsProbed(t *testing.T) {
	both := []string{"rpicam-vid", "rpicam-hello"}
	for name, c := range map[string]struct {
		mode     string
		programs []string
		chip     bool
		sensors  []string
		err      error
		says     string
	}{
		"two cameras":        {modeSteady, both, true, []string{"imx708", "ov5647"}, nil, ""},
		"a Raspberry Pi 5":   {modeSteady, both, false, []string{"imx708", "ov5647"}, nil, ""},
		"the older names":    {modeSteady, []string{"libcamera-vid", "libcamera-hello"}, true, []string{"imx708", "ov5647"}, nil, ""},
		"none":               {modeNone, both, true, nil, ErrNoCamera, "--list-cameras"},
		"nothing installed":  {modeSteady, nil, true, nil, ErrNotInstalled, "rpicam-apps-lite"},
		"nobody to be asked": {modeSteady, []string{"rpicam-vid"}, true, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			installStandIns(t, c.mode, c.programs...)
			models, err := board(t, PiOptions{}, c.chip).Probe(t.Context())
			var sensors []string
			for _, m := range models {
				sensors = append(sensors, m.Sensor)
			}
			if !slices.Equal(sensors, c.sensors) || !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, %v", sensors, err)
			}
		})
	}
}

func TestAPiWithoutAnyEncoderSaysSo(t *testing.T) {
	// The lite package on a Raspberry Pi 5: cameras, but no libav.
	installStandIns(t, modeSteady, "rpicam-hello")
	dir := os.Getenv("PATH")
	script := "#!/bin/sh\necho 'Valid options are'\n"
	if err := os.WriteFile(filepath.Join(dir, "rpicam-vid"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	models, err := board(t, PiOptions{}, false).Probe(t.Context())
	if len(models) != 2 || !errors.Is(err, ErrNoEncoder) || !strings.Contains(err.Error(), "rpicam-apps-lite") {
		t.Errorf("%v, %v", models, err)
	}
}

func TestTheListOfCamerasIsRead(t *testing.T) {
	models, known := parseCameras(rpicam.Cameras)
	if !known || len(models) != 2 || len(models[0].Modes) != 3 || models[1].Number != 1 ||
		models[0].Modes[1] != (PiMode{Width: 2304, Height: 1296, Framerate: 56.03}) || len(models[1].Modes) != 1 {
		t.Errorf("%v, %+v", known, models)
	}
	for text, want := range map[string]bool{"": false, "ERROR: ***": false, "No cameras available!\n": true} {
		if got, is := parseCameras(text); is != want || got != nil {
			t.Errorf("%q: %v, %v", text, got, is)
		}
	}
}

func FuzzParseCameras(f *testing.F) {
	f.Add(rpicam.Cameras)
	f.Add("Available cameras\n0 : x\n1x1 [99999999 fps")
	f.Fuzz(func(t *testing.T, text string) {
		models, _ := parseCameras(text)
		if len(models) > maxCameras {
			t.Error(len(models))
		}
	})
}
