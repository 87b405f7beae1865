package peer

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
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
	seq, ts := first.SequenceNumber, first.Timestamp
	for i, p := 0, first; i < firstSets; i++ {
		if i > 0 {
			p, seq = await(t, f.video, "parameter sets"), seq+1
		}
		if p.Payload[0]&0x1F != naluSTAPA || p.SequenceNumber != seq || p.Timestamp != ts {
			t.Fatalf("packet %d: %v; the first may get lost, so the parameter sets (STAP-A) come %d times", i, p, firstSets)
		}
	}
	packets := 0
	for marks := 0; marks < 2; {
		p := await(t, f.video, "rest of the picture")
		if p.SequenceNumber != seq+1 {
			t.Fatalf("sequence number %d after %d", p.SequenceNumber, seq)
		}
		seq = p.SequenceNumber
		packets++
		if p.Marker {
			if packets < leastPackets {
				t.Errorf("picture %d comes in %d packets", marks, packets)
			}
			packets = 0
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

func TestWrongCertificateIsNoCall(t *testing.T) {
	d, f := newDoor(t, Config{}), newFar(t, webrtc.MimeTypeOpus)
	answer := f.answer(d.Offer())
	i := strings.Index(answer, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	other := "00"
	if answer[i:i+2] == other {
		other = "01"
	}
	_, err := d.SetAnswer(strings.ReplaceAll(answer, answer[i:i+5], other+answer[i+2:i+5]))
	check(t, err)
	if err = await(t, d.failed, "failure"); !errors.Is(err, ErrDTLSFailed) {
		t.Errorf("%v", err)
	}
	none(t, d.up, "connected to somebody else")
}

func TestNothingLeavesBeforeTheConnection(t *testing.T) {
	d := newDoor(t, Config{Video: true})
	check(t, d.WriteAudio([]byte{1}, 20*time.Millisecond))
	check(t, d.WriteVideo(idr, 0))
	f := newFar(t, webrtc.MimeTypeOpus)
	if _, _, err := d.Reoffer(""); !errors.Is(err, ErrState) {
		t.Errorf("re-offer before the answer: %v", err)
	}
	_, err := d.SetAnswer("v=0\r\n")
	if !errors.Is(err, ErrSDP) {
		t.Errorf("%v", err)
	}
	_, err = d.SetAnswer(f.answer(d.Offer())) // the offer still stands
	check(t, err)
	if _, err = d.SetAnswer(""); !errors.Is(err, ErrState) {
		t.Errorf("second answer: %v", err)
	}
	check(t, d.WriteAudio([]byte{1}, 20*time.Millisecond))
	check(t, d.Close()) // while it connects
	if s := d.Stats(); s.AudioSent.Packets+s.VideoSent.Packets != 0 {
		t.Errorf("%+v", s)
	}
	if _, _, err = d.Reoffer(""); !errors.Is(err, ErrClosed) {
		t.Errorf("re-offer after the end: %v", err)
	}
	if err = errors.Join(d.WriteAudio([]byte{1}, 0), d.WriteVideo(idr, 0)); err != nil {
		t.Errorf("write after the end: %v", err)
	}
}

func TestTimestampsOfTheVoice(t *testing.T) {
	var now atomic.Int64 // time is the test's
	now.Store(time.Now().UnixNano())
	d, f, _ := call(t, Config{Now: func() time.Time { return time.Unix(0, now.Load()) }}, nil)
	first := d.speak(t, f)
	d.Peer.voice.mu.Lock()
	ts, seq := d.Peer.voice.next, d.Peer.voice.sequence
	d.Peer.voice.mu.Unlock()
	if !first.Marker {
		t.Error("the first packet begins no talk spurt")
	}
	for _, c := range []struct {
		after  time.Duration
		frame  []byte
		ts     uint32
		marker bool
	}{
		{20 * time.Millisecond, []byte{1}, 0, false},
		{20 * time.Millisecond, []byte{1}, 960, false},
		{20 * time.Millisecond, nil, 0, false},
		{20 * time.Millisecond, []byte{1}, 3 * 960, true},
		{1020 * time.Millisecond, []byte{1}, 4*960 + 48000, true},
		{20 * time.Millisecond, []byte{1}, 5*960 + 48000, false},
	} {
		now.Add(int64(c.after))
		check(t, d.WriteAudio(c.frame, 20*time.Millisecond))
		if c.frame == nil {
			continue
		}
		p := await(t, f.audio, "voice")
		for int16(p.SequenceNumber-seq) < 0 {
			p = await(t, f.audio, "voice") // of the frames that speak sent
		}
		if p.Timestamp != ts+c.ts || p.Marker != c.marker || p.SequenceNumber != seq {
			t.Errorf("after %v: timestamp +%d, marker %v, sequence number %d; want +%d, %v, %d",
				c.after, p.Timestamp-ts, p.Marker, p.SequenceNumber, c.ts, c.marker, seq)
		}
		seq++
	}
}
