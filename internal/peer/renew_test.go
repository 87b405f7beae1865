package peer

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// talkingBoth makes sure that sound goes both ways, with what is sent from now on.
func talkingBoth(t *testing.T, d *door, f *far, seq uint16) {
	t.Helper()
	drain(f.audio)
	drain(d.sound)
	d.speak(t, f)
	d.listenTo(t, f, seq)
}

func TestRestartByTheDoor(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	first := d.speak(t, f)
	for round := range 3 {
		before, session := d.local, d.inUse.Load()
		offer, err := d.Renew(t.Context(), Renewal{Restart: true})
		check(t, err)
		o, err := readSDP(offer)
		check(t, err)
		s := o.media[0]
		if s.ufrag == before.ufrag || s.pwd == before.pwd || s.fingerprints[0].String() != before.fingerprint || s.setup != "actpass" || len(s.candidates) == 0 {
			t.Errorf("round %d: offer\n%s", round, offer)
		}
		// The path there is goes on, and everybody else has to wait.
		talkingBoth(t, d, f, uint16(1000*round+1000))
		if d.inUse.Load() != session {
			t.Error("the path changed before there is an answer")
		}
		if _, _, err = d.Reoffer(reinvite{}.from(t, f.pc.CurrentLocalDescription().SDP)); !errors.Is(err, ErrState) {
			t.Errorf("a re-offer that crosses ours: %v", err)
		}
		if _, err = d.Renew(t.Context(), Renewal{Restart: true}); !errors.Is(err, ErrState) {
			t.Errorf("a second renewal: %v", err)
		}
		n, err := d.Renewed(f.answer(offer))
		check(t, err)
		if !n.Video || !n.AudioSend || !n.AudioReceive {
			t.Errorf("round %d: %+v", round, n)
		}
		await(t, d.inUse.Load().up, "pair")
		talkingBoth(t, d, f, uint16(1000*round+1500))
		last := d.speak(t, f)
		if last.SSRC != first.SSRC || int16(last.SequenceNumber-first.SequenceNumber) <= 0 {
			t.Errorf("round %d: the stream began anew: %v after %v", round, last, first)
		}
		first = last
		check(t, d.WriteVideo(idr, 0))
		await(t, f.video, "picture")
	}
	none(t, d.failed, "failure")
	none(t, d.up, "connected once more")
}

func TestRestartThatIsRefused(t *testing.T) {
	d, f, _ := call(t, Config{}, nil)
	path := d.inUse.Load()
	for round := range 2 {
		_, err := d.Renew(t.Context(), Renewal{Restart: true})
		check(t, err)
		d.Withdraw()
		if _, err = d.Renewed(""); !errors.Is(err, ErrState) {
			t.Errorf("an answer after the end: %v", err)
		}
		talkingBoth(t, d, f, uint16(1000*round+1000))
	}
	answer := f.pc.LocalDescription().SDP
	for name, bad := range map[string]string{
		"nothing": "", "another certificate": strings.ReplaceAll(answer, "a=fingerprint:sha-256 ", "a=fingerprint:sha-512 "+strings.Repeat("00:", 32)),
	} {
		_, err := d.Renew(t.Context(), Renewal{Restart: true})
		check(t, err)
		if _, err = d.Renewed(bad); err == nil {
			t.Errorf("%s is taken for an answer", name)
		}
	}
	if d.inUse.Load() != path {
		t.Error("the path is another")
	}
	// What was refused has left no trace: re-offers are answered with what holds, and a later restart works.
	text, _, err := d.Reoffer(reinvite{}.from(t, answer))
	check(t, err)
	if !strings.Contains(text, "a=ice-ufrag:"+path.ufrag) {
		t.Errorf("other credentials:\n%s", text)
	}
	d.Withdraw() // of nothing
	offer, err := d.Renew(t.Context(), Renewal{Restart: true})
	check(t, err)
	_, err = d.Renewed(f.answer(offer))
	check(t, err)
	talkingBoth(t, d, f, 5000)
}

