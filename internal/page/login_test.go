package page

import (
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const secret = "correct horse battery"

// hand is a clock that a test moves.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hand) time() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func locked(t *testing.T) (*site, *hand) {
	t.Helper()
	p, err := NewPassword(secret)
	check(t, err)
	clock := &hand{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	return serve(t, func(o *Options) { o.Password, o.Now = p, clock.time }), clock
}

func (s *site) login(password string) (int, string, http.Header) {
	s.t.Helper()
	return s.do("POST", "/login", url.Values{"password": {password}}.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", s.base)
}

func TestNothingIsShownBeforeTheLogin(t *testing.T) {
	s, clock := locked(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 303},
		{"GET", "/page.js", 401},
		{"GET", "/api/events", 401},
		{"POST", "/api/press", 401},
		{"POST", "/api/picture", 401},
		{"DELETE", "/api/picture/x", 401},
		{"GET", "/docs/faults/a", 401},
		{"GET", "/metrics", 401},
		{"POST", "/logout", 401},
		{"GET", "/login", 200},
		{"GET", "/page.css", 200},
	} {
		if status, _, _ := s.do(c.method, c.path, ""); status != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, status, c.want)
		}
	}
	status, _, header := s.login(secret)
	cookie := header.Get("Set-Cookie")
	if status != http.StatusSeeOther || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
		t.Fatalf("%d, %s", status, cookie)
	}
	page := s.open()
	page.until("a view", func(v view) bool { return v.Password })
	if status, _, _ = s.do("POST", "/logout", "", "Origin", "http://evil.example"); status != http.StatusForbidden {
		t.Errorf("a logout by another page: %d", status)
	}
	if status, _, _ = s.do("POST", "/logout", "", "Origin", s.base); status != http.StatusSeeOther {
		t.Errorf("the logout: %d", status)
	}
	for page.next("view") != "" { // what is open ends with the session
	}
	if status, _, _ = s.do("GET", "/", ""); status != http.StatusSeeOther {
		t.Errorf("after the logout: %d", status)
	}
	if status, _, _ = s.login(secret); status != http.StatusSeeOther {
		t.Errorf("the next login: %d", status)
	}
	clock.pass(sessionLife)
	if status, _, _ = s.do("GET", "/", ""); status != http.StatusSeeOther {
		t.Errorf("after a day: %d", status)
	}
}

func TestWrongPasswordsWaitLonger(t *testing.T) {
	s, clock := locked(t)
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if status, body, _ := s.login("wrong password"); status != http.StatusUnauthorized || !strings.Contains(body, "not the password") {
			t.Fatalf("%d, %s", status, body)
		}
		clock.pass(pause - time.Millisecond)
		status, body, header := s.login(secret) // not even the right one
		if status != http.StatusTooManyRequests || header.Get("Retry-After") != "1" || !strings.Contains(body, "the door waits") {
			t.Errorf("before %v are over: %d, %s", pause, status, header.Get("Retry-After"))
		}
		clock.pass(time.Millisecond)
	}
	if status, _, _ := s.login(secret); status != http.StatusSeeOther {
		t.Errorf("the right one, in time: %d", status)
	}
	if got := pauseAfter(1000); got != lastPause {
		t.Errorf("the longest pause is %v", got)
	}
}

// TestManyAttemptsAtOnceAreNoWayRound: those that come while one is looked at wait for its outcome.
func TestManyAttemptsAtOnceAreNoWayRound(t *testing.T) {
	s, _ := locked(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 8 {
		wg.Go(func() {
			status, _, _ := s.login("wrong password")
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	wg.Wait()
	if got[http.StatusUnauthorized] != 1 || got[http.StatusTooManyRequests] != 7 {
		t.Errorf("%v", got)
	}
}

func TestACrowdOfGuessersIsOne(t *testing.T) {
	clock := &hand{now: time.Unix(1_800_000_000, 0)}
	p, err := NewPassword(secret)
	check(t, err)
	d := newDoorkeeper(p, clock.time)
	a := netip.MustParseAddr("10.0.0.0")
	for range 2 * mostStrikes {
		a = a.Next()
		d.struck(a)
	}
	if len(d.strikes) > mostStrikes+1 {
		t.Errorf("%d addresses are remembered", len(d.strikes))
	}
	if pause := d.pauseOf(a.Next()); pause != lastPause {
		t.Errorf("one more of the crowd waits %v", pause)
	}
	clock.pass(lastPause)
	if pause := d.pauseOf(a.Next()); pause > 0 {
		t.Errorf("who comes a pause later waits %v", pause)
	}
	for range 2 * mostSessions {
		d.begin(a)
	}
	if len(d.sessions) != mostSessions {
		t.Errorf("%d sessions", len(d.sessions))
	}
}

func TestThePasswordsFile(t *testing.T) {
	if _, err := NewPassword("1234567"); err == nil {
		t.Error("a short password")
	}
	p, err := NewPassword(" " + secret + "\n")
	check(t, err)
	if !p.Is(secret) || p.Is("") || p.Is(strings.Repeat("a", 1<<20)) || strings.Contains(p.Line()+p.String(), secret) {
		t.Error("it is another one")
	}
	path := filepath.Join(t.TempDir(), "password")
	check(t, os.WriteFile(path, []byte(p.Line()), 0o600))
	read, err := ReadPassword(path, true)
	check(t, err)
	if !read.Is(secret) {
		t.Error("what was read is another one")
	}
	check(t, os.Chmod(path, 0o644))
	if _, err = ReadPassword(path, true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others may read: %v", err)
	}
	if _, err = ReadPassword(path, false); err != nil {
		t.Errorf("a credential: %v", err)
	}
	for _, text := range []string{"", "none", secret, "$argon2id$v=19$m=19456,t=2,p=1$", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=999999999,t=2,p=1$a$b"} {
		check(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err = ReadPassword(path, false); err == nil || text != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
