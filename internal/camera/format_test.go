package camera

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// unhex is a parameter set written down.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnlyWhatBrowsersArePromisedPasses(t *testing.T) {
	// Parameter sets of libx264 (ffmpeg) with 640x480.
	const (
		baseline = "6742c01ed900a03db011000003000100000300320f162e48"
		high     = "6764001eacd940a03db011000003000100000300320f162d96"
	)
	for name, c := range map[string]struct {
		sps   string
		level byte // as it is sent
		err   string
	}{
		"constrained baseline 3.0":              {baseline, 30, ""},
		"plain baseline":                        {strings.Replace(baseline, "42c0", "4200", 1), 30, ""},
		"main with the constraint of baseline":  {strings.Replace(baseline, "42c0", "4d80", 1), 30, ""},
		"a level of the encoder, small picture": {strings.Replace(baseline, "c01e", "8028", 1), 31, ""},
		"high":                                  {high, 30, "High profile"},
		"main":                                  {strings.Replace(baseline, "42c0", "4d00", 1), 30, "Main profile"},
		"extended":                              {strings.Replace(baseline, "42c0", "5800", 1), 30, "Extended profile"},
		"a profile of the future":               {strings.Replace(baseline, "42c0", "f400", 1), 30, "number 244 profile"},
	} {
		t.Run(name, func(t *testing.T) {
			sps := unhex(t, c.sps)
			before := bytes.Clone(sps)
			sent, err := checkFormat(sps, 30)
			if (err == nil) != (c.err == "") || err != nil && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if sent[3] != c.level {
				t.Errorf("level %d is sent, want %d", sent[3], c.level)
			}
			if !bytes.Equal(sps, before) {
				t.Error("the set that was handed in has changed")
			}
		})
	}
	if sent, err := checkFormat(unhex(t, strings.Replace(baseline, "c01e", "8028", 1)), 100); !errors.Is(err, ErrFormat) || sent[3] != 40 {
		t.Errorf("640x480 at 100/s in level 4.0: %v", err)
	}
	for _, short := range [][]byte{nil, {0x67}, {0x67, 66, 0}, {0x67, 66, 0, 40}} {
		if _, err := checkFormat(short, 30); !errors.Is(err, ErrFormat) {
			t.Errorf("% x: %v", short, err)
		}
	}
}
