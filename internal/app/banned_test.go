package app

import (
	"os"
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
)

// TestARefusedTokenIsShownOnce: each token that Home Assistant does not know counts as a wrong login there, after a few of which it answers
// this machine nothing more. A door that is left alone with an old token has to be let in with a new one.
func TestARefusedTokenIsShownOnce(t *testing.T) {
	const another = "another-token-of-the-door"
	h := newHouse(t)
	h.home.Set(func(o *optionsOfHome) { o.BanAfter = 3 })
	a := h.startIn(patientWithTokens(), "")
	a.registered()
	h.home.Set(func(o *optionsOfHome) { o.Token = another })
	h.home.DropSessions()
	h.home.DropConnections() // the line asks as well, for a way through ingress
	a.until("token_refused", func(s control.Status) bool { return fault(s, "token_refused") != nil })
	lookedAgain := func() bool { return strings.Count(a.log.String(), "settings not taken") > 10 }
	a.until("ten looks more", func(control.Status) bool { return lookedAgain() })
	if q := h.home.Requests(); q.Refused > 2 { // the two who ask may do it at the same time
		t.Errorf("the token was shown %d times", q.Refused)
	}
	if f := fault(a.until("the fault", func(control.Status) bool { return true }), "token_refused"); f == nil || !strings.Contains(f.Detail, "not asked with it before") {
		t.Errorf("the fault does not say when it is asked again: %+v", f)
	}
	check(t, os.WriteFile(h.path("token"), []byte(another), 0o600))
	a.until("registered with the other token", func(s control.Status) bool {
		return s.Registration.State == "registered" && len(s.Faults) == 0
	})
}

// TestATokenThatWasRefusedIsShownAgain, after a while: its user may have been let in again.
func TestATokenThatWasRefusedIsShownAgain(t *testing.T) {
	h := newHouse(t)
	h.home.Set(func(o *optionsOfHome) { o.Token = "another" })
	a := h.start("")
	a.until("token_refused", func(s control.Status) bool { return fault(s, "token_refused") != nil })
	if q := h.home.Requests(); q.Config > 0 {
		t.Errorf("a token that nobody knows was shown to SIP Core %d times as well", q.Config)
	}
	h.home.Set(func(o *optionsOfHome) { o.Token = token })
	a.registered()
}

// TestABanIsNoRefusalOfTheToken: its end is noticed soon.
func TestABanIsNoRefusalOfTheToken(t *testing.T) {
	h := newHouse(t)
	h.home.Set(func(o *optionsOfHome) { o.Banned = true })
	a := h.startIn(patientWithTokens(), "")
	s := a.until("token_refused", func(s control.Status) bool { return fault(s, "token_refused") != nil })
	if f := fault(s, "token_refused"); !strings.Contains(f.Detail, "403") {
		t.Errorf("the fault: %+v", f)
	}
	h.home.Set(func(o *optionsOfHome) { o.Banned = false })
	a.registered()
}

// patientWithTokens is a rhythm in which no test lives to see a refused token shown again.
func patientWithTokens() *rhythm {
	r := quick()
	r.refusedFirst, r.refusedMost = time.Hour, time.Hour
	return r
}
