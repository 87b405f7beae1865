package lab

import (
	"fmt"
	"strconv"
)

// Wall stands around a network and lets no UDP pass but coturn's: whoever is inside can signal by TCP, and has no way for media
// but a relay.
type Wall struct{ table string }

// Wall puts one up until the test ends.
func (n *Network) Wall(t T) *Wall {
	t.Helper()
	w := &Wall{table: "inet wall-" + n.Name}
	nft(t, "add table "+w.table)
	t.Cleanup(func() { nft(t, "delete table "+w.table) })
	for _, c := range []struct{ name, hook, rule string }{
		{"leaving", "input", fmt.Sprintf("iifname %s udp dport != %d", n.Interface(), turnPort)},
		{"coming", "output", fmt.Sprintf("oifname %s udp sport != %d", n.Interface(), turnPort)},
		{"through", "forward", fmt.Sprintf("iifname %s meta l4proto udp", n.Interface())},
		{"back", "forward", fmt.Sprintf("oifname %s meta l4proto udp", n.Interface())},
	} {
		nft(t, fmt.Sprintf("add chain %s %s { type filter hook %s priority 0; }", w.table, c.name, c.hook))
		nft(t, fmt.Sprintf("add rule %s %s %s counter drop", w.table, c.name, c.rule))
	}
	return w
}

// Stopped is the number of packets from inside that the wall has stopped so far.
func (w *Wall) Stopped(t T) int {
	t.Helper()
	sum := 0
	for _, chain := range []string{"leaving", "through"} {
		m := dropCounter.FindStringSubmatch(nft(t, "list chain "+w.table+" "+chain))
		if m == nil {
			t.Fatalf("lab: nft does not tell its counter")
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatalf("lab: %v", err)
		}
		sum += n
	}
	return sum
}
