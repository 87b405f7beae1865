package setup_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"doorstation/internal/settings"
	"doorstation/internal/setup"
)

// TestATokenThatIsNotTakenIsDeleted: a login as an administrator made one, the person had second thoughts and pasted another.
func TestATokenThatIsNotTakenIsDeleted(t *testing.T) {
	h, m := household(), pi()
	h.token = "eyJ.admin.token"
	h.user = setup.User{ID: "boss", Name: "Boss", Admin: true}
	h.users = map[string]setup.User{theToken: {ID: "abc", Name: "Front door"}}
	p := &person{t: t, answers: append([]answer{
		{to: "How does the door get in", is: "I type the name", once: true},
		{to: "The name that the door's user", is: "door"},
		{to: "The password?", is: "garden"},
		{to: "The code of the second factor", is: "123456"},
		{to: "Use this one all the same", is: "no"},
	}, usual()...)}
	if err := setup.Run(t.Context(), parts(p, h, m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if m.written[0].Token != theToken || !slices.Equal(h.revoked, []string{"eyJ.admin.token"}) {
		t.Errorf("written %q, deleted %q", m.written[0].Token, h.revoked)
	}
}

// TestATokenIsShownToTheHomeThatItIsOfOnly: whoever changes Home Assistant's address at the end is asked for the access there.
func TestATokenIsShownToTheHomeThatItIsOfOnly(t *testing.T) {
	h, m := household(), pi()
	h.places = append(h.places, setup.Place{Name: "Other", URL: "http://10.0.0.3:8123"})
	h.reach["http://10.0.0.3:8123"] = nil
	h.users = map[string]setup.User{"other": {ID: "abc", Name: "Front door"}}
	p := &person{t: t, answers: append([]answer{
		{to: "Which Home Assistant", is: "10.0.0.2", once: true},
		{to: "Which Home Assistant", is: "10.0.0.3"},
		{to: "How does the door get in", is: "I type the name", once: true},
		{to: "The name that the door's user", is: "door"},
		{to: "The password?", is: "garden"},
		{to: "The code of the second factor", is: "123456"},
		{to: "Is that right", is: "Change something", once: true},
		{to: "What?", is: "Home Assistant", once: true},
		{to: "How does the door get in", is: "long-lived"},
		{to: "The token?", is: "other"},
	}, usual()[2:]...)}
	if err := setup.Run(t.Context(), parts(p, h, m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if m.written[0].Token != "other" || m.written[0].Local.HomeAssistant.URL != "http://10.0.0.3:8123" {
		t.Errorf("written %q for %s", m.written[0].Token, m.written[0].Local.HomeAssistant.URL)
	}
	if slices.Contains(h.shown, "http://10.0.0.3:8123 "+theToken) || !slices.Contains(h.revoked, theToken) {
		t.Errorf("shown %q, deleted %q", h.shown, h.revoked)
	}
}

// TestCodesThatAreGivenAreThoseThatOpen: a code that has become known must not open any more.
func TestCodesThatAreGivenAreThoseThatOpen(t *testing.T) {
	m := pi()
	first := &person{t: t, answers: usual()}
	if err := setup.Run(t.Context(), parts(first, household(), m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	again := pi()
	again.local, again.exists, again.token = m.written[0].Local, true, theToken
	again.local.Lock.Codes = []string{"666"}
	var said []string
	show := setup.Unattended{Show: func(_ setup.Style, text string) { said = append(said, text) }}
	o := setup.Options{Given: setup.Given{Codes: []string{"4711"}}, Unattended: true}
	if err := setup.Run(t.Context(), parts(show, household(), again), o); err != nil {
		t.Fatal(err)
	}
	if got := again.written[0].Local.Lock.Codes; !slices.Equal(got, []string{"4711"}) {
		t.Errorf("the codes are %q", got)
	}
	if text := strings.Join(said, "\n"); strings.Contains(text, "4711") || strings.Contains(text, "666") {
		t.Errorf("the codes are printed where nobody sits: %s", text)
	}
}

// TestAContactIsNoButton: somebody who comes through the door while the button is looked for has not pressed it.
func TestAContactIsNoButton(t *testing.T) {
	m := pi()
	contact := setup.Line{Pin: settings.Pin{Name: "GPIO5"}, Label: "GPIO5"}
	m.lines = append(m.lines, contact)
	m.local.Inputs.Contact = &settings.Contact{Pin: contact.Pin}
	p := &person{t: t, answers: usual()}
	if err := setup.Run(t.Context(), parts(p, household(), m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(m.watched, func(l setup.Line) bool { return l.Pin == contact.Pin }) {
		t.Errorf("watched: %+v", m.watched)
	}
}

// TestAKeptTokenIsNotShownToAnotherHome: what is announced in the network may be anybody's.
func TestAKeptTokenIsNotShownToAnotherHome(t *testing.T) {
	h, m := household(), pi()
	m.exists, m.token = true, "old"
	m.local.HomeAssistant.URL = "http://10.0.0.9:8123"
	p := &person{t: t, answers: append([]answer{{to: "Which Home Assistant", is: "10.0.0.2"}, {to: "Who rings", is: "Kitchen"}}, usual()...)}
	if err := setup.Run(t.Context(), parts(p, h, m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(h.shown, "http://10.0.0.2:8123 old") || m.written[0].Token != theToken {
		t.Errorf("shown %q, written %q", h.shown, m.written[0].Token)
	}
}

// TestNobodyTakesTheFirstHomeThatIsAnnounced: anybody in the network can announce one, and the token would be shown to it.
func TestNobodyTakesTheFirstHomeThatIsAnnounced(t *testing.T) {
	h, m := household(), pi()
	o := setup.Options{Given: setup.Given{Token: theToken}, Unattended: true}
	var missing *setup.MissingError
	if err := setup.Run(t.Context(), parts(setup.Unattended{}, h, m), o); !errors.As(err, &missing) || missing.Flag != "--home-assistant URL" {
		t.Errorf("setup ended with %v", err)
	}
	if len(h.shown) != 0 {
		t.Errorf("the token was shown to %q", h.shown)
	}
}
