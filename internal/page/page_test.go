package page

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorstation/internal/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// agent is a door that says and does what a test wants.
type agent struct {
	mu       sync.Mutex
	status   control.Status
	presses  []string
	tests    int
	watchErr error
	watching *sync.WaitGroup // nil, or what each waits for before it is answered
	viewers  []*viewer
}

func (a *agent) Status() control.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

func (a *agent) set(change func(*control.Status)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.status)
}

func (a *agent) Press(button string) (control.PressReply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if button != "Front door" {
		return control.PressReply{}, fmt.Errorf("%w: %q", control.ErrNoSuchButton, button)
	}
	a.presses = append(a.presses, button)
	return control.PressReply{ID: uint64(len(a.presses)), Button: button}, nil
}

func (a *agent) pressed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.presses)
}

func (a *agent) TestSound() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.status.Visit.State == "talking" {
		return ErrBusy
	}
	a.tests++
	return nil
}

func (a *agent) Watch(_ context.Context, offer string) (Viewer, string, error) {
	if a.watching != nil {
		a.watching.Done()
		a.watching.Wait()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.watchErr != nil {
		return nil, "", a.watchErr
	}
	v := &viewer{done: make(chan struct{}), closed: make(chan struct{})}
	a.viewers = append(a.viewers, v)
	return v, "answer to " + offer, nil
}

type viewer struct {
	done, closed chan struct{}
	once         sync.Once
}

func (v *viewer) Done() <-chan struct{} { return v.done }
func (v *viewer) Close()                { v.once.Do(func() { close(v.closed) }) }

func (v *viewer) wait(t *testing.T) {
	t.Helper()
	select {
	case <-v.closed:
	case <-time.After(20 * time.Second):
		t.Error("the picture goes on")
	}
}

func ready() control.Status {
	return control.Status{
		Version: "1.2.3", Registration: control.Registration{State: "registered", Extension: "105"}, Visit: control.Visit{State: "idle"},
	}
}

// site is a page that is served.
type site struct {
	t      *testing.T
	agent  *agent
	base   string
	client *http.Client
	faults chan error
}

// serve serves a page on loopback until the test ends.
func serve(t *testing.T, change func(*Options)) *site {
	t.Helper()
	jar, err := cookiejar.New(nil)
	check(t, err)
	s := &site{
		t: t, agent: &agent{status: ready()}, faults: make(chan error, 4),
		client: &http.Client{
			Transport: &http.Transport{}, Timeout: 20 * time.Second, Jar: jar,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	address := make(chan string, 4)
	o := Options{
		Address: "127.0.0.1:0", Station: s.agent, Buttons: []Button{{Name: "Front door", Calls: []string{"101"}}},
		Log: slog.New(slog.DiscardHandler), OnFault: func(err error) { s.faults <- err }, OnAddress: func(a string) { address <- a },
	}
	if change != nil {
		change(&o)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, o) }()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		stop()
		check(t, <-ended)
	})
	s.base = "http://" + <-address
	return s
}

// do makes a request; headers are pairs of name and value.
func (s *site) do(method, path, body string, headers ...string) (int, string, http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(body))
	check(s.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(req)
	check(s.t, err)
	text, err := io.ReadAll(resp.Body)
	check(s.t, errors.Join(err, resp.Body.Close()))
	return resp.StatusCode, string(text), resp.Header
}

// open is a page that is open.
type open struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
	token string
}

func (s *site) open() *open {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/api/events", nil)
	check(s.t, err)
	events := &http.Client{Transport: s.client.Transport, Jar: s.client.Jar} // no limit: it is to stay
	resp, err := events.Do(req)
	check(s.t, err)
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("events: %s", resp.Status)
	}
	o := &open{t: s.t, lines: bufio.NewScanner(resp.Body)}
	o.lines.Buffer(nil, 1<<20)
	o.close = sync.OnceFunc(func() {
		cancel()
		_ = resp.Body.Close()
	})
	s.t.Cleanup(o.close)
	var hello greeting
	check(s.t, json.Unmarshal([]byte(o.next("hello")), &hello))
	o.token = hello.Token
	return o
}

// next is the data of the next event of a kind; it is empty at the end.
func (o *open) next(kind string) string {
	o.t.Helper()
	is := false
	for o.lines.Scan() {
		line := o.lines.Text()
		if name, found := strings.CutPrefix(line, "event: "); found {
			is = name == kind
		}
		if data, found := strings.CutPrefix(line, "data: "); found && is {
			return data
		}
	}
	return ""
}

// until waits for a view.
func (o *open) until(what string, ok func(view) bool) view {
	o.t.Helper()
	for {
		data := o.next("view")
		if data == "" {
			o.t.Fatalf("the events ended before: %s", what)
		}
		var v view
		check(o.t, json.Unmarshal([]byte(data), &v))
		if ok(v) {
			return v
		}
	}
}

