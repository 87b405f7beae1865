package sip

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/icholy/digest"

	sipmsg "github.com/emiago/sipgo/sip"
)

// pbx is a PBX with a script: it registers whoever knows the password, answers OPTIONS, and leaves the rest to the test.
type pbx struct {
	t     *testing.T
	lines chan *line
	wg    sync.WaitGroup

	mu        sync.Mutex
	all       []*line
	onREG     func(l *line, req *sipmsg.Request) bool // takes REGISTER over
	onDial    func(header http.Header) error
	onLook    func() error
	dials     int // in memory only
	looks     int
	away      bool // takes no connection
	mute      bool // answers neither OPTIONS nor pings
	noOptions bool // answers pings only
	noPongs   bool
	pongs     bool          // answers pings all the same when mute
	stuck     bool          // takes nothing off the network
	slow      time.Duration // before OPTIONS are answered
	polite    bool          // answers BYE and CANCEL by itself: the test is over
	expires   string
	stale     int // so many times more a nonce is stale
	password  string
	register  []*sipmsg.Request
	options   int
	swallow   func(n int) bool // whether the n-th OPTIONS is never answered; nil: none
	digests   []string
	asked     map[string]bool // Call-ID and method of requests that were challenged
}

func newPBX(t *testing.T) *pbx {
	return &pbx{t: t, lines: make(chan *line, 100), expires: "299", password: testPassword, asked: map[string]bool{}}
}

// set changes the PBX while it runs.
func (p *pbx) set(f func(*pbx)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// counted reads one of the counters.
func (p *pbx) counted(n *int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *n
}

func (p *pbx) connection() *line {
	p.t.Helper()
	return receive(p.t, p.lines)
}

func (p *pbx) close() {
	p.mu.Lock()
	all := p.all
	p.mu.Unlock()
	for _, l := range all {
		l.hangUp()
	}
	p.wg.Wait()
}

// line is one connection, seen from the PBX.
type line struct {
	pbx   *pbx
	in    chan sipmsg.Message
	read  func() ([]byte, error)
	write func([]byte) error
	shut  func()
	gone  chan struct{}
	lost  error           // why it ended, once gone
	ws    *websocket.Conn // of a real connection
}

func (p *pbx) serve(l *line) {
	l.pbx, l.in, l.gone = p, make(chan sipmsg.Message, 1000), make(chan struct{})
	p.mu.Lock()
	p.all = append(p.all, l)
	p.mu.Unlock()
	p.lines <- l
	defer close(l.gone)
	for {
		data, err := l.read()
		if err != nil {
			l.lost = err
			return
		}
		if isKeepAlive(data) {
			continue
		}
		m, err := parse(data)
		if err != nil {
			p.t.Errorf("the agent sent %q: %v", data, err)
			continue
		}
		req, ok := m.(*sipmsg.Request)
		switch {
		case ok && req.Method == sipmsg.REGISTER:
			p.registerRequest(l, req)
		case ok && req.Method == sipmsg.OPTIONS:
			p.mu.Lock()
			p.options++
			mute, slow := p.mute || p.noOptions || p.swallow != nil && p.swallow(p.options), p.slow
			p.mu.Unlock()
			switch {
			case mute:
			case slow > 0:
				p.wg.Go(func() {
					time.Sleep(slow)
					l.reply(req, 200, "OK", "")
				})
			default:
				l.reply(req, 200, "OK", "")
			}
		case ok && p.isPolite() && (req.Method == sipmsg.BYE || req.Method == sipmsg.CANCEL):
			l.reply(req, 200, "OK", "")
		default:
			l.in <- m
		}
	}
}

func (p *pbx) isPolite() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polite
}

func (p *pbx) registerRequest(l *line, req *sipmsg.Request) {
	p.mu.Lock()
	p.register = append(p.register, req)
	hook, expires, mute := p.onREG, p.expires, p.mute
	p.mu.Unlock()
	if mute {
		return
	}
	if hook != nil && hook(l, req) {
		return
	}
	if !l.authorized(req, 401) {
		return
	}
	contact := req.Contact().Address.String()
	if headerValue(req, "Expires", "") == "0" {
		l.reply(req, 200, "OK", "")
		l.in <- req // seen by tests about stopping
		return
	}
	l.reply(req, 200, "OK", "",
		"Contact: <sip:8001@198.51.100.9:4711;transport=WS;x-ast-orig-host=other.invalid:0>;expires=17",
		"Contact: <"+contact+">;expires="+expires)
}

