package vm

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"testing"
)

// decodeLeft gives the left channel of a WAV file (16 bit, stereo) in base64.
func decodeLeft(t *testing.T, text string) []int16 {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, []byte("data"))
	if at < 0 || len(raw) < at+8 {
		t.Fatal("no WAV file")
	}
	raw = raw[at+8:]
	var left []int16
	for i := 0; i+4 <= len(raw); i += 4 {
		left = append(left, int16(binary.LittleEndian.Uint16(raw[i:])))
	}
	return left
}
