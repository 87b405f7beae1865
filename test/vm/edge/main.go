// Command edge presses the bell of the machine that it runs on and waits for the INVITE that this makes. It prints, in nanoseconds since 1970 by
// the machine's own clock, when it began to move the line, when that was done, and when the kernel handed the packet with the INVITE to the network.
//
// The kernel stamps the edge while the line is being moved: between the first two times.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// held is how long the button is held down.
	held = 200 * time.Millisecond
	// limit is for the INVITE.
	limit = time.Minute
)

var errNoInvite = errors.New("edge: there was no INVITE")

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: edge /sys/devices/.../sim_gpio17/pull")
		os.Exit(2)
	}
	if err := press(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func press(pull string) error {
	every := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	packets, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(every))
	if err != nil {
		return fmt.Errorf("edge: packet socket: %w", err)
	}
	defer func() { _ = unix.Close(packets) }()
	wait := unix.NsecToTimeval(int64(limit))
	err = errors.Join(
		unix.SetsockoptInt(packets, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(packets, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
	)
	if err != nil {
		return fmt.Errorf("edge: packet socket: %w", err)
	}
	began := time.Now()
	if err = os.WriteFile(pull, []byte("pull-down"), 0); err != nil {
		return err
	}
	moved := time.Now()
	released := make(chan error, 1)
	time.AfterFunc(held, func() { released <- os.WriteFile(pull, []byte("pull-up"), 0) })
	sent, err := invite(packets, began.Add(limit))
	if err = errors.Join(err, <-released); err != nil {
		return err
	}
	fmt.Println(began.UnixNano(), moved.UnixNano(), sent)
	return nil
}

// invite is when the next packet with an INVITE left.
func invite(packets int, until time.Time) (int64, error) {
	packet, control := make([]byte, 1<<16), make([]byte, 256)
	for time.Now().Before(until) {
		n, nc, _, from, err := unix.Recvmsg(packets, packet, control, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %w", errNoInvite, err)
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if !ok || link.Pkttype != unix.PACKET_OUTGOING || !isInvite(payload(packet[:n])) {
			continue
		}
		return stamp(control[:nc])
	}
	return 0, errNoInvite
}

// stamp is the kernel's time of a packet.
func stamp(control []byte) (int64, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0, err
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return int64(binary.NativeEndian.Uint64(m.Data))*1e9 + int64(binary.NativeEndian.Uint64(m.Data[8:])), nil
		}
	}
	return 0, errors.New("edge: the packet has no time")
}

// payload is what a TCP packet over IPv4 and Ethernet carries, nil for another one.
func payload(p []byte) []byte {
	const ethernet, ip, tcp = 14, 20, 20
	if len(p) < ethernet+ip+tcp || binary.BigEndian.Uint16(p[12:]) != unix.ETH_P_IP || p[ethernet]>>4 != 4 || p[ethernet+9] != unix.IPPROTO_TCP {
		return nil
	}
	p = p[ethernet:]
	p = p[min(len(p), int(p[0]&15)*4):]
	if len(p) < tcp {
		return nil
	}
	return p[min(len(p), int(p[12]>>4)*4):]
}

// isInvite reports whether these bytes begin a WebSocket's masked frame (RFC 6455, 5.2) with an INVITE in it.
func isInvite(b []byte) bool {
	const method = "INVITE "
	if len(b) < 2 || b[1]&0x80 == 0 {
		return false
	}
	at := 2
	switch b[1] & 0x7f {
	case 126:
		at += 2
	case 127:
		at += 8
	}
	if len(b) < at+4+len(method) {
		return false
	}
	key, text := b[at:at+4], b[at+4:]
	for i := range len(method) {
		if text[i]^key[i%4] != method[i] {
			return false
		}
	}
	return true
}
