package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A Resolver finds the addresses of a name. *net.Resolver is one.
type Resolver interface {
	// LookupNetIP returns the addresses of host, the preferred one first (RFC 6724).
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	// LookupSRV returns the records of _service._proto.name in the order in which they are to be tried: by priority, and
	// within one drawn by weight (RFC 2782).
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
}

const (
	// srvLimit bounds the question for SRV records: some routers never answer it.
	srvLimit = 2 * time.Second
	// maxAddresses bounds what a name may send us to.
	maxAddresses = 16
)

// service is what a transport is called in SRV records (RFC 3263 section 4.1), and its port.
func service(scheme string) (name, proto string, port int) {
	switch scheme {
	case "tls":
		return "sips", "tcp", defaultPortTLS
	case "tcp":
		return "sip", "tcp", defaultPort
	}
	return "sip", "udp", defaultPort
}

// locate finds where a PBX is reached, in the order of trying (RFC 3263 section 4.2). port is empty when none was given: then
// SRV records tell, and where there are none the usual port is meant.
func locate(ctx context.Context, r Resolver, scheme, host, port string) ([]netip.AddrPort, error) {
	if port != "" {
		return addresses(ctx, r, host, port)
	}
	name, proto, usual := service(scheme)
	if records := askSRV(ctx, r, name, proto, host); len(records) > 0 {
		return targets(ctx, r, host, records)
	}
	return addresses(ctx, r, host, strconv.Itoa(usual))
}

// askSRV returns the records, none when there are none or the question fails: the name itself may still be found.
func askSRV(ctx context.Context, r Resolver, name, proto, host string) []*net.SRV {
	if !hasService(host) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, srvLimit)
	defer cancel()
	_, records, err := r.LookupSRV(ctx, name, proto, host)
	if err != nil {
		return nil
	}
	return records
}

// hasService tells the names that may have SRV records from addresses and from names that are hosts for sure: one label, and
// those of multicast DNS (RFC 6762).
func hasService(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	_, err := netip.ParseAddr(host)
	return err != nil && strings.Contains(name, ".") && !strings.HasSuffix(name, ".local")
}

// targets turns SRV records into addresses. One whose target is not found leaves the others.
func targets(ctx context.Context, r Resolver, host string, records []*net.SRV) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	var errs []error
	for _, record := range records {
		if record.Target == "." { // RFC 2782
			errs = append(errs, fmt.Errorf("the DNS says that %s has no such service", host))
			continue
		}
		found, err := addresses(ctx, r, strings.TrimSuffix(record.Target, "."), strconv.Itoa(int(record.Port)))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if all = append(all, found...); len(all) >= maxAddresses {
			return all[:maxAddresses], nil
		}
	}
	if len(all) == 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// addresses finds the addresses of a host, the families taking turns (RFC 8305 section 4).
func addresses(ctx context.Context, r Resolver, host, port string) ([]netip.AddrPort, error) {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return nil, fmt.Errorf("%q is not a port", port)
	}
	if ip, failed := netip.ParseAddr(host); failed == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip.Unmap(), uint16(number))}, nil
	}
	found, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	var first, second []netip.AddrPort
	for _, ip := range found {
		ap := netip.AddrPortFrom(ip.Unmap(), uint16(number))
		if ip.Unmap().Is4() == found[0].Unmap().Is4() {
			first = append(first, ap)
		} else {
			second = append(second, ap)
		}
	}
	var all []netip.AddrPort
	for i := range max(len(first), len(second)) {
		all = append(all, first[min(i, len(first)):min(i+1, len(first))]...)
		all = append(all, second[min(i, len(second)):min(i+1, len(second))]...)
	}
	return all[:min(len(all), maxAddresses)], nil
}
