package peer

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// newReporter is a far end that reports on each packet where it was agreed on, as browsers do.
func newReporter(t *testing.T) *far {
	t.Helper()
	m, err := mediaEngine()
	check(t, err)
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		m.RegisterFeedback(webrtc.RTCPFeedback{Type: transportCC}, kind)
		check(t, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: transportCCURI}, kind))
	}
	sender, err := twcc.NewSenderInterceptor(twcc.SendInterval(50 * time.Millisecond))
	check(t, err)
	r := &interceptor.Registry{}
	r.Add(sender)
	return newFarWith(t, webrtc.MimeTypeOpus, m, r)
}

// films sends pictures until the door's link is as wanted.
func (d *door) films(t *testing.T, what string, wanted func(Link) bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	at := time.Now()
	for {
		select {
		case <-tick.C:
			d.SetVideoPace(VideoPace{Target: 1_000_000, Least: 150_000, Most: 2_000_000})
			picture := slice
			select {
			case <-d.keyFrame:
				picture = idr
			default:
			}
			check(t, d.WriteVideo(picture, time.Since(at)))
			if wanted(d.Link()) {
				return
			}
		case <-deadline:
			t.Fatalf("no %s; %+v", what, d.Link())
		}
	}
}

func TestCongestionControlWithAFarSideThatReports(t *testing.T) {
	f := newReporter(t)
	f.wantsVideo()
	d, answer, _, err := ring(t, Config{Video: true}, f.offers(nil))
	check(t, err)
	if strings.Count(answer, transportCCURI) != 1 || strings.Count(answer, " transport-cc") != 1 {
		t.Errorf("want it agreed on for the picture:\n%s", answer)
	}
	f.takes(answer)
	await(t, d.up, "connection")
	d.films(t, "estimate", func(l Link) bool { return l.Estimate > 0 })

	// A later offer without it ends it, one with it begins it again.
	offer := f.offers(nil)
	text, _, err := d.Reoffer(strings.ReplaceAll(offer, " transport-cc", " x"))
	check(t, err)
	if strings.Contains(text, "transport") {
		t.Errorf("it was not offered:\n%s", text)
	}
	if l := d.Link(); l.Estimate != 0 {
		t.Errorf("%+v", l)
	}
	text, _, err = d.Reoffer(offer)
	check(t, err)
	f.takes(text)
	d.films(t, "estimate", func(l Link) bool { return l.Estimate > 0 })

	// What was once sound may cease to be.
	for range feedbackChances {
		f.tell(&rtcp.TransportLayerCC{
			Header:    rtcp.Header{Padding: true, Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
			MediaSSRC: d.voice.ssrc, SenderSSRC: 1, BaseSequenceNumber: 1, PacketStatusCount: 1,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 1}},
			RecvDeltas:   []*rtcp.RecvDelta{{Type: rtcp.TypeTCCPacketReceivedSmallDelta}},
		})
	}
	d.films(t, "end of the estimate", func(l Link) bool { return l.Estimate == 0 })
	before := d.Link().Packets
	d.films(t, "end of the film", func(l Link) bool {
		if l.Estimate != 0 {
			t.Fatalf("believed again: %+v", l)
		}
		return l.Packets > before+500 // two seconds, or more
	})
}

func TestCongestionControlOfAPictureThatIsAdded(t *testing.T) {
	f := newReporter(t)
	d, answer, _, err := ring(t, Config{Video: true}, f.offers(nil))
	check(t, err)
	if strings.Contains(answer, "transport") {
		t.Errorf("the sound needs none:\n%s", answer)
	}
	f.takes(answer)
	await(t, d.up, "connection")
	offer, err := d.Renew(t.Context(), Renewal{Video: true})
	check(t, err)
	if !strings.Contains(offer, transportCCURI) {
		t.Errorf("want it offered for the picture:\n%s", offer)
	}
	_, err = d.Renewed(f.answer(offer))
	check(t, err)
	d.films(t, "estimate", func(l Link) bool { return l.Estimate > 0 })
	// Kept in what follows.
	if offer, err = d.Renew(t.Context(), Renewal{}); err != nil || !strings.Contains(offer, transportCCURI) {
		t.Errorf("%v\n%s", err, offer)
	}
}

// TestCongestionControlIsNotAgreedOn has far sides that cannot report, or do not want to.
func TestCongestionControlIsNotAgreedOn(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"Asterisk":       func(s string) string { return strings.Replace(s, "s=-", "s=Asterisk PBX 22", 1) },
		"no extension":   func(s string) string { return strings.ReplaceAll(s, transportCCURI, "urn:x") },
		"no feedback":    func(s string) string { return strings.ReplaceAll(s, " transport-cc", " x") },
		"one-way":        func(s string) string { return strings.ReplaceAll(s, " "+transportCCURI, "/sendonly "+transportCCURI) },
		"number too big": func(s string) string { return strings.ReplaceAll(s, "a=extmap:", "a=extmap:20") },
	} {
		f := newReporter(t)
		f.wantsVideo()
		_, answer, n, err := ring(t, Config{Video: true}, change(f.offers(nil)))
		check(t, err)
		if strings.Contains(answer, "transport") || strings.Contains(answer, "extmap") || !n.Video {
			t.Errorf("%s: %+v\n%s", name, n, answer)
		}
	}
	// An answer may decline it, and our first offer has none.
	f := newReporter(t)
	d, answer, _, err := ring(t, Config{Video: true}, f.offers(nil))
	check(t, err)
	if strings.Contains(d.local.write(d.local.offerSections(true)), "transport") {
		t.Error("it is in a first offer")
	}
	f.takes(answer)
	offer, err := d.Renew(t.Context(), Renewal{Video: true})
	check(t, err)
	_, err = d.Renewed(strings.ReplaceAll(f.answer(offer), " transport-cc", " x"))
	check(t, err)
	if a := d.agreed.Load(); a.transportCC != 0 || !a.Video {
		t.Errorf("%+v", a.Negotiated)
	}
	if offer, err = d.Renew(t.Context(), Renewal{}); err != nil || strings.Contains(offer, "transport") {
		t.Errorf("%v\n%s", err, offer)
	}
}
