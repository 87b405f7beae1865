//go:build kernel

package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"doorstation/test/sound/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pcm is one side of the card: device 0 is the door's, 1 the far one; what goes in at one comes out at the other.
type pcm struct {
	device  int
	capture bool
}

// The door's two sides, as the kernel sees them.
var (
	doorSpeaks = pcm{device: 0}
	doorHears  = pcm{device: 0, capture: true}
)

// hardware is how the kernel runs a side of the card that is open.
type hardware struct {
	format                 string
	channels, rate         int
	period, buffer, sample int // frames, frames, bytes
}

// hardware reads how a side is open, and tells if it's closed.
func (p pcm) hardware() (h hardware, open bool, err error) {
	direction := "p"
	if p.capture {
		direction = "c"
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/asound/Loopback/pcm%d%s/sub0/hw_params", p.device, direction))
	if err != nil || strings.HasPrefix(string(text), "closed") {
		return h, false, err
	}
	number := func(s string) int {
		first, _, _ := strings.Cut(s, " ")
		n, numberErr := strconv.Atoi(first)
		err = errors.Join(err, numberErr)
		return n
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "format":
			h.format = value
		case "channels":
			h.channels = number(value)
		case "rate":
			h.rate = number(value)
		case "period_size":
			h.period = number(value)
		case "buffer_size":
			h.buffer = number(value)
		}
	}
	switch h.format {
	case "S16_LE":
		h.sample = 2
	case "S32_LE":
		h.sample = 4
	default:
		return h, false, fmt.Errorf("format %s", h.format)
	}
	return h, true, err
}

// opened waits until a side is open.
func opened(t *testing.T, p pcm) (h hardware) {
	t.Helper()
	engine.Eventually(t, fmt.Sprintf("%+v is open", p), func() bool {
		var open bool
		var err error
		if h, open, err = p.hardware(); err != nil {
			t.Fatal(err)
		}
		return open
	})
	return h
}

// far is a program at one of the card's devices.
type far struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.ReadCloser
	end func()
}

// program starts aplay or arecord on a device of the card as the hardware is: nothing converts what they play or record.
func program(t *testing.T, name, device string, h hardware) *far {
	t.Helper()
	f := &far{t: t, cmd: exec.Command(name, "-q", "-D", device, "-t", "raw", "-f", h.format,
		"-c", strconv.Itoa(h.channels), "-r", strconv.Itoa(h.rate), "--period-size=480", "--buffer-size=9600")}
	f.cmd.Stderr = os.Stderr
	var err, outErr error
	f.in, err = f.cmd.StdinPipe()
	f.out, outErr = f.cmd.StdoutPipe()
	if err = errors.Join(err, outErr, f.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	ended := false
	f.end = func() {
		if ended {
			return
		}
		ended = true
		if killErr := f.cmd.Process.Kill(); killErr != nil && !errors.Is(killErr, os.ErrProcessDone) {
			t.Error(killErr)
		}
		_ = f.cmd.Wait() // it was killed, and says so
	}
	t.Cleanup(f.end)
	return f
}

// record gives the first channel of so many frames.
func (f *far) record(h hardware, frames int) []int16 {
	f.t.Helper()
	raw := make([]byte, frames*h.channels*h.sample)
	if _, err := io.ReadFull(f.out, raw); err != nil {
		f.t.Fatalf("%s: %v", f.cmd.Path, err)
	}
	samples := make([]int16, frames)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(raw[i*h.channels*h.sample+h.sample-2:]))
	}
	return samples
}

// play plays samples on all channels.
func (f *far) play(h hardware, samples []int16) error {
	raw := make([]byte, len(samples)*h.channels*h.sample)
	for i, v := range samples {
		for c := range h.channels {
			at := (i*h.channels + c) * h.sample
			binary.LittleEndian.PutUint16(raw[at+h.sample-2:], uint16(v))
		}
	}
	_, err := f.in.Write(raw)
	return err
}

// saw counts up by one a sample: whatever is lost, torn or doubled shows.
type saw struct{ next int16 }

func (s *saw) fill(to []int16) {
	for i := range to {
		to[i] = s.next
		s.next++
	}
}

// listener counts where a saw isn't one.
type listener struct {
	samples, breaks int
	last            int16
	first           string // what the first break was
}

// hear takes what was recorded. It begins with the first sound.
func (l *listener) hear(samples []int16) {
	for _, v := range samples {
		if l.samples == 0 && v == 0 {
			continue
		}
		if l.samples > 0 && v != l.last+1 {
			if l.breaks == 0 {
				l.first = fmt.Sprintf("after %d samples: %d, then %d", l.samples, l.last, v)
			}
			l.breaks++
		}
		l.samples++
		l.last = v
	}
}
