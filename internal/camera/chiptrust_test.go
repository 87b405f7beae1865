package camera

import (
	"image"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// failingEncoder gives so many pictures and then fails.
type failingEncoder struct{ good int }

func (e *failingEncoder) encode(*image.YCbCr) ([]byte, error) {
	if e.good--; e.good < 0 {
		return nil, ErrChip
	}
	return []byte{0, 0, 0, 1, 0x41}, nil
}
func (e *failingEncoder) forceIDR() error      { return nil }
func (e *failingEncoder) setBitrate(int) error { return nil }
func (e *failingEncoder) close() error         { return nil }

func TestAChipThatFailsAgainAndAgainGivesWayToTheProcessorForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chipRuns, good := 0, 0
		e := encoders{
			findChip: func() (string, error) { return "/dev/video11", nil },
			chip: func(string, Params) (pictureEncoder, error) {
				chipRuns++
				return &failingEncoder{good}, nil
			},
			software: func(Params) (pictureEncoder, error) { return &failingEncoder{1000}, nil },
			trust:    &chipTrust{now: time.Now},
		}
		// run encodes for a while and reports whether the chip did it.
		run := func(choice EncoderChoice) bool {
			t.Helper()
			before := chipRuns
			enc, _, err := e.make(choice, Params{}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			for range 300 {
				if _, err = enc.encode(nil); err != nil {
					break
				}
			}
			if err = enc.close(); err != nil {
				t.Error(err)
			}
			return chipRuns > before
		}
		for range distrustAfter {
			if !run(EncoderAuto) {
				t.Error("the chip was given up at once")
			}
		}
		if run(EncoderAuto) {
			t.Error("it was tried again")
		}
		if !run(EncoderChip) {
			t.Error("who wants the chip and nothing else did not get it")
		}
		time.Sleep(distrust)
		if !run(EncoderAuto) {
			t.Error("it was never tried again")
		}
		time.Sleep(distrust)
		good = 290 // a fault now and then is no reason
		for range 5 {
			if !run(EncoderAuto) {
				t.Error("it was given up because of faults far apart")
			}
		}
	})
}
