package lab

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// asteriskRTP is where an Asterisk with the usual [Ports] receives media: to lose on the way to it is to lose from the door
// and from the popup.
var asteriskRTP = PortRange{10000, 20000}

// Loss is packet loss that a test asked for.
type Loss struct{ removed bool }

// Lose drops the given share of the UDP packets to the given ports (default: those of Asterisk's media) at random, until
// [Loss.Stop] or the end of the test. Only one loss at a time.
func Lose(t T, percent float64, ports ...PortRange) *Loss {
	t.Helper()
	if len(ports) == 0 {
		ports = []PortRange{asteriskRTP}
	}
	ranges := make([]string, len(ports))
	for i, p := range ports {
		ranges[i] = fmt.Sprintf("%d-%d", p.From, p.To)
	}
	nft(t, "add table inet lab")
	// On the way in: a packet dropped on the way out would give its sender an error, which a lossy network does not.
	nft(t, "add chain inet lab in { type filter hook input priority 0; }")
	nft(t, fmt.Sprintf("add rule inet lab in udp dport { %s } numgen random mod 10000 < %d counter drop",
		strings.Join(ranges, ", "), int(percent*100)))
	l := &Loss{}
	t.Cleanup(func() { l.Stop(t) })
	return l
}

var dropCounter = regexp.MustCompile(`counter packets (\d+)`)

// Dropped is the number of packets lost so far.
func (l *Loss) Dropped(t T) int {
	t.Helper()
	if l.removed {
		return 0
	}
	m := dropCounter.FindStringSubmatch(nft(t, "list table inet lab"))
	if m == nil {
		t.Fatalf("lab: nft does not tell its counter")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	return n
}

// Stop ends the loss.
func (l *Loss) Stop(t T) {
	t.Helper()
	if !l.removed {
		nft(t, "delete table inet lab")
		l.removed = true
	}
}

func nft(t T, command string) string {
	t.Helper()
	path, err := exec.LookPath("nft")
	if err != nil {
		path = "/usr/sbin/nft" // not in everybody's PATH
	}
	out, err := exec.Command(path, command).CombinedOutput()
	if err != nil {
		t.Fatalf("lab: nft %s: %v: %s", command, err, out)
	}
	return string(out)
}

// SilentSTUN listens where a STUN server would and never answers. It returns "address:port".
func SilentSTUN(t T) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", net.JoinHostPort(Addr, "0"))
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	// What is sent here waits in the socket's buffer until that is full, then is dropped: no ICMP, no answer.
	t.Cleanup(func() { _ = c.Close() })
	return c.LocalAddr().String()
}

// TURN is a running coturn.
type TURN struct {
	Addr               string // "address:port", UDP and TCP
	Username, Password string
}

// URL is the server's address for an RTCIceServer; transport is "udp" or "tcp".
func (s *TURN) URL(transport string) string { return "turn:" + s.Addr + "?transport=" + transport }

// StartTURN runs coturn on [Addr] until the test ends.
func StartTURN(t T) *TURN {
	t.Helper()
	s := &TURN{Addr: net.JoinHostPort(Addr, "3478"), Username: "lab", Password: "lab-turn-secret"}
	dir := Out(t)
	p := Start(t, "turn", Command{Path: source("run-in-root.sh"), Args: []string{
		filepath.Join(Cache(), "asterisk"), "usr/bin/turnserver", "-n",
		"--listening-ip=" + Addr, "--relay-ip=" + Addr, "--listening-port=3478", "--min-port=40000", "--max-port=40999",
		"--user=" + s.Username + ":" + s.Password, "--realm=lab", "--lt-cred-mech", "--no-tls",
		"--log-file=stdout", "--simple-log", "--pidfile=" + filepath.Join(dir, "turn.pid"), "--userdb=" + filepath.Join(dir, "turn.db"),
	}})
	Eventually(t, 10*time.Second, "coturn listens", func() bool {
		select {
		case <-p.Done():
			t.Fatalf("lab: coturn ended:\n%s", Tail(p.Output(), 20))
		default:
		}
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return s
}
