package app

import (
	"context"
	"testing"
	"time"

	"doorstation/internal/control"
)

// TestANetworkThatChangesHasHomeAssistantAskedAtOnce, when the next look is an hour away.
func TestANetworkThatChangesHasHomeAssistantAskedAtOnce(t *testing.T) {
	h := newHouse(t)
	hourly := quick()
	hourly.poll = time.Hour
	a := build(Options{
		Local: h.local(""), StateDir: h.path("state"), Now: time.Now, Getenv: func(string) string { return "" }, Log: textLog(&logBuffer{}),
		test: forTest{rhythm: hourly, loopback: true},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.home.Run(ctx) }()
	defer func() {
		cancel()
		check(t, <-ended)
	}()
	until := func(what string, ok func() bool) {
		t.Helper()
		for limit := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatal(what)
			}
		}
	}
	extension := func(want string) func() bool {
		return func() bool {
			s := control.Status{}
			if l := a.home.lines.current(); l != nil {
				s.Registration = registrationStatus(l)
			}
			return s.Registration.Extension == want && s.Registration.State == "registered"
		}
	}
	until("it registers", extension("200"))
	h.home.SetSIPCore(with("users", users(map[string]any{"ha_username": userID, "extension": "201", "password": password})))
	a.networkChanged()
	until("the change is taken", extension("201"))
}
