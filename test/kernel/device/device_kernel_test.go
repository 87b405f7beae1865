//go:build kernel

package device

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestKernelEveryDeviceIsThere(t *testing.T) {
	for _, file := range []string{Vivid, LoopbackVideo, VicodecEncoder, VicodecDecoder} {
		if info, err := os.Stat(Name(t, file)); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	if _, err := os.Stat("/proc/asound/" + Name(t, ALSA)); err != nil {
		t.Error(err)
	}
}

func TestKernelACameraIsUnpluggedAndIsBack(t *testing.T) {
	camera := Name(t, Vivid)
	held, err := os.OpenFile(camera, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	plugIn := Webcam.Unplug(t)
	if err = control(held, "test_pattern", 1); !errors.Is(err, unix.ENODEV) {
		t.Errorf("a program that holds it: %v", err)
	}
	if err = held.Close(); err != nil {
		t.Error(err)
	}
	plugIn()
	again, err := CameraCalled("vivid-000-vid-cap")
	if err != nil {
		t.Fatal(err)
	}
	SetControl(t, again, "test_pattern", 1)
}

// edges asks the kernel for the edges of a line with a button (include/uapi/linux/gpio.h).
func edges(t *testing.T, c *Chip, line uint32) *os.File {
	t.Helper()
	chip, err := os.OpenFile(c.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	request := make([]byte, 592) // struct gpio_v2_line_request: offsets[64], consumer[32], config{flags,…}, num_lines, buffer size, …, fd
	binary.NativeEndian.PutUint32(request, line)
	binary.NativeEndian.PutUint64(request[288:], 1<<2|1<<4|1<<5|1<<8) // input, rising and falling edges, bias pull-up
	binary.NativeEndian.PutUint32(request[560:], 1)
	binary.NativeEndian.PutUint32(request[564:], 1024) // edges that wait to be read
	if err = ioctl(chip, 3<<30|592<<16|0xB4<<8|7, request); err != nil {
		t.Fatal(err)
	}
	fd := binary.NativeEndian.Uint32(request[588:])
	if err = chip.Close(); err != nil {
		t.Error(err)
	}
	if err = unix.SetNonblock(int(fd), true); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "line")
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestKernelAButtonBounces(t *testing.T) {
	chip := NewChip(t, ChipOptions{Busy: map[int]string{4: "somebody"}})
	events, button := edges(t, chip, 17), chip.Line(t, 17)
	if !button.Level() {
		t.Error("asking for a pull-up doesn't pull up")
	}
	const presses = 200
	const us = time.Microsecond
	go func() {
		for range presses {
			button.Play(Step{false, 300 * us}, Step{true, 300 * us}, Step{false, 300 * us}, Step{true, 300 * us})
		}
	}()
	var last uint64
	var gaps []time.Duration
	for range 4 * presses {
		event := make([]byte, 48) // struct gpio_v2_line_event: timestamp_ns, id, …
		if err := events.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := events.Read(event); err != nil {
			t.Fatalf("after %d edges: %v", len(gaps), err)
		}
		at := binary.NativeEndian.Uint64(event)
		gaps = append(gaps, time.Duration(at-last))
		last = at
	}
	t.Logf("the gaps between edges, the first ones: %v", gaps[1:9])
}
