package lab

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// Shape makes what leaves the network pass a bottleneck, as behind a slow uplink or a bad Wi-Fi: so many bit/s (the kernel's
// tbf), with a queue in front of it that holds this long a wait and drops what comes beyond. It takes the place of an earlier one.
func (n *Network) Shape(t T, bps int, queue time.Duration) {
	t.Helper()
	n.tc(t, "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", fmt.Sprintf("%dbit", bps),
		"burst", "5kb", "latency", fmt.Sprintf("%dms", queue.Milliseconds()))
}

// Unshape takes the bottleneck away.
func (n *Network) Unshape(t T) {
	t.Helper()
	n.tc(t, "qdisc", "del", "dev", "eth0", "root")
}

// Bottleneck is what has passed a bottleneck and what was dropped there.
type Bottleneck struct{ Bytes, Packets, Dropped int }

var qdiscSent = regexp.MustCompile(`Sent (\d+) bytes (\d+) pkt \(dropped (\d+)`)

// Shaped tells what has passed the bottleneck since it was made.
func (n *Network) Shaped(t T) Bottleneck {
	t.Helper()
	m := qdiscSent.FindStringSubmatch(n.tc(t, "-s", "qdisc", "show", "dev", "eth0"))
	if m == nil {
		t.Fatalf("lab: network %s: tc does not tell its counters", n.Name)
	}
	var v [3]int
	for i := range v {
		var err error
		if v[i], err = strconv.Atoi(m[i+1]); err != nil {
			t.Fatalf("lab: network %s: %v", n.Name, err)
		}
	}
	return Bottleneck{Bytes: v[0], Packets: v[1], Dropped: v[2]}
}

// LoseUDP drops a share of the UDP packets that come from the network, in percent and at random, in place of an earlier share.
func (n *Network) LoseUDP(t T, percent float64) {
	t.Helper()
	table := "inet loss-" + n.Name
	nft(t, "add table "+table)
	nft(t, fmt.Sprintf("add chain %s from { type filter hook prerouting priority -20; }", table))
	nft(t, fmt.Sprintf("flush chain %s from", table))
	nft(t, fmt.Sprintf("add rule %s from iifname %s meta l4proto udp numgen random mod 10000 < %d counter drop",
		table, n.Interface(), int(percent*100)))
	if !n.losing {
		n.losing = true
		t.Cleanup(func() { nft(t, "delete table "+table) })
	}
}

// tc runs the kernel's traffic control in the network.
func (n *Network) tc(t T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tc")
	if err != nil {
		path = "/usr/sbin/tc" // not in everybody's PATH
	}
	c := n.Command(Command{Path: path, Args: args})
	out, err := exec.Command(c.Path, c.Args...).CombinedOutput()
	if err != nil {
		t.Fatalf("lab: network %s: tc %v: %v: %s", n.Name, args, err, out)
	}
	return string(out)
}
