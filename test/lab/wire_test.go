package lab_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"doorstation/test/lab"
)

// echo listens at the lab's side for UDP and TCP and gives everything back.
func echo(t *testing.T) (udp, tcp string) {
	t.Helper()
	p, err := net.ListenPacket("udp4", net.JoinHostPort(lab.Addr, "0"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", net.JoinHostPort(lab.Addr, "0"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{}, 2)
	accepted := make(chan net.Conn, 1)
	go func() {
		defer func() { ended <- struct{}{} }()
		buf := make([]byte, 2048)
		for {
			n, from, readErr := p.ReadFrom(buf)
			if readErr != nil {
				return
			}
			if _, readErr = p.WriteTo(buf[:n], from); readErr != nil {
				return
			}
		}
	}()
	go func() {
		defer func() { ended <- struct{}{} }()
		c, acceptErr := l.Accept()
		if acceptErr != nil {
			return
		}
		accepted <- c
		_, _ = io.Copy(c, c) // ends with the test
	}()
	t.Cleanup(func() {
		_ = p.Close()
		_ = l.Close()
		select {
		case c := <-accepted: // its other side's goodbye may be lost with the wire
			_ = c.Close()
		default:
		}
		<-ended
		<-ended
	})
	return p.LocalAddr().String(), l.Addr().String()
}

// connect connects from the far network.
func connect(t *testing.T, a *lab.Network, network, to string) net.Conn {
	t.Helper()
	var c net.Conn
	err := a.Do(func() (err error) {
		c, err = net.DialTimeout(network, to, soon)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ping sends one datagram and tells how long its echo took; 0 when none came in time.
func ping(t *testing.T, c net.Conn, limit time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := c.Write([]byte(began.String())); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(began.Add(limit)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	for {
		n, err := c.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) == began.String() { // not a late one
			return time.Since(began)
		}
	}
}

func TestAWireCarriesSignallingAndMediaWholeAndLate(t *testing.T) {
	udp, tcp := echo(t)
	a := lab.NewFarNetwork(t, "garden")

	c := connect(t, a, "udp", udp)
	if host, _, err := net.SplitHostPort(c.LocalAddr().String()); err != nil || host != a.Addr {
		t.Errorf("what is far has the address %v, want %s (%v)", c.LocalAddr(), a.Addr, err)
	}
	if took := ping(t, c, soon); took == 0 {
		t.Fatal("nothing comes back over a clean wire")
	}
	a.Wire.Both(lab.Weather{Delay: 100 * time.Millisecond, Jitter: 20 * time.Millisecond})
	if took := ping(t, c, soon); took < 200*time.Millisecond {
		t.Errorf("an echo over a wire of 100 ms each way took %v", took)
	}
	a.Wire.Mend()

	s := connect(t, a, "tcp", tcp)
	sent := make([]byte, 3<<20)
	_, _ = rand.Read(sent) // never fails
	got := make([]byte, len(sent))
	failed := make(chan error, 1)
	go func() {
		_, err := s.Write(sent)
		failed <- err
	}()
	if err := s.SetReadDeadline(time.Now().Add(4 * soon)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, got); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(sent, got) {
		t.Error("the wire has changed what it carried")
	}
}

func TestAWireLosesAndIsABlackHole(t *testing.T) {
	udp, tcp := echo(t)
	a := lab.NewFarNetwork(t, "garden")
	c := connect(t, a, "udp", udp)
	s := connect(t, a, "tcp", tcp)

	a.Wire.Cut()
	if took := ping(t, c, 300*time.Millisecond); took != 0 {
		t.Errorf("an echo came through a black hole after %v", took)
	}
	if _, err := s.Write([]byte("x")); err != nil {
		t.Errorf("a black hole says something to a connection: %v", err)
	}
	a.Wire.Mend()
	if err := s.SetReadDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
		t.Errorf("a connection over a wire that was mended: %v", err)
	}

	before := a.Wire.Traffic()
	a.Wire.Set(lab.Weather{}, lab.Weather{Loss: 0.2})
	const sent = 1000
	for range sent {
		if _, err := c.Write([]byte("y")); err != nil {
			t.Fatal(err)
		}
	}
	// Binomial: 200 with a deviation of 13.
	lab.Eventually(t, soon, "all have passed or are lost", func() bool {
		n := a.Wire.Traffic()
		return n.FromFar-before.FromFar+n.Lost-before.Lost >= sent
	})
	if lost := a.Wire.Traffic().Lost - before.Lost; lost < 100 || lost > 300 {
		t.Errorf("of %d packets %d were lost at 20 %%", sent, lost)
	}
}
