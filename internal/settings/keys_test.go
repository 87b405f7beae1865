package settings

import "testing"

// TestKeysSayWhatTheReaderSays: what the reference of the local file is made of is what somebody who errs would be told.
func TestKeysSayWhatTheReaderSays(t *testing.T) {
	all, err := Keys(commented.ReplaceAll(readExample(t), []byte("$1$2")))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Key)
	for _, k := range all {
		got[k.Path] = k
	}
	for _, want := range []Key{
		{Path: "home_assistant.url", Required: true, Default: got["home_assistant.url"].Default, HasDefault: true, Takes: got["home_assistant.url"].Takes},
		{Path: "lock.pulse", Takes: "a length of time from 100ms to 1m, such as 3s", Default: "3s", HasDefault: true},
		{Path: "camera.bitrate", Takes: "bits a second from 100k to 20M, such as 1500k, 2M or 800000", Default: "1500k", HasDefault: true},
		{Path: "inputs.contact.pin", Takes: aPin, Required: true},
		{Path: "leds", Takes: "a list of LEDs", Group: true},
		{Path: "leds[].show", Takes: "status, ringing, talking, open or fault", Default: "status", HasDefault: true},
		{Path: "audio.microphone_gain", Takes: "auto, or a whole number of dB from -20 to 30"},
	} {
		if k := got[want.Path]; k != want {
			t.Errorf("got %+v, want %+v", k, want)
		}
	}
	if _, err = Keys([]byte(leastFile)); err == nil {
		t.Error("a file that lacks most keys was taken for complete")
	}
}