// authorized checks the digest of a request and challenges it when there is none or a wrong one.
func (l *line) authorized(req *sipmsg.Request, status int) bool {
	ask, have := "WWW-Authenticate", "Authorization"
	if status == 407 {
		ask, have = "Proxy-Authenticate", "Proxy-Authorization"
	}
	l.pbx.mu.Lock()
	defer l.pbx.mu.Unlock()
	stale := ""
	asked := req.CallID().Value() + " " + string(req.Method)
	defer func() { l.pbx.asked[asked] = true }()
	if v := headerValue(req, have, ""); v != "" {
		got, err := digest.ParseCredentials(v)
		if err != nil {
			l.pbx.t.Errorf("credentials %q: %v", v, err)
			return false
		}
		l.pbx.digests = append(l.pbx.digests, got.Response)
		want, err := digest.Digest(
			&digest.Challenge{Realm: "asterisk", Nonce: "n0nce", QOP: []string{"auth"}, Algorithm: got.Algorithm},
			digest.Options{Method: string(req.Method), URI: got.URI, Cnonce: got.Cnonce, Count: got.Nc, Username: "8001", Password: l.pbx.password})
		if err != nil {
			l.pbx.t.Error(err)
			return false
		}
		if got.URI != req.Recipient.String() {
			l.pbx.t.Errorf("digest for %s in a request to %s", got.URI, req.Recipient.String())
		}
		if got.Response == want.Response {
			switch {
			case req.Method != sipmsg.REGISTER && !l.pbx.asked[asked]:
				// Asterisk's nonces live for half a minute: those of the registration are stale when a call is made.
			case l.pbx.stale > 0:
				l.pbx.stale--
			default:
				return true
			}
			stale = ",stale=true"
		}
	}
	l.send(response(req, status, "Unauthorized", "t0", "",
		ask+": Digest realm=\"asterisk\",nonce=\"unknown\",algorithm=SHA-1024,qop=\"auth\"",
		ask+": Digest realm=\"asterisk\",nonce=\"n0nce\",algorithm=MD5,qop=\"auth\""+stale))
	return false
}

// next returns the next message and fails when it is another one.
func (l *line) next(what string) sipmsg.Message {
	l.pbx.t.Helper()
	select {
	case m := <-l.in:
		if got := describe(m); got != what {
			l.pbx.t.Fatalf("got %s, want %s:\n%s", got, what, m)
		}
		return m
	case <-time.After(5 * patience):
		l.pbx.t.Fatalf("waited in vain for %s", what)
	}
	return nil
}

func (l *line) nextRequest(method string) *sipmsg.Request {
	l.pbx.t.Helper()
	req, ok := l.next(method).(*sipmsg.Request)
	if !ok {
		l.pbx.t.Fatalf("%s is no request", method)
	}
	return req
}

// nextOf returns the next message, one of two that may come in either order.
func (l *line) nextOf(a, b string) sipmsg.Message {
	l.pbx.t.Helper()
	m := receive(l.pbx.t, l.in)
	if got := describe(m); got != a && got != b {
		l.pbx.t.Fatalf("got %s, want %s or %s", got, a, b)
	}
	return m
}

// idle fails when the agent has sent anything more. It is exact with the fake clock only.
func (l *line) idle() {
	l.pbx.t.Helper()
	select {
	case m := <-l.in:
		l.pbx.t.Fatalf("unexpected %s:\n%s", describe(m), m)
	default:
	}
}

func describe(m sipmsg.Message) string {
	switch m := m.(type) {
	case *sipmsg.Request:
		return string(m.Method)
	case *sipmsg.Response:
		return fmt.Sprintf("%d %s", m.StatusCode, m.CSeq().MethodName)
	}
	return "?"
}

func (l *line) send(message string) {
	l.pbx.t.Helper()
	if err := l.write([]byte(message)); err != nil {
		l.pbx.t.Logf("PBX: %v", err)
	}
}

func (l *line) hangUp() { l.shut() }

func (l *line) reply(req *sipmsg.Request, status int, reason, body string, extra ...string) {
	l.send(response(req, status, reason, "t0", body, extra...))
}

