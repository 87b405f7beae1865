package peer

import (
	"slices"
	"strings"
	"testing"

	"github.com/pion/ice/v4"
)

// The seeds below and the files in testdata/fuzz are met in every run of the tests; "go test -fuzz" looks for more.

// fixtures are the descriptions that were seen on real wires.
var fixtures = [...]string{"asterisk-answer-to-door.sdp", "asterisk-reinvite-to-door.sdp", "asterisk-offer-to-popup.sdp",
	"chromium-door-offer.sdp", "door-offer.sdp", "popup-answer-without-camera.sdp"}

// FuzzDescriptions takes any answer to the door's offer, any re-offer after it, and what the door would offer then: whatever was read,
// all that is written can be read, and has as many m-lines as it must.
func FuzzDescriptions(f *testing.F) {
	for _, name := range fixtures {
		f.Add(fixture(f, name), fixture(f, "asterisk-reinvite-to-door.sdp"))
	}
	f.Fuzz(func(t *testing.T, answer, reoffer string) {
		d, err := readSDP(answer)
		if err != nil {
			return
		}
		l := someLocal(host("192.0.2.7", 40000))
		layout := l.offerSections(true)
		a := &agreement{}
		a.addOwn()
		if err = a.agreeAnswer(&d, layout); err != nil {
			a = &agreement{}
			a.addOwn()
		} else {
			mustRead(t, l.write(l.again(layout, a, true)), 2)
			if r := d.transport(&d.media[0]); len(r.fingerprints) > 0 {
				mustRead(t, canonical{fingerprint: r.fingerprints[0], link: newLink(nil), setup: "active", agreement: a}.text(), 2)
			}
		}
		o, err := readSDP(reoffer)
		if err != nil {
			return
		}
		a, plans, err := agreeOffer(&o, a, true)
		if err != nil {
			return
		}
		layout = l.answerSections(plans)
		mustRead(t, l.write(layout), len(o.media))
		// Our own offer after that keeps the m-lines, in their order, and has a picture whatever was there before.
		again := l.again(layout, a, true)
		mustRead(t, l.write(again), len(again))
		if len(again) < len(layout) || indexOf(again, "video") < 0 || indexOf(again, "audio") != indexOf(layout, "audio") {
			t.Errorf("%d m-lines became these: %+v", len(layout), again)
		}
	})
}

// FuzzOffers takes any first offer of a caller.
func FuzzOffers(f *testing.F) {
	for _, name := range fixtures {
		f.Add(fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, offer string) {
		o, err := readOffer(offer)
		if err != nil {
			return
		}
		if o.remote.ufrag == "" || o.remote.pwd == "" || len(o.remote.fingerprints) == 0 {
			t.Errorf("taken without a transport: %+v", o.remote)
		}
		a, plans, err := agreeOffer(&o.description, &agreement{}, false)
		if err != nil {
			t.Fatal(err)
		}
		if a.Video {
			t.Error("a picture is agreed on that is off")
		}
		l := someLocal(host("192.0.2.7", 40000))
		mustRead(t, l.write(l.answerSections(plans)), len(o.media))
		for _, told := range o.remote.candidates {
			if text, ok := usableCandidate(told); ok {
				if strings.ContainsAny(text, "\r\n") {
					t.Errorf("a candidate of several lines: %q", text)
				}
				_, _ = ice.UnmarshalCandidate(text) // whatever it says: no panic
			}
		}
	})
}

func mustRead(t *testing.T, text string, sections int) {
	t.Helper()
	d, err := readSDP(text)
	if err != nil || len(d.media) != sections {
		t.Errorf("%d m-lines of %d, %v:\n%s", len(d.media), sections, err, text)
	}
}

// FuzzDigits takes any run of event packets, seven bytes each: SSRC, two of the timestamp, four of payload. However they are mixed and
// repeated, there are no more digits than different events, and a second copy of everything brings none.
func FuzzDigits(f *testing.F) {
	f.Add([]byte{1, 0, 1, 5, 10, 0, 160, 1, 0, 1, 5, 138, 1, 224})
	f.Add([]byte{1, 0, 1, 5, 10, 0, 160, 1, 0, 2, 6, 10, 0, 160, 1, 0, 1, 5, 138, 1, 224})
	f.Add([]byte{1, 0, 1, 16, 10, 0, 160, 2, 0, 1, 15, 10, 0, 160, 1, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, packets []byte) {
		var filter eventFilter
		type key struct{ ssrc, timestamp byte }
		keys := make(map[key]bool)
		digits := 0
		take := func(p []byte) {
			// Few timestamps, so that they are often the same.
			r, ok := filter.take(uint32(p[0]), uint32(p[1]%2)*0xFFFF+uint32(p[2]%8), p[3:])
			keys[key{p[0], p[1]%2<<4 | p[2]%8}] = true
			if ok {
				digits++
				if !strings.ContainsRune("0123456789*#ABCD", r) {
					t.Errorf("digit %q", r)
				}
			}
		}
		all := slices.Collect(slices.Chunk(packets, 7))
		if len(all) > eventMemory/2 {
			all = all[:eventMemory/2]
		}
		for _, p := range all {
			if len(p) >= 3 {
				take(p)
			}
		}
		if digits > len(keys) {
			t.Errorf("%d digits of %d events", digits, len(keys))
		}
		first := digits
		for _, p := range all {
			if len(p) >= 3 {
				take(p)
			}
		}
		if digits != first {
			t.Errorf("%d digits of events that were all known", digits-first)
		}
	})
}
