package peer

import (
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/pion/webrtc/v4"
)

// recorder is a socket that keeps what leaves it, as somebody on the way could.
type recorder struct {
	net.PacketConn
	mu   sync.Mutex
	sent [][]byte
	to   net.Addr
}

// WriteTo implements net.PacketConn.
func (r *recorder) WriteTo(b []byte, to net.Addr) (int, error) {
	// RTP and RTCP, and not what sets the call up (RFC 7983 section 7).
	if len(b) > 0 && b[0] >= 128 && b[0] <= 191 {
		r.mu.Lock()
		r.sent, r.to = append(r.sent, append([]byte(nil), b...)), to
		r.mu.Unlock()
	}
	return r.PacketConn.WriteTo(b, to)
}

// again sends what was recorded once more.
func (r *recorder) again(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sent) == 0 {
		t.Error("nothing was recorded")
	}
	for _, b := range r.sent {
		if _, err := r.PacketConn.WriteTo(b, r.to); err != nil {
			t.Error(err)
		}
	}
}

// TestDigitsThatAreReplayed by somebody who has recorded the packets of a code open nothing: a code of four, and more digits than are remembered.
func TestDigitsThatAreReplayed(t *testing.T) {
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	thief := &recorder{PacketConn: socket}
	mux := webrtc.NewICEUDPMux(nil, thief)
	d := newDoor(t, Config{})
	f := newFar(t, "audio/telephone-event", func(s *webrtc.SettingEngine) { s.SetICEUDPMux(mux) })
	_, err = d.SetAnswer(f.answer(d.Offer()))
	check(t, err)
	await(t, d.up, "connection")
	await(t, f.up, "connection of the far end")
	const typed = eventMemory + 4
	for i := range typed {
		f.say(uint16(i), uint32(i)*8000, event(uint8(i%10), true, 800))
		if r := await(t, d.digits, "digit"); r != rune('0'+i%10) {
			t.Fatalf("digit %c", r)
		}
	}
	thief.again(t)
	thief.again(t)
	f.say(typed, typed*8000, event(10, true, 800))
	if r := await(t, d.digits, "digit after the replay"); r != '*' {
		t.Errorf("a digit is heard again: %c", r)
	}
	if s := d.Stats(); s.Digits != typed+1 {
		t.Errorf("%d digits counted, %d typed", s.Digits, typed+1)
	}
	check(t, f.pc.GracefulClose())
	if err = errors.Join(mux.Close(), socket.Close()); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
