package app

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorstation/internal/control"
)

// manager is systemd as far as the agent speaks to it.
type manager struct {
	mu   sync.Mutex
	told []string
	news chan struct{}
}

func newManager() *manager { return &manager{news: make(chan struct{}, 1)} }

func (m *manager) notify(state string) {
	m.mu.Lock()
	m.told = append(m.told, state)
	m.mu.Unlock()
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// forget forgets what was told.
func (m *manager) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = nil
}

// waits returns what was told so far once it has a line that begins so.
func (m *manager) waits(t *testing.T, beginning string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		m.mu.Lock()
		told := slices.Clone(m.told)
		m.mu.Unlock()
		if slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, beginning) }) {
			return told
		}
		select {
		case <-m.news:
		case <-ctx.Done():
			t.Fatalf("the service manager never heard %s: %q", beginning, told)
		}
	}
}

func TestSystemdHearsWhenTheDoorIsReady(t *testing.T) {
	h, m := newHouse(t), newManager()
	h.service = Service{Notify: m.notify, Watchdog: 300 * time.Millisecond}
	a := h.start("")
	m.waits(t, "READY=1")
	m.waits(t, "WATCHDOG=1")
	if told := m.waits(t, "STATUS=registered as 200"); slices.Index(told, "READY=1") > slices.Index(told, "STATUS=registered as 200") {
		t.Errorf("told %q", told)
	}
	a.stop()
	m.waits(t, "STOPPING=1")
}

// TestReadyAlsoWhenItIsKnownThatTheDoorCantRegister: systemd must not wait for a Home Assistant that is away, as units after the door wait with it.
func TestReadyAlsoWhenItIsKnownThatTheDoorCantRegister(t *testing.T) {
	h, m := newHouse(t), newManager()
	h.service = Service{Notify: m.notify}
	h.away()
	h.start("")
	m.waits(t, "READY=1")
	told := m.waits(t, "STATUS=offline, ")
	if !strings.Contains(strings.Join(told, "\n"), "Home Assistant") {
		t.Errorf("the state does not say why: %q", told)
	}
}

func TestTheMonitorsPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { check(t, l.Close()) }()
	h := newHouse(t)
	a := h.start("monitor: {listen: \"" + l.Addr().String() + "\"}\n")
	a.until("the fault", func(s control.Status) bool { return fault(s, "monitor_unavailable") != nil })
	a.registered() // all the same
}

// TestARestartWaitsForTheCall: an upgrade must not hang up on the visitor.
func TestARestartWaitsForTheCall(t *testing.T) {
	h, m := newHouse(t), newManager()
	h.service = Service{Notify: m.notify}
	kitchen := newTablet(h)
	a := h.start("")
	a.registered()
	a.talks(kitchen)
	for range 2 {
		reply, err := a.client.Restart(context.Background())
		check(t, err)
		if !reply.Waiting {
			t.Error("it does not wait for the call")
		}
	}
	kitchen.digit('4')
	kitchen.digit('2')
	a.until("the lock open", func(s control.Status) bool { return s.GPIO.Lock == "on" && s.Visit.State == "talking" })
	kitchen.hangUp()
	a.ends()
	if n := h.pbx.Registered("200"); n != 0 {
		t.Errorf("%d contacts of the door are left at the PBX", n)
	}
}

func TestNoRestartWithoutSomebodyWhoStartsTheAgentAgain(t *testing.T) {
	h := newHouse(t)
	a := h.start("")
	a.registered()
	if _, err := a.client.Restart(context.Background()); err == nil || !strings.Contains(err.Error(), "no service manager") {
		t.Errorf("it says %v", err)
	}
	a.registered()
}
