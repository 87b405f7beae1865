package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// NewFarNetwork is [NewNetwork] with a [Wire] between the network and the lab, on which a test makes weather.
func NewFarNetwork(t T, name string) *Network {
	t.Helper()
	return newNetwork(t, name, func(n *Network) (netlink.Link, error) {
		// The wire's two sockets are all that is needed of the namespace in which its ends are. Nothing has an address there, so its
		// kernel answers nobody.
		middle, err := newNamespace()
		if err != nil {
			return nil, err
		}
		defer middle.Close()
		near, err := n.plug(middle)
		if err != nil {
			return nil, err
		}
		var ends [2]*os.File
		err = within(middle, func() error {
			for i, end := range []string{cableLab, cableFar} {
				if err = linkUp(end); err != nil {
					return err
				}
				if ends[i], err = tap(end); err != nil {
					return fmt.Errorf("listening on %s: %w", end, err)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		n.Wire = newWire(ends[0], ends[1])
		// The middle lives as long as the interfaces in it are paired with others; they go with the network's namespace.
		t.Cleanup(func() {
			if closeErr := n.Wire.close(); closeErr != nil {
				t.Errorf("lab: the wire of %s: %v", n.Name, closeErr)
			}
		})
		return near, nil
	})
}

// Names of the ends in the namespace where the wire joins them.
const (
	cableLab = "cable0"
	cableFar = "cable1"
)

// plug makes two pairs of interfaces: from the lab to the middle, and from there to the network's eth0. It returns the lab's end.
func (n *Network) plug(middle *os.File) (netlink.Link, error) {
	there := netlink.NsFd(int(middle.Fd()))
	near := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: n.Interface()}, PeerName: cableLab, PeerNamespace: there}
	if err := netlink.LinkAdd(near); err != nil {
		return nil, err
	}
	err := n.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: cableFar, PeerNamespace: there})
	})
	return near, err
}

func linkUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("finding %s: %w", name, err)
	}
	if err = netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("bringing up %s: %w", name, err)
	}
	return nil
}

// within runs f on a thread of its own that is in a network namespace.
func within(space *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("entering a network namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// tap opens an interface of this thread's namespace for whole Ethernet frames, each with the kernel's own note in front of it
// (struct virtio_net_hdr) of what is left to do: checksum and segmentation. Handing the note on spares doing it.
func tap(name string) (*os.File, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(networkOrder(unix.ETH_P_ALL)))
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: link.Attrs().Index}),
	)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

func networkOrder(v uint16) uint16 { return v<<8 | v>>8 }