// response writes an answer as text, as a PBX that is not made of sipgo would.
func response(req *sipmsg.Request, status int, reason, tag, body string, extra ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, reason)
	for _, h := range req.GetHeaders("Via") {
		fmt.Fprintf(&b, "Via: %s;received=192.0.2.7\r\n", h.Value())
	}
	fmt.Fprintf(&b, "From: %s\r\n", req.From().Value())
	to := req.To().Value()
	if param(req.To().Params, "tag") == "" && status > 100 {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "To: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", to, req.CallID().Value(), req.CSeq().Value())
	for _, e := range extra {
		b.WriteString(e + "\r\n")
	}
	if body != "" && !strings.Contains(b.String(), "Content-Type") {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// farCall is a call seen from the PBX.
type farCall struct {
	l      *line
	invite *sipmsg.Request // with credentials
	tag    string
	cseq   int
	n      int

	reinvited int // CSeq of the last re-INVITE
}

// invited sees an INVITE through its challenge up to 100 Trying.
func (l *line) invited() *farCall {
	l.pbx.t.Helper()
	first := l.nextRequest("INVITE")
	if l.authorized(first, 401) { // again in the same call, with a nonce that still holds
		l.reply(first, 100, "Trying", "")
		return &farCall{l: l, invite: first, tag: "far-" + newToken(), cseq: 20000}
	}
	ack := l.nextRequest("ACK")
	if ack.CSeq().SeqNo != first.CSeq().SeqNo || clientBranch(ack) != clientBranch(first) {
		l.pbx.t.Fatalf("ACK of the 401 is not of its INVITE:\n%s", ack)
	}
	second := l.nextRequest("INVITE")
	if !l.authorized(second, 401) {
		l.pbx.t.Fatal("wrong credentials")
	}
	if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || second.CallID().Value() != first.CallID().Value() ||
		second.From().Value() != first.From().Value() || clientBranch(second) == clientBranch(first) {
		l.pbx.t.Fatalf("the second INVITE is not the first one's:\n%s\n%s", first, second)
	}
	l.reply(second, 100, "Trying", "")
	return &farCall{l: l, invite: second, tag: "far-" + newToken(), cseq: 20000}
}

func clientBranch(m sipmsg.Message) string { return param(m.Via().Params, "branch") }

func (f *farCall) answer(status int, reason, body string, extra ...string) {
	f.l.send(f.response(status, reason, body, extra...))
}

func (f *farCall) response(status int, reason, body string, extra ...string) string {
	return response(f.invite, status, reason, f.tag, body,
		append(extra, "Contact: <sip:asterisk@asterisk:5060;transport=ws>", "Allow: OPTIONS, REGISTER, INVITE, ACK, BYE, UPDATE")...)
}

func (f *farCall) ok(extra ...string) { f.answer(200, "OK", testAnswer, extra...) }

// request writes a request within the dialog.
func (f *farCall) request(method, contentType, body string, extra ...string) string {
	cseq := f.cseq + 1
	switch method {
	case "ACK":
		cseq = f.reinvited
	case "INVITE":
		f.reinvited = cseq
		fallthrough
	default:
		f.cseq = cseq
	}
	f.n++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/WS 192.0.2.2:8088;branch=z9hG4bKfar%d%s;rport\r\n", method,
		f.invite.Contact().Address.String(), f.n, f.tag)
	fmt.Fprintf(&b, "From: <sip:101@pbx.example>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", f.tag,
		f.invite.From().Value(), f.invite.CallID().Value(), cseq, method)
	fmt.Fprintf(&b, "Contact: <sip:asterisk@asterisk:5060;transport=ws>\r\nMax-Forwards: 70\r\n")
	for _, e := range extra {
		b.WriteString(e + "\r\n")
	}
	if contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", contentType)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

func (f *farCall) send(method, contentType, body string, extra ...string) {
	f.l.send(f.request(method, contentType, body, extra...))
}

// ServeHTTP is the PBX's WebSocket server.
func (p *pbx) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.wg.Add(1)
	defer p.wg.Done()
	p.mu.Lock()
	hook, away := p.onDial, p.away
	p.mu.Unlock()
	if away {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	if hook != nil {
		if err := hook(r.Header); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
	}
	if r.Header.Get("Upgrade") == "" { // only a look
		http.Error(w, "this is a WebSocket", http.StatusUpgradeRequired)
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}})
	if err != nil {
		p.t.Errorf("accept: %v", err)
		return
	}
	defer c.CloseNow() //nolint:errcheck // the end of a test
	c.SetReadLimit(1 << 20)
	if c.Subprotocol() != "sip" {
		p.t.Errorf("subprotocol %q", c.Subprotocol())
	}
	p.serve(&line{
		ws: c,
		read: func() ([]byte, error) {
			_, d, failed := c.Read(context.Background())
			return d, failed
		},
		write: func(d []byte) error { return c.Write(context.Background(), websocket.MessageText, d) },
		shut:  func() { c.CloseNow() }, //nolint:errcheck // either end may be first
	})
}
