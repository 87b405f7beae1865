//go:build kernel

package v4l2

// The encoder against the kernel's vicodec. What that proves is the state machine of a stateful encoder and the structures passed
// to the kernel. What it does not: vicodec makes FWHT instead of H.264, so nothing here has parameter sets; it has neither a bit
// rate nor ForceKeyFrame nor S_PARM and sets no V4L2_BUF_FLAG_KEYFRAME; its lines have no padding of their own; it is a program,
// so it never hangs. The encoder of the Raspberry Pi (bcm2835-codec) remains to be tried on a Raspberry Pi.

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/test/kernel/device"
)

// fwht is V4L2_PIX_FMT_FWHT, fwhtKeyQuantizer V4L2_CID_FWHT_I_FRAME_QP, fwhtKey V4L2_FWHT_FL_I_FRAME.
const (
	fwht             FourCC    = 'F' | 'W'<<8 | 'H'<<16 | 'T'<<24
	fwhtKeyQuantizer ControlID = 10029602
	fwhtKey                    = 1 << 10
)

// config is that of an encoder of vicodec.
func config(width, height int) EncoderConfig {
	return EncoderConfig{Width: width, Height: height, Framerate: 25, Coded: fwht, Patience: 5 * time.Second,
		Controls: []EncoderControl{{Setting: Setting{GOPSize, 10}, Name: "group", Needed: true}}}
}

// open opens the encoder for a test.
func open(t *testing.T, cfg EncoderConfig) *Encoder {
	t.Helper()
	e, err := OpenEncoder(device.Name(t, device.VicodecEncoder), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closeErr := e.Close(); closeErr != nil {
			t.Error(closeErr)
		}
	})
	return e
}

// one encodes a picture and gives what became of it.
func one(t *testing.T, e *Encoder, n int) []byte {
	t.Helper()
	var data []byte
	stamp := time.Duration(n) * 40 * time.Millisecond
	err := e.Encode(scene(e.cfg.Width, e.cfg.Height, n), stamp, func(p Picture) bool {
		if p.Broken || p.Stamp != stamp {
			t.Errorf("picture %d: broken %v, stamp %v, want %v", n, p.Broken, p.Stamp, stamp)
		}
		data = slices.Clone(p.Data)
		return true
	})
	if err != nil {
		t.Fatalf("picture %d: %v", n, err)
	}
	return data
}

// isKey reports whether a picture of vicodec is a key frame.
func isKey(data []byte) bool {
	return len(data) > 24 && binary.BigEndian.Uint32(data[20:])&fwhtKey != 0
}

func TestKernelTheEncoderIsFoundByWhatItCanDo(t *testing.T) {
	encoderPath := device.Name(t, device.VicodecEncoder)
	path, ok, err := FindEncoder("/dev", fwht)
	if err != nil || !ok || path != encoderPath {
		t.Errorf("%q, %v, %v; want %s", path, ok, err, encoderPath)
	}
	if path, ok, err = FindEncoder("/dev", H264); ok || err != nil {
		t.Errorf("for H.264: %q, %v, %v", path, ok, err)
	}
	list, err := List("/dev")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(l Listed) bool { return l.Path == encoderPath })
	if i < 0 || list[i].Identity.Driver != "vicodec" || list[i].Camera() || len(list[i].Formats) != 1 || len(list[i].Formats[0].Sizes) != 1 {
		t.Fatalf("%+v", list)
	}
	if s := list[i].Formats[0].Sizes[0]; s.Width != 640 || s.MaxWidth != 4096 || s.StepHeight != 8 {
		t.Errorf("%+v", s)
	}
}

func TestKernelEachPictureIsEncodedAndIsThatPicture(t *testing.T) {
	for name, c := range map[string]struct {
		raw           FourCC
		width, height int
	}{
		"YU12":                  {YUV420, 1280, 720},
		"NV12":                  {NV12, 640, 480},
		"padded, odd to blocks": {YUV420, 642, 362},
		"padded NV12":           {NV12, 650, 366},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(c.width, c.height)
			cfg.Raw = c.raw
			e := open(t, cfg)
			var stream [][]byte
			for n := range 12 {
				stream = append(stream, one(t, e, n))
				if isKey(stream[n]) != (n%10 == 0) {
					t.Errorf("picture %d: key frame %v", n, isKey(stream[n]))
				}
			}
			if w, h := binary.BigEndian.Uint32(stream[0][12:]), binary.BigEndian.Uint32(stream[0][16:]); int(w) != c.width || int(h) != c.height {
				t.Errorf("the stream says %dx%d (raw pictures are %+v)", w, h, e.Layout())
			}
			for n, img := range decode(t, stream, c.width, c.height) {
				if db := likeness(img, scene(c.width, c.height, n)); db < 28 {
					t.Errorf("picture %d comes back with %.1f dB", n, db)
				}
			}
		})
	}
}

