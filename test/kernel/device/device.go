// Package device is for tests that run in a guest of test/kernel: it names the simulated devices there, works them as hands and
// the weather do real ones, and brings them back as they were when a test ends.
package device

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What names the guest's devices. A device of V4L2 is a file like /dev/video4.
const (
	// Vivid is a simulated webcam.
	Vivid = "DOORSTATION_TEST_VIVID"
	// LoopbackVideo is a camera that shows what a program writes to the same file: see [NewFeed].
	LoopbackVideo = "DOORSTATION_TEST_LOOPBACK_VIDEO"
	// VicodecEncoder and VicodecDecoder code and decode as a chip does (stateful, memory to memory), FWHT in place of H.264.
	VicodecEncoder = "DOORSTATION_TEST_VICODEC_ENCODER"
	VicodecDecoder = "DOORSTATION_TEST_VICODEC_DECODER"
	// ALSA is the name of the sound card: what is played on hw:NAME,0,x is recorded on hw:NAME,1,x and the other way.
	ALSA = "DOORSTATION_TEST_ALSA"
)

// Name is the file or name of one of the guest's devices.
func Name(t testing.TB, variable string) string {
	t.Helper()
	name := os.Getenv(variable)
	if name == "" {
		t.Fatalf("%s is empty: this test needs a guest with drivers (make test-kernel; see test/kernel)", variable)
	}
	return name
}

// Driver is a driver and the simulated hardware that it drives.
type Driver struct {
	// Name is the driver's in /sys/bus/platform/drivers, Device that of the hardware.
	Name, Device string
	// There is a file that's there while the driver has the hardware.
	There string
}

// The drivers of the guest whose hardware can be taken out.
var (
	Webcam    = Driver{Name: "vivid", Device: "vivid.0", There: "/sys/devices/platform/vivid.0/video4linux"}
	SoundCard = Driver{Name: "snd_aloop", Device: "snd_aloop.0", There: "/proc/asound/Loopback"}
	Coder     = Driver{Name: "vicodec", Device: "vicodec.0", There: "/sys/devices/platform/vicodec.0/video4linux"}
)

// patience is far more than a driver takes.
const patience = 30 * time.Second

// Unplug takes the hardware from its driver as a pulled plug does: programs that use it get errors. The driver waits until they
// have let go; plugIn waits for that, too. If the test ends before, it is plugged in then.
func (d Driver) Unplug(t testing.TB) (plugIn func()) {
	t.Helper()
	unbound := make(chan error, 1)
	go func() { unbound <- d.write("unbind") }()
	for end := time.Now().Add(patience); d.isThere(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: still there %s after it was unbound", d.Device, patience)
		}
	}
	done := false
	plugIn = func() {
		t.Helper()
		if done {
			return
		}
		done = true
		limit := time.NewTimer(patience)
		defer limit.Stop()
		select {
		case err := <-unbound:
			if err != nil {
				t.Fatalf("%s: unbind: %v", d.Device, err)
			}
		case <-limit.C:
			t.Fatalf("%s: its driver still waits for somebody who uses it", d.Device)
		}
		if err := d.write("bind"); err != nil {
			t.Fatalf("%s: bind: %v", d.Device, err)
		}
		if !d.isThere() {
			t.Fatalf("%s: bound, and not there", d.Device)
		}
	}
	t.Cleanup(plugIn)
	return plugIn
}

func (d Driver) isThere() bool {
	_, err := os.Stat(d.There)
	return err == nil
}

func (d Driver) write(file string) error {
	return write(filepath.Join("/sys/bus/platform/drivers", d.Name, file), d.Device)
}

// write writes to a file of the kernel's.
func write(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// CameraCalled is the file of the V4L2 device whose driver calls it so ("vivid-000-vid-cap"); a number may change when it's plugged in.
func CameraCalled(name string) (string, error) {
	files, err := filepath.Glob("/sys/class/video4linux/*/name")
	if err != nil {
		return "", err
	}
	for _, file := range files {
		text, readErr := os.ReadFile(file)
		if readErr == nil && strings.TrimSpace(string(text)) == name {
			return "/dev/" + filepath.Base(filepath.Dir(file)), nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, os.ErrNotExist)
}
