package peer

import (
	"log/slog"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// machineAddresses lists the machine's addresses that offers could name, with their prefix lengths, in order.
func machineAddresses(loopback bool) []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && usableIP(n.IP) && (loopback || !n.IP.IsLoopback()) {
			list = append(list, n.String())
		}
	}
	slices.Sort(list)
	return list
}

// has tells whether an address is among those listed.
func has(addresses []string, one string) bool {
	ip := net.ParseIP(one)
	return slices.ContainsFunc(addresses, func(a string) bool {
		listed, _, err := net.ParseCIDR(a)
		return err == nil && listed.Equal(ip)
	})
}

// lasting returns which addresses of the interfaces that are included offers may name: not those the kernel would not begin with
// either, as they are about to go (deprecated, RFC 4862 section 5.5.4) or not yet known to be the machine's alone; and IPv4
// link-local ones only where there is nothing else.
func lasting(log *slog.Logger, include func(string) bool) func(net.IP) bool {
	const fading = unix.IFA_F_DEPRECATED | unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	usable := withoutLinkLocal(addressesOf(include))
	all, err := netlink.AddrList(nil, netlink.FAMILY_V6)
	if err != nil {
		log.Debug("addresses are not told apart by their age", "error", err)
		return usable
	}
	var avoid []net.IP
	for _, a := range all {
		if a.Flags&fading != 0 {
			avoid = append(avoid, a.IP)
		}
	}
	return func(ip net.IP) bool { return usable(ip) && !slices.ContainsFunc(avoid, ip.Equal) }
}

// addressesOf lists the addresses of the interfaces that are included.
func addressesOf(include func(string) bool) []net.IP {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var list []net.IP
	for _, i := range interfaces {
		addrs, gone := i.Addrs()
		if gone != nil || !include(i.Name) {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				list = append(list, n.IP)
			}
		}
	}
	return list
}

// withoutLinkLocal returns which of the addresses are of use: an IPv4 link-local one (RFC 3927) is what an interface that found no
// DHCP server gives itself, and leads nowhere, unless no other IPv4 address is there.
func withoutLinkLocal(all []net.IP) func(net.IP) bool {
	other := slices.ContainsFunc(all, func(ip net.IP) bool { return ip.To4() != nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() })
	return func(ip net.IP) bool { return usableIP(ip) && (!other || !ip.IsLinkLocalUnicast()) }
}
