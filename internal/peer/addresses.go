package peer

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
)

// machineAddresses lists the machine's addresses that offers could name, in order.
func machineAddresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && usableIP(n.IP) && !n.IP.IsLoopback() {
			list = append(list, n.String())
		}
	}
	slices.Sort(list)
	return list
}

// watchAddresses calls changed some time after each change of addresses (rtnetlink), until ctx ends. An error means that it
// cannot watch.
func watchAddresses(ctx context.Context, changed func()) error {
	updates, done := make(chan netlink.AddrUpdate), make(chan struct{})
	if err := netlink.AddrSubscribe(updates, done); err != nil {
		return fmt.Errorf("peer: netlink: %w", err)
	}
	defer func() {
		close(done)
		for range updates { // closed when the subscription has ended
		}
	}()
	var settle <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-updates:
			if !ok {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("peer: netlink: %w", net.ErrClosed)
			}
			if settle == nil {
				settle = time.After(addressPause)
			}
		case <-settle:
			settle = nil
			changed()
		}
	}
}