func TestKernelADrainedEncoderBeginsAnew(t *testing.T) {
	e := open(t, config(640, 360))
	for range 3 {
		for n := range 4 {
			if key := isKey(one(t, e, n)); key != (n == 0) {
				t.Errorf("picture %d: key frame %v", n, key)
			}
		}
		if err := e.Drain(func(p Picture) { t.Errorf("held back: %+v", p) }); err != nil {
			t.Fatal(err)
		}
		if err := e.Encode(scene(640, 360, 0), 0, func(Picture) bool { return true }); !errors.Is(err, ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
		if err := e.Restart(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKernelWhatTheDriverStillHoldsComesOutWhenItIsDrained(t *testing.T) {
	e := open(t, config(640, 360))
	for n := range rawBuffers {
		index, err := e.freeBuffer(time.Now().Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		used, err := e.raw.fill(e.in.Memory(index), scene(640, 360, n), 640, 360)
		if err = errors.Join(err, e.in.Enqueue(index, used, 0)); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	if err := e.Drain(func(Picture) { got++ }); err != nil || got != rawBuffers {
		t.Errorf("%d pictures, %v", got, err)
	}
}

func TestKernelControlsTakeEffectWhileItRuns(t *testing.T) {
	e := open(t, config(640, 360))
	size := func(first, quantizer int) int {
		if err := e.Set(fwhtKeyQuantizer, int32(quantizer)); err != nil {
			t.Fatal(err)
		}
		if value, err := e.dev.Value(fwhtKeyQuantizer); err != nil || int(value) != quantizer {
			t.Errorf("quantizer %d, %v", value, err)
		}
		for n := first; ; n++ {
			if data := one(t, e, n); isKey(data) {
				return len(data)
			}
		}
	}
	if fine, coarse := size(0, 1), size(1, 31); fine < 2*coarse {
		t.Errorf("key frames of %d bytes fine, %d coarse", fine, coarse)
	}
	if err := e.dev.SetControls(Setting{GOPSize, 3}, Setting{fwhtKeyQuantizer, 20}); err != nil {
		t.Fatal(err)
	}
	keys := 0
	for n := range 30 {
		if isKey(one(t, e, n)) {
			keys++
		}
	}
	if keys != 10 {
		t.Errorf("%d key frames among 30, want one in three", keys)
	}
	if err := e.dev.SetControls(Setting{GOPSize, 5}, Setting{Bitrate, 1}); !errors.Is(err, ErrNoControl) {
		t.Errorf("a control that is missing: %v", err)
	}
	if err := e.Set(ForceKeyFrame, 1); !errors.Is(err, ErrNoControl) || e.Has(ForceKeyFrame) || !e.Has(GOPSize) {
		t.Errorf("a control that is missing: %v", err)
	}
	if info, err := e.dev.Control(GOPSize); err != nil || info.Min != 1 || info.Max != 16 || info.Preset != 10 {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestKernelControlsThatAreMissingAreToldOrRefused(t *testing.T) {
	cfg := config(640, 360)
	cfg.Controls = append(cfg.Controls, EncoderControl{Setting: Setting{RepeatSeqHeader, 1}, Name: "repeated headers"})
	e := open(t, cfg)
	if r := e.Refused(); len(r) != 1 || !strings.Contains(r[0].Error(), "repeated headers") {
		t.Errorf("%v", r)
	}
	cfg.Controls = append(cfg.Controls, EncoderControl{Setting: Setting{Bitrate, 1}, Name: "bit rate", Needed: true})
	if _, err := OpenEncoder(device.Name(t, device.VicodecEncoder), cfg); !errors.Is(err, ErrNoControl) || !strings.Contains(err.Error(), "bit rate") {
		t.Errorf("%v", err)
	}
	cfg = config(640, 360)
	cfg.Coded = H264
	if _, err := OpenEncoder(device.Name(t, device.VicodecEncoder), cfg); !errors.Is(err, ErrFormat) {
		t.Errorf("H.264: %v", err)
	}
	cfg = config(5000, 360)
	if _, err := OpenEncoder(device.Name(t, device.VicodecEncoder), cfg); !errors.Is(err, ErrFormat) {
		t.Errorf("too wide: %v", err)
	}
}

// starve takes away what is to be filled: nothing can come back.
func starve(t *testing.T, e *Encoder) {
	t.Helper()
	if err := errors.Join(e.out.Stop(), e.out.Start()); err != nil {
		t.Fatal(err)
	}
}

func TestKernelAnEncoderThatGivesNothingBackIsStuck(t *testing.T) {
	cfg := config(640, 360)
	cfg.Patience = 200 * time.Millisecond
	e := open(t, cfg)
	one(t, e, 0)
	starve(t, e)
	began := time.Now()
	err := e.Encode(scene(640, 360, 1), 0, func(Picture) bool { return true })
	if !errors.Is(err, ErrStuck) || time.Since(began) < cfg.Patience {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	if err = e.Restart(); err != nil {
		t.Fatal(err)
	}
	if !isKey(one(t, e, 2)) {
		t.Error("the new stream begins without a key frame")
	}
}

func TestKernelAWaitIsInterrupted(t *testing.T) {
	cfg := config(640, 360)
	cfg.Patience = time.Minute
	e := open(t, cfg)
	starve(t, e)
	ended := make(chan error, 1)
	go func() { ended <- e.Encode(scene(640, 360, 1), 0, func(Picture) bool { return true }) }()
	if err := e.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrInterrupted) {
		t.Error(err)
	}
}

func TestKernelTwoEncodersDoNotKnowOfEachOther(t *testing.T) {
	a, b := open(t, config(640, 360)), open(t, config(1280, 720))
	for n := range 12 {
		if isKey(one(t, a, n)) != (n%10 == 0) || isKey(one(t, b, n)) != (n%10 == 0) {
			t.Errorf("picture %d", n)
		}
	}
}

// footprint is what this process holds of the kernel.
func footprint(t *testing.T) (files, maps int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries), strings.Count(string(text), "/dev/video")
}

func TestKernelClosingInMidStreamLeavesNothing(t *testing.T) {
	files, _ := footprint(t)
	for n := range 15 {
		e, err := OpenEncoder(device.Name(t, device.VicodecEncoder), config(1280, 720))
		if err != nil {
			t.Fatalf("time %d: %v", n, err)
		}
		one(t, e, n)
		index, err := e.freeBuffer(time.Now().Add(time.Second))
		if err = errors.Join(err, e.in.Enqueue(index, e.raw.need(), 0), e.Close()); err != nil { // with a picture in the works
			t.Fatal(err)
		}
		if err = e.Interrupt(); err != nil {
			t.Error(err)
		}
	}
	if after, maps := footprint(t); after != files || maps != 0 {
		t.Errorf("%d files of %d before, %d buffers mapped", after, files, maps)
	}
}

func TestKernelManyPicturesCostNoMemory(t *testing.T) {
	e := open(t, config(640, 360))
	img := scene(640, 360, 0)
	run := func(pictures int) uint64 {
		for n := range pictures {
			if err := e.Encode(img, time.Duration(n), func(Picture) bool { return true }); err != nil {
				t.Fatalf("picture %d: %v", n, err)
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	files, maps := footprint(t)
	before := run(100)
	after := run(500)
	if after > before+256<<10 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if f, m := footprint(t); f != files || m != maps || maps != rawBuffers+codedBuffers {
		t.Errorf("%d files, %d buffers; before %d, %d", f, m, files, maps)
	}
}

func TestKernelABusyQueueAndAWrongDeviceAreTold(t *testing.T) {
	e := open(t, config(640, 360))
	if _, err := e.dev.SetFormat(e.in.typ, Layout{FourCC: YUV420, Width: 1280, Height: 720}); !errors.Is(err, ErrBusy) {
		t.Errorf("a new format in mid-stream: %v", err)
	}
	if _, err := OpenEncoder(device.Name(t, device.VicodecDecoder), config(640, 360)); err == nil {
		t.Error("the decoder was taken for an encoder")
	}
	if _, err := OpenEncoder("/dev/null", config(640, 360)); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("/dev/null: %v", err)
	}
	if _, err := OpenEncoder("/dev/video99", config(640, 360)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no device: %v", err)
	}
	if _, err := OpenCapture(device.Name(t, device.VicodecEncoder), CaptureConfig{Format: H264, Width: 640, Height: 360}); !errors.Is(err, ErrFormat) {
		t.Errorf("an encoder as a camera: %v", err)
	}
}