func TestThePageAndWhatItIsGuardedWith(t *testing.T) {
	s := serve(t, nil)
	for path, kind := range map[string]string{
		"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript", "/icon.svg": "image/svg+xml",
	} {
		status, body, header := s.do("GET", path, "")
		if status != 200 || !strings.HasPrefix(header.Get("Content-Type"), kind) || body == "" {
			t.Errorf("%s: %d, %s", path, status, header.Get("Content-Type"))
		}
		policy := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: the content policy is %q", path, policy)
			}
		}
		if header.Get("X-Frame-Options") != "DENY" || header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, header)
		}
		if path == "/" && (strings.Contains(body, "<script>") || strings.Contains(body, "style=") || strings.Contains(body, "onclick")) {
			t.Error("the page holds script or style that its policy forbids")
		}
	}
	if status, _, _ := s.do("GET", "/login", ""); status != 404 {
		t.Errorf("a login without a password: %d", status)
	}
}

// TestTheWholePageIsSmall: it is for a small machine, and for a phone far from the router.
func TestTheWholePageIsSmall(t *testing.T) {
	entries, err := web.ReadDir("web")
	check(t, err)
	sum := int64(0)
	for _, e := range entries {
		info, infoErr := e.Info()
		check(t, infoErr)
		sum += info.Size()
	}
	if sum > 60_000 {
		t.Errorf("%d bytes", sum)
	}
}

