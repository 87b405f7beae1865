package checkup

import (
	"testing"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// TestEachFaultIsNamedAndMended is the table of what check is known to find on real parts. In each case something is broken, check has to
// name it, and after its remedy has been applied check has to find all well.
func TestEachFaultIsNamedAndMended(t *testing.T) {
	binary := house.Build(t)
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{CA: lasting(t)})
	assertChecked(t, open(t, binary, pbx), "--only", network)
	provoke(t, binary, pbx, ofHome())
	provoke(t, binary, pbx, ofCertificates())
	provoke(t, binary, pbx, ofExchange())
	provoke(t, binary, pbx, ofExchangesCertificate())
	provoke(t, binary, pbx, ofICE(t))
	provoke(t, binary, pbx, ofMachine())
	provoke(t, binary, pbx, ofCalls())
}

// provoke breaks a household in which all is well, looks whether check names that, mends it by the remedy, and looks whether all is well
// again.
func provoke(t *testing.T, binary string, pbx *lab.Asterisk, faults []fault) {
	t.Helper()
	for _, f := range faults {
		t.Run(string(f.code)+"/"+f.name, func(t *testing.T) {
			h := open(t, binary, pbx)
			only := network
			if f.only != "" {
				only = f.only
			}
			mends := f.breaks(h)
			args := append([]string{"--only", only}, f.args...)
			r, status := h.checkup(args...)
			assertTold(t, r, f.link, f.code)
			if want := r.Status(); status != want || (status == check.StatusOK) != f.advice {
				t.Errorf("exit status %d, want %d", status, want)
			}
			mends()
			if f.only == ofMachineOnly { // how else it is with the machine that the tests run on is its own affair
				r, _ = h.checkup(args...)
			} else {
				r = assertChecked(t, h, args...)
			}
			assertNot(t, r, f.link, f.code)
		})
	}
}

// assertChecked fails unless check finds all well.
func assertChecked(t *testing.T, h *household, args ...string) check.Report {
	t.Helper()
	h.t = t
	r, status := h.checkup(args...)
	assertWell(t, r)
	if status != check.StatusOK {
		t.Errorf("exit status %d", status)
	}
	return r
}

// assertNot fails when a report names a fault at a link.
func assertNot(t *testing.T, r check.Report, link string, code health.Code) {
	t.Helper()
	for _, f := range r.Of(link) {
		if f.Code == code {
			t.Errorf("%s: still %s: %s", link, code, f.Found)
		}
	}
}

// server is an entry of ice_config.iceServers.
func server(u, username, credential string) map[string]any {
	s := map[string]any{"urls": u}
	if username != "" {
		s["username"], s["credential"] = username, credential
	}
	return s
}

// servers sets ice_config and returns what takes it back.
func servers(h *household, policy string, list ...map[string]any) func() {
	before := h.core["ice_config"]
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	if policy == "" {
		policy = "all"
	}
	h.set(func(core map[string]any) {
		core["ice_config"] = map[string]any{"iceServers": all, "iceGatheringTimeout": 1000, "iceTransportPolicy": policy}
	})
	return func() { h.set(func(core map[string]any) { core["ice_config"] = before }) }
}
