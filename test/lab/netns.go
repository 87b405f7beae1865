package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Network is a network namespace of its own, a house's wire or Wi-Fi: one interface, eth0, whose other end is in the lab's own
// namespace. What is in it reaches the lab at [Addr] and at Gateway, and other networks through the lab, which routes.
type Network struct {
	Name     string
	Addr     string // of eth0, IPv4
	Gateway  string // the lab's end
	Addr6    string // of eth0; no unique local one, which coturn relays to nobody
	Gateway6 string
	// Wire is what lies between the network and the lab when it is a far one: see [NewFarNetwork].
	Wire *Wire

	number int
	leased bool // the address was changed
	losing bool // there is a table for it
	ns     *os.File
	path   string // of ns, for other programs
}

// MaxNetworks is how many networks can be there at once.
const MaxNetworks = 200

// NewNetwork makes a network that lasts until the test ends. A name has at most ten letters and digits.
func NewNetwork(t T, name string) *Network {
	t.Helper()
	return newNetwork(t, name, func(n *Network) (netlink.Link, error) {
		pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: n.Interface()}, PeerName: "eth0", PeerNamespace: netlink.NsFd(n.ns.Fd())}
		return pair, netlink.LinkAdd(pair)
	})
}

// newNetwork makes a network; connect makes eth0 in it and returns the lab's end of the way there.
func newNetwork(t T, name string, connect func(*Network) (netlink.Link, error)) *Network {
	t.Helper()
	n := &Network{Name: name}
	for n.number = 1; ; n.number++ {
		// The kernel gives a name to one socket only, so that two tests at once do not take the same number.
		claim, err := net.Listen("unix", fmt.Sprintf("@doorstation-lab-network-%d", n.number))
		if err == nil {
			t.Cleanup(func() { _ = claim.Close() })
			break
		}
		if n.number == MaxNetworks {
			t.Fatalf("lab: %d networks are there already: %v", MaxNetworks, err)
		}
	}
	n.Gateway = fmt.Sprintf("10.78.%d.1", n.number)
	n.Addr = fmt.Sprintf("10.78.%d.2", n.number)
	n.Gateway6, n.Addr6 = fmt.Sprintf("2001:db8:%d::1", n.number), fmt.Sprintf("2001:db8:%d::2", n.number)
	must := func(err error, doing string) {
		t.Helper()
		if err != nil {
			t.Fatalf("lab: network %s: %s: %v", name, doing, err)
		}
	}
	var err error
	n.ns, err = newNamespace()
	must(err, "namespace")
	n.path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.ns.Fd())
	pair, err := connect(n)
	must(err, "interface")
	t.Cleanup(func() {
		// Everything in the namespace has been stopped by the cleanups before. The pair goes from both sides.
		if err = netlink.LinkDel(pair); err != nil {
			t.Errorf("lab: network %s: %v", name, err)
		}
		_ = n.ns.Close()
	})
	must(setAddresses(pair, n.Gateway+"/24", n.Gateway6+"/64"), "the lab's end")
	for _, file := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
		must(os.WriteFile(file, []byte("1"), 0o644), "routing")
	}
	must(n.Do(func() error {
		lo, inner := netlink.LinkByName("lo")
		if inner != nil {
			return inner
		}
		return netlink.LinkSetUp(lo)
	}), "loopback")
	n.SetAddress(t, n.Addr)
	return n
}

// newNamespace makes a network namespace and returns a handle on it.
func newNamespace() (*os.File, error) {
	type made struct {
		file *os.File
		err  error
	}
	done := make(chan made, 1)
	go func() {
		// The thread is in the new namespace from here on; it ends with the goroutine, as it is not unlocked.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- made{err: fmt.Errorf("%w: %w", ErrNoNamespace, err)}
			return
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		done <- made{f, err}
	}()
	m := <-done
	return m.file, m.err
}

// Do runs f on a thread that is in the network. Sockets that f opens stay there; goroutines that it starts do not.
func (n *Network) Do(f func() error) error { return within(n.ns, f) }

// Command is c run in the network, for [Start] and its like.
func (n *Network) Command(c Command) Command {
	path, err := exec.LookPath("nsenter")
	if err != nil {
		path = "/usr/bin/nsenter"
	}
	// nsenter becomes the program: the process id and its signals stay.
	c.Args = append([]string{"--net=" + n.path, "--", c.Path}, c.Args...)
	c.Path = path
	return c
}

