package network

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Watch(ctx, func() {}) }()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
}

// A router that renews its prefix, or a DHCP server its lease, changes nothing that anybody needs to hear of.
func TestRenewedAddressIsNoNews(t *testing.T) {
	n := news{addresses: map[string]int{}, links: map[int]net.Flags{}}
	told := func(what string, link int, cidr string, flags int, added, want bool) {
		t.Helper()
		ip, prefix, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		prefix.IP = ip
		u := netlink.AddrUpdate{LinkAddress: *prefix, LinkIndex: link, Flags: flags, NewAddr: added}
		if got := n.ofAddress(u); got != want {
			t.Errorf("%s: news %t", what, got)
		}
	}
	told("not usable yet", 2, "2001:db8::5/64", unix.IFA_F_TENTATIVE, true, true)
	told("usable", 2, "2001:db8::5/64", 0, true, true)
	told("renewed", 2, "2001:db8::5/64", 0, true, false)
	told("renewed for good", 2, "2001:db8::5/64", unix.IFA_F_MANAGETEMPADDR|unix.IFA_F_NOPREFIXROUTE, true, false)
	told("on another link", 3, "2001:db8::5/64", 0, true, true)
	told("another", 2, "192.0.2.5/24", 0, true, true)
	told("deprecated", 2, "2001:db8::5/64", unix.IFA_F_DEPRECATED, true, true)
	told("gone", 2, "192.0.2.5/24", 0, false, true)
	told("back", 2, "192.0.2.5/24", 0, true, true)
	told("renewed", 2, "192.0.2.5/24", unix.IFA_F_PERMANENT, true, false)
}

func TestLinkIsNewsWhenItGoesOrComes(t *testing.T) {
	n := news{addresses: map[string]int{}, links: map[int]net.Flags{}}
	up := net.FlagUp | net.FlagRunning
	for i, c := range []struct {
		flags net.Flags
		gone  bool
		want  bool
	}{
		{up, false, true}, {up, false, false}, {up | net.FlagMulticast, false, false}, {net.FlagUp, false, true}, {up, false, true},
		{up, true, true}, {up, false, true},
	} {
		if got := n.ofLink(2, c.flags, c.gone); got != c.want {
			t.Errorf("%d: news %t", i, got)
		}
	}
}
