package peer

import (
	"testing"
	"time"
)

func TestCallCarriesSoundAndPicture(t *testing.T) {
	d, f, n := call(t, Config{Video: true}, nil)
	if want := (Negotiated{Audio: AudioCodec{"opus", 48000, 2}, AudioSend: true, AudioReceive: true, Video: true, TelephoneEvent: true}); n != want {
		t.Fatalf("negotiated %+v, want %+v", n, want)
	}
	await(t, d.keyFrame, "request for the first key frame")
	d.speak(t, f)
	h := d.listenTo(t, f, 1)
	if h.codec.Name != "opus" || h.pkt.Payload[1] != 9 {
		t.Fatalf("heard %v %v", h.codec, h.pkt)
	}
	check(t, d.WriteVideo(slice, 0)) // no key frame yet: not to be sent
	check(t, d.WriteVideo(idr, 40*time.Millisecond))
	check(t, d.WriteVideo(slice, 80*time.Millisecond))
	first := await(t, f.video, "picture")
	if first.Payload[0]&0x1F != 24 {
		t.Fatalf("the picture begins with NAL type %d, not with the parameter sets (STAP-A)", first.Payload[0]&0x1F)
	}
	seq, ts := first.SequenceNumber, first.Timestamp
	for marks := 0; marks < 2; {
		p := await(t, f.video, "rest of the picture")
		if p.SequenceNumber != seq+1 {
			t.Fatalf("sequence number %d after %d", p.SequenceNumber, seq)
		}
		seq = p.SequenceNumber
		if p.Marker {
			marks++
			if want := ts + uint32(marks-1)*3600; p.Timestamp != want {
				t.Fatalf("timestamp %d of picture %d, want %d", p.Timestamp, marks, want)
			}
		}
	}
	s := d.Stats()
	if s.ICEAt.IsZero() || s.DTLSAt.Before(s.ICEAt) || s.LocalCandidate == "" || s.RemoteCandidate == "" {
		t.Errorf("transport in the statistics: %+v", s)
	}
	if s.VideoSent.Packets < 5 || s.AudioSent.Packets == 0 || s.AudioReceived.Packets == 0 || s.Resent != 0 {
		t.Errorf("counters: %+v", s)
	}
	none(t, d.failed, "failure")
}
