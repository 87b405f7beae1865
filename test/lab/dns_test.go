package lab_test

import (
	"errors"
	"net"
	"slices"
	"testing"

	"doorstation/test/lab"
)

func TestNamesAreTheLabsOwn(t *testing.T) {
	dns := lab.StartDNS(t)
	dns.Host("pbx.lab", "10.77.0.250", lab.Addr, "fd77::1")
	// A resolver that has read resolv.conf already, as one of this process may have, looks at it again after five seconds.
	resolver := &net.Resolver{PreferGo: true}
	lab.Eventually(t, soon, "the name has its addresses", func() bool {
		got, err := resolver.LookupHost(t.Context(), "pbx.lab")
		slices.Sort(got)
		return err == nil && slices.Equal(got, []string{lab.Addr, "10.77.0.250", "fd77::1"})
	})
	var failure *net.DNSError
	if _, err := resolver.LookupHost(t.Context(), "nobody.lab"); !errors.As(err, &failure) || !failure.IsNotFound {
		t.Errorf("a name that is not there: %v", err)
	}
	dns.SetMood(lab.DNSFails)
	if _, err := resolver.LookupHost(t.Context(), "pbx.lab"); !errors.As(err, &failure) || failure.IsNotFound || failure.IsTimeout {
		t.Errorf("a server that fails: %v", err)
	}
	dns.SetMood(lab.DNSSilent)
	if _, err := resolver.LookupHost(t.Context(), "pbx.lab"); !errors.As(err, &failure) || !failure.IsTimeout {
		t.Errorf("a server that is silent: %v", err)
	}
}
