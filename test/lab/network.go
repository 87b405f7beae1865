package lab

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
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
