//go:build kernel

package camera

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"doorstation/internal/camera/v4l2"
	"doorstation/test/kernel/device"
)

// feed plays a camera with an encoder of its own, behind v4l2loopback, until ctx ends.
func feed(ctx context.Context, f *device.Feed, units [][]byte) error {
	ticker := time.NewTicker(40 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; n++ {
		if _, err := f.Write(units[n%len(units)]); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return f.Close()
		case <-ticker.C:
		}
	}
}

// camera264 is a camera of the size of [encoded]'s pictures that delivers H.264.
func camera264(t *testing.T, units [][]byte) (path string) {
	t.Helper()
	path = device.Name(t, device.LoopbackVideo)
	f, err := device.NewFeed(path, device.H264, 320, 240, 25)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.Write(units[0]); err != nil { // from then on it shows as a camera
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	fed := make(chan error, 1)
	go func() { fed <- feed(ctx, f, units) }()
	t.Cleanup(func() {
		stop()
		if feedErr := <-fed; feedErr != nil {
			t.Error(feedErr)
		}
	})
	return path
}

func TestKernelACamerasOwnH264ArrivesAsItWasSent(t *testing.T) {
	units := encoded(t, 20)
	sent := slices.Clone(units)
	sent[10] = withoutSets(t, units[10])                           // a camera that gives its parameter sets once
	sets := units[0][:len(units[0])-len(withoutSets(t, units[0]))] // which are these
	units[10] = slices.Concat(sets, sent[10])
	path := camera264(t, sent)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []AccessUnit
	err := newPassthrough(nil).run(ctx, path, Params{Width: 320, Height: 240, Framerate: 25, Bitrate: 500_000}, func(au AccessUnit) {
		if got = append(got, au); len(got) == 60 {
			cancel()
		}
	})
	if err != nil || len(got) < 60 {
		t.Fatalf("%d pictures, %v", len(got), err)
	}
	known := func(au AccessUnit) bool {
		return slices.ContainsFunc(units, func(u []byte) bool { return bytes.Equal(u, au.Data) })
	}
	keys := 0
	for i, au := range got {
		if idr, idrErr := randomAccess(au.Data); idrErr != nil || idr != au.IDR || i == 0 && !idr || !known(au) {
			t.Errorf("picture %d of %d bytes: IDR %v, said to be %v, %v", i, len(au.Data), idr, au.IDR, idrErr)
		}
		if age := time.Since(au.Captured); age < 0 || age > time.Minute || i > 0 && au.PTS <= got[i-1].PTS {
			t.Errorf("picture %d: %v old, at %v", i, age, au.PTS)
		}
		if au.IDR {
			keys++
		}
	}
	if keys < 5 {
		t.Errorf("%d IDR pictures", keys)
	}
}

func TestKernelACameraThatFallsSilentIsLeftWhenToldTo(t *testing.T) {
	units := encoded(t, 3)
	path := device.Name(t, device.LoopbackVideo)
	f, err := device.NewFeed(path, device.H264, 320, 240, 25)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if _, err = f.Write(u); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(500*time.Millisecond, func() { cancel(ErrStalled) })
	err = newPassthrough(nil).run(ctx, path, Params{Width: 320, Height: 240, Framerate: 25}, func(AccessUnit) {})
	if err == nil || errors.Is(err, v4l2.ErrInterrupted) {
		t.Errorf("%v", err)
	}
	if err = f.Close(); err != nil {
		t.Error(err)
	}
}

func TestKernelACameraWithoutH264SaysSo(t *testing.T) {
	err := newPassthrough(nil).run(t.Context(), device.Name(t, device.Vivid), Params{Width: 640, Height: 360, Framerate: 25}, func(AccessUnit) {})
	if !errors.Is(err, v4l2.ErrFormat) {
		t.Errorf("%v", err)
	}
	if path, findErr := findChipEncoder(); !errors.Is(findErr, ErrNoChip) {
		t.Errorf("an encoder for H.264: %q, %v", path, findErr)
	}
	if _, err = newChipEncoder(device.Name(t, device.VicodecEncoder), Params{Width: 640, Height: 480, Framerate: 25, Bitrate: 500_000}); !errors.Is(err, ErrChip) || !errors.Is(err, v4l2.ErrFormat) {
		t.Errorf("vicodec as the chip: %v", err)
	}
}