func TestRenewEndsWithItsContextAndItsPeer(t *testing.T) {
	d := newDoor(t, Config{})
	if _, err := d.Renew(t.Context(), Renewal{Restart: true}); !errors.Is(err, ErrState) {
		t.Errorf("before the answer: %v", err)
	}
	f := newFar(t, webrtc.MimeTypeOpus)
	_, err := d.SetAnswer(f.answer(d.Offer()))
	check(t, err)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err = d.Renew(ctx, Renewal{Restart: true}); err != nil && !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	d.Withdraw()
	_, err = d.Renew(t.Context(), Renewal{Restart: true})
	check(t, err)
	check(t, d.Close())
	if _, err = d.Renewed(""); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err = d.Renew(t.Context(), Renewal{Restart: true}); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

// wire is a socket whose packets can be lost, both ways.
type wire struct {
	net.PacketConn
	cut *atomic.Bool
}

func (w wire) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := w.PacketConn.ReadFrom(b)
		if err != nil || !w.cut.Load() {
			return n, from, err
		}
	}
}

func (w wire) WriteTo(b []byte, to net.Addr) (int, error) {
	if w.cut.Load() {
		return len(b), nil
	}
	return w.PacketConn.WriteTo(b, to)
}

// callOnWire is a call whose packets can be lost.
func callOnWire(t *testing.T) (d *door, f *far, cut *atomic.Bool) {
	t.Helper()
	cut = &atomic.Bool{}
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: wire{socket, cut}})
	d, f = newDoor(t, Config{}), newFar(t, webrtc.MimeTypeOpus, func(s *webrtc.SettingEngine) {
		s.SetICEUDPMux(mux)
		s.SetICETimeouts(60_000_000_000, 60_000_000_000, 1_000_000_000)
	})
	t.Cleanup(func() { check(t, mux.Close()) })
	_, err = d.SetAnswer(f.answer(d.Offer()))
	check(t, err)
	await(t, d.up, "connection")
	await(t, f.up, "connection of the far end")
	return d, f, cut
}

func TestSilenceIsToldAndMayEnd(t *testing.T) {
	d, f, cut := callOnWire(t)
	talkingBoth(t, d, f, 1)
	path := d.inUse.Load()
	cut.Store(true)
	for range 2 { // again while it lasts
		if reason := await(t, d.trouble, "word of the silence"); !strings.Contains(reason, "nothing was heard") {
			t.Errorf("%q", reason)
		}
	}
	cut.Store(false)
	talkingBoth(t, d, f, 1000)
	if d.inUse.Load() != path {
		t.Error("the path changed")
	}
	none(t, d.failed, "failure")
}

func TestSilenceEndsInARestart(t *testing.T) {
	d, f, cut := callOnWire(t)
	talkingBoth(t, d, f, 1)
	cut.Store(true)
	await(t, d.trouble, "word of the silence")
	offer, err := d.Renew(t.Context(), Renewal{Restart: true})
	check(t, err)
	answer := f.answer(offer) // the signalling gets through
	cut.Store(false)
	_, err = d.Renewed(answer)
	check(t, err)
	talkingBoth(t, d, f, 1000)
	none(t, d.failed, "failure")
}

func TestAddressThatGoesAway(t *testing.T) {
	d, f, _ := call(t, Config{}, nil)
	talkingBoth(t, d, f, 1)
	real := d.pool.current
	var now atomic.Pointer[[]string]
	d.pool.current = func(loopback bool) []string {
		if list := now.Load(); list != nil {
			return *list
		}
		return real(loopback)
	}
	d.pool.AddressesChanged() // a message about nothing that matters
	now.Store(&[]string{"192.0.2.1/24", "127.0.0.1/8"})
	d.pool.AddressesChanged() // one more: none of a call that is direct
	now.Store(&[]string{"192.0.2.1/24"})
	d.pool.AddressesChanged()
	if reason := await(t, d.trouble, "word of the address"); !strings.Contains(reason, "127.0.0.1 is gone") {
		t.Errorf("%q", reason)
	}
	none(t, d.trouble, "word of something else")
	now.Store(nil)
	offer, err := d.Renew(t.Context(), Renewal{Restart: true})
	check(t, err)
	_, err = d.Renewed(f.answer(offer))
	check(t, err)
	talkingBoth(t, d, f, 1000)
	d.pool.AddressesChanged()
	none(t, d.failed, "failure")
	check(t, d.Close())
	if len(d.pool.taken) != 0 {
		t.Error("the pool still knows a peer that is closed")
	}
}