func TestForeignNamesAndPagesAreRefused(t *testing.T) {
	s := serve(t, func(o *Options) { o.Names = []string{"door.example.com"} })
	port := s.base[strings.LastIndex(s.base, ":"):]
	for host, want := range map[string]int{
		"127.0.0.1" + port: 200, "localhost" + port: 200, "[::1]" + port: 200, "LOCALHOST.": 200, "door.localhost": 200, "door.example.com": 200,
		"evil.example" + port: 421, "127.0.0.1.evil.example": 421, "192.0.2.7": 421, "localhost.evil.example": 421, "door.example.com.evil": 421,
	} {
		if status, _, _ := s.do("GET", "/", "", "Host", host); status != want {
			t.Errorf("as %s: %d, want %d", host, status, want)
		}
	}
	page := s.open()
	press := func(headers ...string) int {
		status, _, _ := s.do("POST", "/api/press", `{"button":"Front door"}`, headers...)
		return status
	}
	for name, headers := range map[string][]string{
		"no token":                       nil,
		"a wrong token":                  {tokenHeader, "x"},
		"another origin":                 {tokenHeader, page.token, "Origin", "http://evil.example"},
		"another port of this machine":   {tokenHeader, page.token, "Origin", "http://127.0.0.1:1"},
		"another site, as browsers say":  {tokenHeader, page.token, "Sec-Fetch-Site", "cross-site"},
		"a neighbour, as browsers say":   {tokenHeader, page.token, "Sec-Fetch-Site", "same-site"},
		"a form of another page, posted": {tokenHeader, page.token, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
	} {
		if status := press(headers...); status != http.StatusForbidden {
			t.Errorf("a press with %s: %d", name, status)
		}
	}
	if n := s.agent.pressed(); n != 0 {
		t.Errorf("%d presses", n)
	}
	if status := press(tokenHeader, page.token, "Origin", s.base); status != 200 || s.agent.pressed() != 1 {
		t.Errorf("a press of the page itself: %d", status)
	}
	for path, headers := range map[string][]string{
		"/api/events": {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
		"/page.js":    {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"},
		"/":           {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
	} {
		if status, _, _ := s.do("GET", path, "", headers...); status != http.StatusForbidden {
			t.Errorf("%s for another page: %d", path, status)
		}
	}
	if status, _, _ := s.do("GET", "/", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); status != 200 {
		t.Errorf("a link to the page: %d", status)
	}
	page.close()
	for range 200 { // its end is noticed by and by
		if press(tokenHeader, page.token) == http.StatusForbidden {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the token of a page outlives it")
}

func TestWhatHappensIsTold(t *testing.T) {
	s := serve(t, nil)
	page := s.open()
	page.until("ready", func(v view) bool {
		return v.Title == "Ready. Registered as 105." && v.Mood == moodGood && v.Visit == nil
	})
	s.agent.set(func(st *control.Status) {
		st.Visit = control.Visit{State: "ringing", Button: "Front door", Targets: []string{"101", "102"}}
	})
	v := page.until("ringing", func(v view) bool { return v.Visit != nil })
	if v.Mood != moodBusy || v.Visit.State != "ringing" || v.Visit.Text != "Pressed at “Front door”. Ringing 101, 102." {
		t.Errorf("ringing: %+v, %+v", v, v.Visit)
	}
	s.agent.set(func(st *control.Status) {
		st.Visit = control.Visit{State: "idle"}
		st.Visits = []control.PastVisit{{Number: 1, Button: "Front door", Outcome: "no_answer", Called: []string{"101", "102"}, RingSeconds: 45}}
		st.Faults = []control.Fault{{Code: "no_picture", Severity: "warning", Title: "No picture.", Remedy: "Do this."}}
	})
	v = page.until("over, with a fault", func(v view) bool { return len(v.Faults) == 1 })
	if len(v.Visits) != 1 || v.Visits[0].Word != "No answer" || v.Visits[0].Text != "Nobody answered within 45 s (101, 102)." || v.Faults[0].Remedy != "Do this." ||
		v.Mood != moodWarn {
		t.Errorf("%+v", v)
	}
	s.agent.set(func(st *control.Status) { st.Faults = nil })
	page.until("mended", func(v view) bool { return len(v.Faults) == 0 && v.Mood == moodGood })
	level := -20.5
	s.agent.set(func(st *control.Status) { st.Sound = control.Sound{State: "running", NearLevel: &level} })
	for sound := ""; sound != `{"running":true,"near":-20.5,"far":null}`; {
		if sound = page.next("sound"); sound == "" {
			t.Fatal("the events ended")
		}
	}
}

func TestSoManyPagesAndNoMore(t *testing.T) {
	s := serve(t, nil)
	for range mostReaders {
		s.open()
	}
	status, body, _ := s.do("GET", "/api/events", "")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "open too often") {
		t.Errorf("%d, %s", status, body)
	}
}

func TestSoundIsTestedWhenNobodyIsThere(t *testing.T) {
	s := serve(t, nil)
	page := s.open()
	if status, _, _ := s.do("POST", "/api/sound", "", tokenHeader, page.token); status != 200 || s.agent.tests != 1 {
		t.Errorf("%d", status)
	}
	s.agent.set(func(st *control.Status) { st.Visit.State = "talking" })
	status, body, _ := s.do("POST", "/api/sound", "", tokenHeader, page.token)
	if status != http.StatusConflict || !strings.Contains(body, "Somebody is at the door") {
		t.Errorf("%d, %s", status, body)
	}
}

func TestHelpIsTextAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "no_picture.md"), []byte("# no_picture\n<script>alert(1)</script>"), 0o600))
	check(t, os.WriteFile(filepath.Join(filepath.Dir(dir), "secret.md"), []byte("secret"), 0o600))
	s := serve(t, func(o *Options) { o.Help = dir })
	status, body, header := s.do("GET", "/docs/faults/no_picture", "")
	if status != 200 || !strings.HasPrefix(body, "# no_picture") || header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d, %s, %s", status, header.Get("Content-Type"), body)
	}
	for _, path := range []string{"/docs/faults/other", "/docs/faults/..%2fsecret", "/docs/faults/%2e%2e%2fsecret"} {
		if status, body, _ = s.do("GET", path, ""); status == 200 || strings.Contains(body, "secret") {
			t.Errorf("%s: %d, %s", path, status, body)
		}
	}
	s.agent.set(func(st *control.Status) { st.Faults = []control.Fault{{Code: "no_picture"}, {Code: "other"}} })
	s.open().until("help for one", func(v view) bool { return len(v.Faults) == 2 && v.Faults[0].Help && !v.Faults[1].Help })
}

func TestAnAddressThatIsTakenIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	told, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Options{
			Address: l.Addr().String(), Station: &agent{}, Log: slog.New(slog.DiscardHandler), OnFault: func(err error) { told <- err },
		})
	}()
	if err = <-told; err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("it says %v", err)
	}
	stop()
	check(t, errors.Join(<-ended, l.Close()))
}

func TestHostilePagesAreBounded(t *testing.T) {
	s := serve(t, nil)
	page := s.open()
	status, _, _ := s.do("POST", "/api/picture", strings.Repeat("a", maxBody+1), tokenHeader, page.token, "Content-Type", "application/sdp")
	if status != http.StatusBadRequest {
		t.Errorf("an offer that is too long: %d", status)
	}
	for _, body := range []string{"", "[]", "{", `{"button":""}`, `{"button":"Attic"}`, strings.Repeat("[", 10_000)} {
		if status, _, _ = s.do("POST", "/api/press", body, tokenHeader, page.token); status < 400 || status >= 500 {
			t.Errorf("%.20q: %d", body, status)
		}
	}
	if status, _, _ = s.do("POST", "/api/picture", "offer", tokenHeader, page.token, "Content-Type", "text/plain"); status != http.StatusUnsupportedMediaType {
		t.Errorf("an offer of another kind: %d", status)
	}
}
