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

// lasting returns which addresses offers may name: not those the kernel would not begin with either, as they are about to go
// (deprecated, RFC 4862 section 5.5.4) or not yet known to be the machine's alone.
func lasting(log *slog.Logger) func(net.IP) bool {
	const fading = unix.IFA_F_DEPRECATED | unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	all, err := netlink.AddrList(nil, netlink.FAMILY_V6)
	if err != nil {
		log.Debug("addresses are not told apart by their age", "error", err)
		return usableIP
	}
	var avoid []net.IP
	for _, a := range all {
		if a.Flags&fading != 0 {
			avoid = append(avoid, a.IP)
		}
	}
	return func(ip net.IP) bool { return usableIP(ip) && !slices.ContainsFunc(avoid, ip.Equal) }
}
