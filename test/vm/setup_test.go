package vm

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// Whom the door logs in as, when somebody sets it up.
const (
	loginName     = "frontdoor"
	loginPassword = "a door's password 4711"
)

// TestSetUp goes the way from an installed package to a door that rings: first as a person at a terminal, by ssh, then with flags.
func TestSetUp(t *testing.T) {
	t.Parallel()
	s := open(t, 2, func(o *homestub.Options) {
		o.Accounts = []homestub.Account{{Username: loginName, Password: loginPassword, User: homestub.User{ID: house.UserID, Name: house.UserName}}}
	})
	s.announce()
	s.walk([]step{
		{"a person sets it up in a terminal, from nothing to the first ring", (*street).setUpByHand},
		{"a setup that is killed gives the door back", (*street).setUpKilled},
		{"flags set it up, from nothing to the first ring", (*street).setUpByFlags},
	})
}

// announce lets Home Assistant be found, as it lets itself be found.
func (s *street) announce() {
	s.t.Helper()
	at, err := url.Parse(s.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(at.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	lab.Announce(s.t, []string{s.wire()}, lab.Service{Name: "Home", Type: "_home-assistant._tcp", Port: port, Text: []string{
		"location_name=Home", "uuid=5c3f0c1ab2d94a0f8a2f6f0f6d2f9c11", "version=2026.11.1", "external_url=", "internal_url=" + s.URL(),
		"base_url=" + s.URL(),
	}})
}

func (s *street) setUpByHand() {
	s.Install(s.older)
	p := s.Terminal("doorstation setup --plain")
	p.Answer("Which Home Assistant is it", "") // the one that was found
	p.Answer("How does the door get in", "")   // by name and password
	p.Answer("name that the door's user logs in with", loginName)
	p.Answer("The password", loginPassword)
	p.Expect("knows the door as the user")
	p.Answer("Which of SIP Core's users is the door", "") // the one that belongs to the user
	p.Answer("Who rings", "")
	p.Answer("For how long does it ring", "")
	p.Answer("Which camera looks at the visitor", "")
	p.Answer("Is this the right camera|Use this camera", "y")
	p.Answer("With what does the visitor talk", "")
	p.Answer("Was the tone heard|Take it all the same", "y")
	p.Expect("Press the bell button now")
	lab.Eventually(s.t, Patience, "a press that is seen", func() bool { // lines are watched soon after that is said
		s.PressBell()
		return p.Shows("What is this button called")
	})
	p.Answer("What is this button called", "")
	p.Answer("Is there another bell button", "")
	p.Answer("Is there a relay", "y")
	p.Answer("The relay of the door is at which pin", "")
	p.Answer("will be switched for 1 s", "y")
	p.Answer("Did the door opener work", "y")
	p.Answer("Which digits", "")
	p.Answer("Is there a light", "")
	p.Answer("Is that right", "")
	p.Expect("Written:")
	p.Answer("Start the door station now", "")
	s.turn()
	p.Answer("Ring .* now", "")
	s.kitchen.WaitRinging(Patience)
	s.kitchen.Answer()
	s.kitchen.WaitTalking(Patience)
	s.kitchen.Hangup()
	s.endTurn()
	p.Expect("That is all")
	if status := p.End(); status != 0 {
		s.t.Errorf("setup ended with %d", status)
	}
	if strings.Contains(p.Shown(), loginPassword) {
		s.t.Error("the password was shown")
	}
	s.ring() // by the real button
	if st, err := s.Status(); err != nil || st.Visit.State != "idle" {
		s.t.Errorf("%v, %v", st.Visit, err)
	}
}

// setUpKilled: the door lends its hardware to a setup, which dies without a word; systemd starts the door again.
func (s *street) setUpKilled() {
	p := s.Terminal("doorstation setup --plain")
	p.Answer("Stop it for the time of this setup", "y")
	p.Expect("Which Home Assistant is it")
	s.Do("! doorstation status && test $(systemctl is-active doorstation) = active")
	s.Do(`for p in $(pidof doorstation); do if tr '\0' ' ' </proc/$p/cmdline | grep -q ' setup '; then kill -9 $p; fi; done`)
	s.Until("registered", Registered)
	s.ring()
}

func (s *street) setUpByFlags() {
	s.Do("DEBIAN_FRONTEND=noninteractive apt-get purge -y doorstation")
	s.Install(s.older)
	s.Write("/root/token", "600", house.Token+"\n")
	out := s.Do(fmt.Sprintf("doorstation setup --unattended --home-assistant %s --token-file /root/token --call 101 --camera auto --sound auto --button GPIO%d --lock GPIO%d "+
		"--code-from-popup --no-light --start", s.URL(), ButtonLine, LockLine))
	if strings.Contains(out, house.Token) {
		s.t.Error("the token was shown")
	}
	s.Until("registered", Registered)
	s.ring()
	s.Until("one visit", func(st control.Status) bool { return st.Calls.Visits == 1 })
}
