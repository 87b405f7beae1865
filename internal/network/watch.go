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
	"golang.org/x/sys/unix"
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
	known := news{addresses: map[string]int{}, links: map[int]net.Flags{}}
	var rest <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case u, ok := <-addresses:
			if !ok {
				return ended(ctx)
			}
			if !known.ofAddress(u) {
				continue
			}
		case u, ok := <-links:
			if !ok {
				return ended(ctx)
			}
			if !known.ofLink(int(u.Index), u.Link.Attrs().Flags, u.Header.Type == unix.RTM_DELLINK) {
				continue
			}
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

// news tells changes from messages that say again what is known: of a link because its counters or its name are told, of an address
// because a router or the DHCP server renewed it, every few minutes.
type news struct {
	addresses map[string]int    // by link and prefix: the flags that tell whether it can be used
	links     map[int]net.Flags // by index
}

func (n news) ofAddress(u netlink.AddrUpdate) bool {
	key := fmt.Sprintf("%d %s", u.LinkIndex, u.LinkAddress.String())
	if !u.NewAddr {
		delete(n.addresses, key)
		return true
	}
	now := u.Flags & (unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_DEPRECATED)
	before, known := n.addresses[key]
	n.addresses[key] = now
	return !known || before != now
}

func (n news) ofLink(index int, flags net.Flags, gone bool) bool {
	if gone {
		delete(n.links, index)
		return true
	}
	now := flags & (net.FlagUp | net.FlagRunning)
	before, known := n.links[index]
	n.links[index] = now
	return !known || before != now
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
