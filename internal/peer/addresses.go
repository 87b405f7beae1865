package peer

import (
	"net"
	"slices"
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
