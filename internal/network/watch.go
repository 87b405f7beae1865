// Package network tells what the machine's network is and when it changes. Nothing of it knows SIP or ICE.
package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
)

// settle lets a change come to rest: a Wi-Fi roam is several messages within a moment.
const settle = 300 * time.Millisecond

// errEnded says that the kernel's messages stopped coming.
var errEnded = errors.New("the rtnetlink subscription ended")

// Addresses lists the machine's addresses with their prefix lengths, in order, without loopback and IPv6 link-local ones.
func Addresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []string
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if ok && !n.IP.IsLoopback() && (n.IP.To4() != nil || !n.IP.IsLinkLocalUnicast()) {
			list = append(list, n.String())
		}
	}
	slices.Sort(list)
	return list
}

// Watch calls changed a moment after each change of an address or of a link's state (rtnetlink), from its own goroutine, until
// ctx ends. An error means that it cannot watch any more.
func Watch(ctx context.Context, changed func()) error {
	done := make(chan struct{})
	addresses, links := make(chan netlink.AddrUpdate), make(chan netlink.LinkUpdate)
	if err := netlink.AddrSubscribe(addresses, done); err != nil {
		close(done)
		return fmt.Errorf("network: watch addresses: %w", err)
	}
	defer drain(addresses)
	if err := netlink.LinkSubscribe(links, done); err != nil {
		close(done)
		return fmt.Errorf("network: watch links: %w", err)
	}
	defer drain(links)
	defer close(done)
	state := map[int]uint32{} // of each link, as traffic counters are told of as well
	var rest <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-addresses:
			if !ok {
				return ended(ctx)
			}
		case u, ok := <-links:
			if !ok {
				return ended(ctx)
			}
			const telling = net.FlagUp | net.FlagRunning
			now := uint32(u.Link.Attrs().Flags & telling)
			if before, known := state[int(u.Index)]; known && before == now {
				continue
			}
			state[int(u.Index)] = now
		case <-rest:
			rest = nil
			changed()
			continue
		}
		if rest == nil {
			rest = time.After(settle)
		}
	}
}

func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("network: %w", errEnded)
}

// drain waits for the end of a subscription, which closes its channel.
func drain[T any](updates <-chan T) {
	for range updates {
	}
}
