package page

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

const (
	cookieName = "doorstation_page"
	// sessionLife is how long a login holds at most; all of them end with the process.
	sessionLife  = 24 * time.Hour
	mostSessions = 32
	// firstPause is how long an address waits after a wrong password; it doubles up to lastPause. An address that has been quiet for
	// forgiveAfter begins anew.
	firstPause   = time.Second
	lastPause    = time.Minute
	forgiveAfter = 15 * time.Minute
	mostStrikes  = 256
)

// doorkeeper lets people in by password.
type doorkeeper struct {
	password *Password
	now      func() time.Time
	hashing  chan struct{} // of length one: a hash takes memory, and half a second of a small machine

	mu       sync.Mutex
	sessions map[[sha256.Size]byte]*session // by the hash of the cookie, so that looking one up tells nothing of it
	strikes  map[netip.Addr]strike
}

// session is somebody who is logged in.
type session struct {
	ends  time.Time
	ended chan struct{} // closed by the logout
}

// strike is what is remembered of an address after wrong passwords.
type strike struct {
	count int
	last  time.Time
}

func newDoorkeeper(p *Password, now func() time.Time) *doorkeeper {
	return &doorkeeper{
		password: p, now: now, hashing: make(chan struct{}, 1),
		sessions: map[[sha256.Size]byte]*session{}, strikes: map[netip.Addr]strike{},
	}
}

// theCrowd stands for all addresses that there is no more room for.
func theCrowd() netip.Addr { return netip.IPv6Unspecified() }

// pauseOf is how long an address still has to wait.
func (d *doorkeeper) pauseOf(from netip.Addr) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, is := d.strikes[from]
	if !is && len(d.strikes) >= mostStrikes {
		s, is = d.strikes[theCrowd()] // an address more is no way around its pause
	}
	if !is {
		return 0
	}
	return s.last.Add(pauseAfter(s.count)).Sub(d.now())
}

func pauseAfter(strikes int) time.Duration {
	return min(firstPause<<min(strikes-1, 6), lastPause)
}

// struck remembers a wrong password.
func (d *doorkeeper) struck(from netip.Addr) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if _, known := d.strikes[from]; !known && len(d.strikes) >= mostStrikes {
		for a, s := range d.strikes {
			if now.Sub(s.last) > forgiveAfter {
				delete(d.strikes, a)
			}
		}
		if len(d.strikes) >= mostStrikes { // a crowd of addresses is one guesser
			from = theCrowd()
		}
	}
	s := d.strikes[from]
	if now.Sub(s.last) > forgiveAfter {
		s.count = 0
	}
	s.count, s.last = s.count+1, now
	d.strikes[from] = s
	return pauseAfter(s.count)
}

// try checks a password. It waits for its turn as long as ctx lets it. An address that has to wait is not listened to; pause is for how long
// it has to, after a wrong password too.
func (d *doorkeeper) try(ctx context.Context, from netip.Addr, text string) (right, heard bool, pause time.Duration, err error) {
	select {
	case d.hashing <- struct{}{}:
		defer func() { <-d.hashing }()
	case <-ctx.Done():
		return false, false, 0, ctx.Err()
	}
	if pause = d.pauseOf(from); pause > 0 { // in the turn, so that many attempts at once are no way around it
		return false, false, pause, nil
	}
	if d.password.Is(text) {
		return true, true, 0, nil
	}
	return false, true, d.struck(from), nil
}

// begin makes a session and gives its cookie's value.
func (d *doorkeeper) begin(from netip.Addr) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.strikes, from)
	now := d.now()
	var oldest [sha256.Size]byte
	for key, s := range d.sessions {
		if !s.ends.After(now) {
			d.end(key)
		} else if o := d.sessions[oldest]; o == nil || s.ends.Before(o.ends) {
			oldest = key
		}
	}
	if len(d.sessions) >= mostSessions {
		d.end(oldest)
	}
	value := rand.Text()
	d.sessions[sha256.Sum256([]byte(value))] = &session{ends: now.Add(sessionLife), ended: make(chan struct{})}
	return value
}

// end ends a session. The caller holds mu.
func (d *doorkeeper) end(key [sha256.Size]byte) {
	if s := d.sessions[key]; s != nil {
		close(s.ended)
		delete(d.sessions, key)
	}
}

// sessionOf is the session of a request, nil without one.
func (d *doorkeeper) sessionOf(r *http.Request) *session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sessions[sha256.Sum256([]byte(c.Value))]
	if s == nil || !s.ends.After(d.now()) {
		return nil
	}
	return s
}

// admitted lets only those pass who may see the page.
func (s *server) admitted(next http.Handler) http.Handler {
	if s.door == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := s.door.sessionOf(r)
		switch {
		case in != nil:
			// What is open ends with the session.
			ctx, cancel := context.WithTimeout(r.Context(), in.ends.Sub(s.door.now()))
			defer cancel()
			stop := make(chan struct{})
			var watching sync.WaitGroup
			watching.Go(func() {
				select {
				case <-in.ended:
					cancel()
				case <-stop:
				}
			})
			defer watching.Wait()
			defer close(stop)
			next.ServeHTTP(w, r.WithContext(ctx))
		case r.Method == http.MethodGet && r.URL.Path == "/":
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		default:
			s.refuse(w, http.StatusUnauthorized, "Log in first.")
		}
	})
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	if s.door.sessionOf(r) != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.loginForm(w, http.StatusOK, "")
}

// loginForm asks for the password; said is what became of the last one.
func (s *server) loginForm(w http.ResponseWriter, status int, said string) {
	var text bytes.Buffer
	if err := s.form.Execute(&text, said); err != nil {
		s.log.Error("status page: the form can't be written", "error", err)
		http.Error(w, "The form can't be written.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	s.wrote(w.Write(text.Bytes()))
}

// login checks the password of the form.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	from := sourceOf(r)
	if err := r.ParseForm(); err != nil {
		s.refuse(w, http.StatusBadRequest, "The form can't be read.")
		return
	}
	right, heard, pause, err := s.door.try(r.Context(), from, r.PostForm.Get("password"))
	switch {
	case err != nil: // whoever asked has gone
		return
	case !heard:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(pause.Seconds()))))
		s.loginForm(w, http.StatusTooManyRequests, "After wrong passwords the door waits. Try again in "+inWords(pause)+".")
		return
	case !right:
		s.log.Warn("status page: wrong password", "from", from.String(), "pause", pause)
		s.loginForm(w, http.StatusUnauthorized, "That is not the password. Try again in "+inWords(pause)+".")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: s.door.begin(from), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	s.log.Info("status page: somebody logged in", "from", from.String())
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func inWords(d time.Duration) string {
	n := int(math.Ceil(d.Seconds()))
	if n == 1 {
		return "one second"
	}
	return fmt.Sprintf("%d seconds", n)
}

// logout ends the session, and everything that is open by it.
func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		s.door.mu.Lock()
		s.door.end(sha256.Sum256([]byte(c.Value)))
		s.door.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// sourceOf is whom a wrong password is counted against: an IPv4 address, or an IPv6 network, of which one guesser has all addresses.
func sourceOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.IPv6Unspecified()
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.IPv6Unspecified()
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, prefixErr := a.Prefix(64); prefixErr == nil {
			return p.Addr()
		}
	}
	return a
}
