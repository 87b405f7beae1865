package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"doorstation/internal/homeassistant"
	"doorstation/internal/sip"
	"doorstation/test/lab/homestub"
)

// ingressAgent registers through ingress; meanwhile is called between finding the way and going it.
func (h *house) ingressAgent(meanwhile func()) <-chan sip.Registration {
	h.t.Helper()
	c := &clients{local: h.local(""), getenv: func(string) string { return "" }, log: textLog(&logBuffer{}), now: time.Now, rhythm: *quick()}
	in := &ingress{clients: c}
	seen := make(chan sip.Registration, 1000)
	agent, err := sip.New(sip.Config{
		Extension: "200", Password: password, Domain: "pbx.example",
		Locate: func(ctx context.Context) (sip.Endpoint, error) {
			e, failed := in.locate(ctx)
			meanwhile()
			return e, failed
		},
		Diagnose: in.diagnose, OnRegistration: func(r sip.Registration) { seen <- r },
	})
	check(h.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		check(h.t, <-ended)
		c.drop()
	})
	return seen
}

func awaitRegistration(t *testing.T, seen <-chan sip.Registration, what string, is func(sip.Registration) bool) {
	t.Helper()
	limit := time.After(patience)
	var last sip.Registration
	for {
		select {
		case last = <-seen:
			if is(last) {
				return
			}
		case <-limit:
			t.Fatalf("never %s; last %+v", what, last)
		}
	}
}

func becauseOf(want error) func(sip.Registration) bool {
	return func(r sip.Registration) bool { return r.State == sip.Unreachable && errors.Is(r.Err, want) }
}

func isRegistered(r sip.Registration) bool { return r.State == sip.Registered }

// Ingress answers every handshake and closes the connection after it: why is told apart all the same.
func TestClosedIngressIsToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(h *house)
		want  error
	}{
		"dead session":   {func(h *house) { h.home.DropSessions() }, homeassistant.ErrIngressSession},
		"unknown entry":  {func(h *house) { h.home.Set(func(o *homestub.Options) { o.NoAddon = true }) }, homeassistant.ErrIngressToken},
		"add-on stopped": {func(h *house) { h.home.Set(func(o *homestub.Options) { o.PBX = nil }) }, homeassistant.ErrAddonDown},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			seen := h.ingressAgent(func() { c.spoil(h) })
			awaitRegistration(t, seen, fmt.Sprint(c.want), becauseOf(c.want))
		})
	}
}

// The add-on is restarted under a door that is registered: it says so, and is back by itself within seconds, with a session of
// its own for each connection and without asking much meanwhile.
func TestAddonIsRestarted(t *testing.T) {
	h := newHouse(t)
	seen := h.ingressAgent(func() {})
	awaitRegistration(t, seen, "registered", isRegistered)
	before := h.home.Requests()
	var pbx *url.URL
	h.home.Set(func(o *homestub.Options) { pbx, o.PBX = o.PBX, nil })
	h.home.DropConnections()
	awaitRegistration(t, seen, "said that the add-on is down", becauseOf(homeassistant.ErrAddonDown))
	h.home.DropSessions() // the Supervisor may be restarted as well
	h.home.Set(func(o *homestub.Options) { o.PBX = pbx })
	awaitRegistration(t, seen, "registered again", isRegistered)
	after := h.home.Requests()
	if n := after.WebSockets - before.WebSockets; n < 1 || n > 12 {
		t.Errorf("%d connections for one restart", n)
	}
	if after.Sessions-before.Sessions != after.WebSockets-before.WebSockets {
		t.Errorf("%d sessions for %d connections", after.Sessions-before.Sessions, after.WebSockets-before.WebSockets)
	}
}
