package peer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestKeyFrameRequests(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	await(t, d.keyFrame, "first request")
	for name, packets := range map[string][]rtcp.Packet{
		"PLI":                          {&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: d.picture.ssrc}},
		"FIR":                          {&rtcp.FullIntraRequest{SenderSSRC: 1, MediaSSRC: d.picture.ssrc, FIR: []rtcp.FIREntry{{SSRC: d.picture.ssrc, SequenceNumber: 1}}}},
		"FIR to media SSRC 0":          {&rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: d.picture.ssrc, SequenceNumber: 2}}}},
		"FIR for the voice":            {&rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: d.voice.ssrc, SequenceNumber: 2}}}},
		"FIR behind a receiver report": {&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: d.picture.ssrc}}}, &rtcp.FullIntraRequest{SenderSSRC: 1, MediaSSRC: 99, FIR: []rtcp.FIREntry{{SSRC: d.picture.ssrc}}}},
	} {
		f.tell(packets...)
		await(t, d.keyFrame, "key frame request for "+name)
		drain(d.keyFrame)
	}
}

func TestLostVideoIsSentAgainOnItsSSRC(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	check(t, d.WriteVideo(idr, 0))
	first := await(t, f.video, "picture")
	await(t, f.video, "picture")
	lost := first.SequenceNumber
	drain(f.video)
	f.tell(&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: d.picture.ssrc, Nacks: []rtcp.NackPair{{PacketID: lost}}})
	for {
		// Replay protection of the far end would drop a copy, so the resent packet shows in the counters.
		if s := d.Stats(); s.NACKs == 1 && s.Resent == 1 {
			break
		}
		f.tell(&rtcp.ReceiverReport{SSRC: 1})
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
}

// TestMalformedFeedbackEndsNothing sends what pion's reader of RTCP gives up at, and then asks for something.
func TestMalformedFeedbackEndsNothing(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	await(t, d.keyFrame, "first request")
	ssrc := []byte{byte(d.picture.ssrc >> 24), byte(d.picture.ssrc >> 16), byte(d.picture.ssrc >> 8), byte(d.picture.ssrc)}
	malformed := rtcp.RawPacket(append([]byte{0x81, 0xcd, 0, 2, 0, 0, 0, 1}, ssrc...)) // a NACK that names nothing
	f.tell(&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: d.picture.ssrc}}}, &malformed)
	f.tell(&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: d.picture.ssrc})
	await(t, d.keyFrame, "key frame after feedback that nobody can read")
}

func TestDampedFeedback(t *testing.T) {
	p := &Peer{config: Config{}.withDefaults(), voice: newVoice(), picture: newPicture()}
	now := time.Now()
	text := func(sequences ...uint16) []byte {
		b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1}, &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 2,
			Nacks: rtcp.NackPairsFromSequenceNumbers(sequences)}})
		check(t, err)
		return b
	}
	send := func() {
		for _, sequence := range []uint16{65534, 65535, 0, 1, 299, 300, 310} {
			p.picture.memory.sent(sequence, 1000, now)
		}
	}
	send()
	for _, c := range []struct {
		what          string
		after         time.Duration
		asked, damped []uint16
	}{
		{"for the first time", 0, []uint16{65534, 65535, 0, 300}, []uint16{65534, 65535, 0, 300}},
		{"before they can be there", time.Millisecond, []uint16{65535, 0, 1}, []uint16{1}},
		{"all of them before they can be there", time.Millisecond, []uint16{1}, nil},
		{"lost once more", resendGap, []uint16{1, 300}, []uint16{1, 300}},
		{"and never sent", resendGap, []uint16{1, 2, 3}, []uint16{1}},
		{"with some that have been there, behind", time.Minute, []uint16{300, 310, 65535, 1, 299}, []uint16{300, 310}},
		{"none", 0, []uint16{}, nil},
	} {
		now = now.Add(c.after)
		if c.after > resendAge {
			send()
		}
		parts, err := rtcp.Unmarshal(p.receiveRTCP(text(c.asked...), now))
		check(t, err)
		var got []uint16
		for _, part := range parts[1:] {
			if n, ok := part.(*rtcp.TransportLayerNack); ok {
				for i := range n.Nacks {
					got = append(got, n.Nacks[i].PacketList()...)
				}
			}
		}
		if !slices.Equal(got, c.damped) {
			t.Errorf("asked for %d, %s: %d are sent again, want %d", c.asked, c.what, got, c.damped)
		}
	}
	if got := p.counters.nacks.Load(); got != 18 {
		t.Errorf("%d askings counted", got)
	}
}

func TestHostilePackets(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	for _, b := range [][]byte{nil, {0x80}, {0x80, 0xc8}, {0x80, 0xce, 0, 0}, {0xff, 0xce, 0xff, 0xff, 1, 2, 3, 4},
		{0x84, 0xce, 0, 1, 0, 0, 0, 1}, {0x81, 0xcd, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}, make([]byte, 2000)} {
		d.receiveRTCP(b, d.made)
		d.received(b)
	}
	await(t, d.keyFrame, "key frame for a FIR without its entries")
	d.speak(t, f)
}

func FuzzReceived(f *testing.F) {
	f.Add([]byte{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 2}, []byte{0x84, 0xce, 0, 1, 0, 0, 0, 1})
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 5, 10, 0, 160}, []byte{0x81, 0xc9, 0, 7})
	f.Fuzz(func(t *testing.T, rtp, control []byte) {
		p := &Peer{config: Config{}.withDefaults(), voice: newVoice(), picture: newPicture()}
		a := &agreement{}
		a.addOwn()
		a.Video = true
		p.agreed.Store(a)
		p.received(rtp)
		p.receiveRTCP(control, p.config.Now())
		p.far.flow()
	})
}

func TestReportsOnTheVoiceArePassedOn(t *testing.T) {
	lost := make(chan float64, 10)
	d := &Peer{
		config: Config{}.withDefaults(), voice: newVoice(), picture: newPicture(),
		events: Events{AudioLost: func(fraction float64) { lost <- fraction }},
	}
	d.voice.ssrc, d.picture.ssrc = 1, 2
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 3, Reports: []rtcp.ReceptionReport{
		{SSRC: 2, FractionLost: 255}, {SSRC: 1, FractionLost: 64}, {SSRC: 9, FractionLost: 1},
	}}})
	check(t, err)
	d.receiveRTCP(b, time.Now())
	if got := await(t, lost, "report"); got != 0.25 {
		t.Errorf("%v of the voice lost", got)
	}
	none(t, lost, "report on something else")
}

// TestAnEstimateNobodyAskedForCountsForNothing: REMB (draft-alvestrand-rmcat-remb-03) is neither offered nor agreed to by the door, so nobody
// may send it (RFC 4585 section 4.2). Chromium does all the same, and without the header extension that its estimate is made from it
// says far too little.
func TestAnEstimateNobodyAskedForCountsForNothing(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	await(t, d.keyFrame, "first request")
	drain(d.keyFrame)
	f.tell(&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 131_072, SSRCs: []uint32{d.picture.ssrc}},
		&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: d.picture.ssrc})
	await(t, d.keyFrame, "key frame request behind it")
	if link := fmt.Sprintf("%+v", d.Link()); strings.Contains(link, "131072") {
		t.Errorf("it is believed: %s", link)
	}
}
