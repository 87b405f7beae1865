package chaos

import (
	"strings"
	"testing"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestNamesCannotBeResolved(t *testing.T) {
	t.Parallel()
	dns := lab.StartDNS(t)
	// The first address belongs to nobody: the PBX has moved, and the name keeps its old one, too.
	dns.Host(lab.PBXName, "10.77.0.250", lab.Addr)
	h := settle(t, 12, house.Options{ByWSS: true, ByName: true})

	for _, mood := range []struct {
		name string
		mood lab.DNSMood
	}{{"failing", lab.DNSFails}, {"silent", lab.DNSSilent}} {
		dns.SetMood(mood.mood)
		h.visit() // a connection that stands needs no name
		h.PBX.Restart(t)
		h.Door.Wait(patience, "the loss noticed", func(s control.Status) bool {
			return !registered(s) || strings.Contains(h.Door.Log(), "not connected to the PBX")
		})
		dns.SetMood(lab.DNSAnswers)
		// A question that met silence takes its time to be given up.
		h.Door.Wait(3*patience, "registered again", registered)
		h.goodAsEver()
		t.Logf("over: names %s", mood.name)
	}

	// And at boot.
	dns.SetMood(lab.DNSFails)
	h.Door.Stop()
	h.StartDoor()
	h.fault("pbx_dns")
	dns.SetMood(lab.DNSAnswers)
	h.registeredAgain("a failing name server at boot")
	h.visit()
}