// SetAddress gives eth0 this IPv4 address of the network, 10.78.N.x, and the IPv6 address that ends in the same number, in place of
// those it has, as a lease of another router does. Routes lead to the lab, where nothing else from this network is taken any more: a
// socket that is bound to an address of before goes on sending, as Linux lets it.
func (n *Network) SetAddress(t T, address string) {
	t.Helper()
	ip := net.ParseIP(address).To4()
	if ip == nil || ip[0] != 10 || ip[1] != 78 || int(ip[2]) != n.number || ip[3] < 2 {
		t.Fatalf("lab: network %s: %q is no address in it", n.Name, address)
	}
	if address != n.Addr {
		n.lease(t, address)
	}
	n.Addr, n.Addr6 = address, fmt.Sprintf("2001:db8:%d::%s", n.number, strconv.FormatUint(uint64(ip[3]), 16))
	n.onLink(t, "address", func(eth0 netlink.Link) error {
		if err := setAddresses(eth0, n.Addr+"/24", n.Addr6+"/64"); err != nil {
			return err
		}
		for _, via := range []string{n.Gateway, n.Gateway6} {
			if err := netlink.RouteReplace(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: net.ParseIP(via)}); err != nil {
				return fmt.Errorf("route by %s: %w", via, err)
			}
		}
		return nil
	})
}

// lease makes the lab drop what comes from other addresses than the ones that end in this one's number.
func (n *Network) lease(t T, address string) {
	t.Helper()
	table := "inet lease-" + n.Name
	if !n.leased {
		n.leased = true
		nft(t, "add table "+table)
		nft(t, fmt.Sprintf("add chain %s from { type filter hook prerouting priority -10; }", table))
		t.Cleanup(func() { nft(t, "delete table "+table) })
	}
	last := net.ParseIP(address).To4()[3]
	nft(t, fmt.Sprintf("flush chain %s from", table))
	nft(t, fmt.Sprintf("add rule %s from iifname %s ip saddr != %s drop", table, n.Interface(), address))
	nft(t, fmt.Sprintf("add rule %s from iifname %s ip6 saddr 2001:db8:%d::/64 ip6 saddr != 2001:db8:%d::%x drop",
		table, n.Interface(), n.number, n.number, last))
}

// Without4 takes the IPv4 address away: a network that speaks IPv6 alone.
func (n *Network) Without4(t T) {
	t.Helper()
	n.onLink(t, "no IPv4", func(eth0 netlink.Link) error { return setAddresses(eth0, n.Addr6+"/64") })
	n.onLink(t, "route", func(eth0 netlink.Link) error {
		return netlink.RouteReplace(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: net.ParseIP(n.Gateway6)})
	})
}

// Down takes the interface down, as a plug that is pulled; its addresses stay, its routes go.
func (n *Network) Down(t T) {
	t.Helper()
	n.onLink(t, "down", netlink.LinkSetDown)
}

// Up brings the interface and its routes back.
func (n *Network) Up(t T) {
	t.Helper()
	n.onLink(t, "up", netlink.LinkSetUp)
	n.SetAddress(t, n.Addr)
}

// Interface is the name of the lab's end, for rules of nft in the lab's own namespace.
func (n *Network) Interface() string { return "lab-" + n.Name }

func (n *Network) onLink(t T, doing string, f func(netlink.Link) error) {
	t.Helper()
	err := n.Do(func() error {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return f(eth0)
	})
	if err != nil {
		t.Fatalf("lab: network %s: %s: %v", n.Name, doing, err)
	}
}

// setAddresses brings a link up with these addresses in place of all others that are not link-local.
func setAddresses(link netlink.Link, addresses ...string) error {
	// An address of IPv6 is of use at once, not after a second's search for a duplicate.
	dad := filepath.Join("/proc/sys/net/ipv6/conf", link.Attrs().Name, "accept_dad")
	if err := os.WriteFile(dad, []byte("0"), 0o644); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	old, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for i := range old {
		if old[i].IP.IsLinkLocalUnicast() {
			continue
		}
		if err = netlink.AddrDel(link, &old[i]); err != nil {
			return err
		}
	}
	for _, a := range addresses {
		address, wrong := netlink.ParseAddr(a)
		if wrong != nil {
			return wrong
		}
		if address.IP.To4() == nil {
			address.Flags = unix.IFA_F_NODAD
		}
		if err = netlink.AddrAdd(link, address); err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
	}
	return nil
}
