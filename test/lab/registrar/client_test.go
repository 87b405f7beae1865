package registrar

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var household = map[string]string{"200": "door-secret", "101": "hall-secret", "102": "kitchen-secret"}

// home is a running server to dial.
type home struct {
	t      *testing.T
	server *Server
	url    string
}

func newHome(t *testing.T) *home {
	t.Helper()
	s := New(Options{Realm: "test", Users: household})
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		web.Close()
	})
	return &home{t: t, server: s, url: "ws" + strings.TrimPrefix(web.URL, "http")}
}

// client is a SIP phone on a WebSocket that says exactly what a test tells it to.
type client struct {
	t      *testing.T
	ctx    context.Context
	socket *websocket.Conn
	user   string
	host   string // its made-up host name
	n      int    // counts branches and tags
}

func (h *home) dial(user string) *client {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	socket, _, err := websocket.Dial(ctx, h.url+"/ws", &websocket.DialOptions{Subprotocols: []string{"sip"}})
	if err != nil {
		cancel()
		h.t.Fatalf("dial: %v", err)
	}
	socket.SetReadLimit(messageLimit)
	c := &client{t: h.t, ctx: ctx, socket: socket, user: user, host: sip.GenerateTagN(8) + ".invalid"}
	h.t.Cleanup(func() {
		c.hangUpSocket()
		cancel()
	})
	return c
}

// phone dials and registers.
func (h *home) phone(user string) *client {
	h.t.Helper()
	c := h.dial(user)
	c.register(300).want(200)
	return c
}

func (c *client) hangUpSocket() {
	if err := c.socket.CloseNow(); err != nil {
		c.t.Logf("close: %v", err)
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.socket.Write(c.ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("%s: write: %v", c.user, err)
	}
}

// request builds a request. The headers given replace or follow the usual ones.
type request struct {
	method, target, callID, branch string
	from, to                       string // whole header values; from: "" is the client itself
	cseq                           int
	headers                        []string
	body                           string
}

func (c *client) text(r request) string {
	c.n++
	if r.branch == "" {
		r.branch = fmt.Sprintf("z9hG4bK-%s-%d", c.host, c.n)
	}
	if r.from == "" {
		r.from = fmt.Sprintf("<sip:%s@test>;tag=t%s", c.user, c.host)
	}
	if r.callID == "" {
		r.callID = "call-" + c.host
	}
	if r.cseq == 0 {
		r.cseq = c.n
	}
	lines := []string{
		r.method + " " + r.target + " SIP/2.0",
		"Via: SIP/2.0/WS " + c.host + ";branch=" + r.branch,
		"Max-Forwards: 70",
		"From: " + r.from,
		"To: " + r.to,
		"Call-ID: " + r.callID,
		fmt.Sprintf("CSeq: %d %s", r.cseq, r.method),
	}
	for _, h := range r.headers {
		name, _, _ := strings.Cut(h, ":")
		for i, l := range lines {
			if strings.HasPrefix(l, name+":") {
				lines = append(lines[:i], lines[i+1:]...)
				break
			}
		}
		lines = append(lines, h)
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(r.body)), "", r.body)
	return strings.Join(lines, "\r\n")
}

func (c *client) contact() string { return "<sip:" + c.user + "@" + c.host + ";transport=ws>" }

// receive waits for the next SIP message.
func (c *client) receive() sip.Message {
	c.t.Helper()
	for {
		_, data, err := c.socket.Read(c.ctx)
		if err != nil {
			c.t.Fatalf("%s: nothing more came: %v", c.user, err)
		}
		if isKeepAlive(data) {
			continue
		}
		msg, err := sip.ParseMessage(data)
		if err != nil {
			c.t.Fatalf("%s: unreadable: %v\n%s", c.user, err, data)
		}
		return msg
	}
}

// reply is a response as a test looks at it.
type reply struct {
	*sip.Response
	t *testing.T
}

func (r reply) want(status int) reply {
	r.t.Helper()
	if r.StatusCode != status {
		r.t.Fatalf("got %d %s, want %d", r.StatusCode, r.Reason, status)
	}
	return r
}

// response waits for a response; a 100 Trying is passed over.
func (c *client) response() reply {
	c.t.Helper()
	for {
		msg := c.receive()
		res, ok := msg.(*sip.Response)
		if !ok {
			c.t.Fatalf("%s: got a request where a response was due:\n%s", c.user, msg)
		}
		if res.StatusCode != sip.StatusTrying {
			return reply{res, c.t}
		}
	}
}

// expect waits for a request.
func (c *client) expect(method sip.RequestMethod) *sip.Request {
	c.t.Helper()
	msg := c.receive()
	req, ok := msg.(*sip.Request)
	if !ok || req.Method != method {
		c.t.Fatalf("%s: want %s, got:\n%s", c.user, method, msg)
	}
	return req
}

// answer replies to a request with the client's own To tag and Contact.
func (c *client) answer(req *sip.Request, status int, reason string) {
	c.t.Helper()
	res := sip.NewResponseFromRequest(req, status, reason, nil)
	if req.To().Params.GetOr("tag", "") == "" {
		res.To().Params = sip.HeaderParams{{K: "tag", V: "t" + c.host}}
	}
	if status >= 200 && status < 300 {
		res.AppendHeader(sip.NewHeader("Contact", c.contact()))
	}
	c.send(res.String())
}

// authorized sends a request, answers the challenge and returns what comes after.
func (c *client) authorized(r request, password string) reply {
	c.t.Helper()
	c.send(c.text(r))
	first := c.response()
	ask, give := "WWW-Authenticate", "Authorization"
	if first.StatusCode == sip.StatusProxyAuthRequired {
		ask, give = "Proxy-Authenticate", "Proxy-Authorization"
	}
	if h := first.GetHeader(ask); h == nil {
		return first
	}
	if r.method == "INVITE" {
		c.send(c.text(request{method: "ACK", target: r.target, to: first.To().Value(), callID: r.callID,
			branch: first.Via().Params.GetOr("branch", ""), cseq: int(first.CSeq().SeqNo)}))
	}
	r.headers = append(r.headers, give+": "+c.credentials(first.GetHeader(ask).Value(), r, password))
	r.branch = ""
	c.send(c.text(r))
	return c.response()
}

func (c *client) credentials(challenge string, r request, password string) string {
	c.t.Helper()
	ch, err := digest.ParseChallenge(challenge)
	if err != nil {
		c.t.Fatalf("challenge: %v", err)
	}
	cred, err := digest.Digest(ch, digest.Options{Method: r.method, URI: r.target, Username: c.user, Password: password, Count: 1})
	if err != nil {
		c.t.Fatalf("digest: %v", err)
	}
	return cred.String()
}

func (c *client) registration(headers ...string) request {
	return request{method: "REGISTER", target: "sip:test", to: "<sip:" + c.user + "@test>", callID: "reg-" + c.host,
		headers: headers}
}

func (c *client) register(seconds int) reply {
	c.t.Helper()
	return c.authorized(c.registration(fmt.Sprintf("Contact: %s;expires=%d", c.contact(), seconds)), household[c.user])
}

// invite calls an extension with credentials and returns the first response after 100.
func (c *client) invitation(extension string) request {
	return request{method: "INVITE", target: "sip:" + extension + "@test", to: "<sip:" + extension + "@test>",
		headers: []string{"Contact: " + c.contact(), "Content-Type: application/sdp"}, body: "v=0\r\n"}
}

// ring sends an INVITE with credentials and returns its branch: what a CANCEL has to carry.
func (c *client) ring(extension string) request {
	c.t.Helper()
	r := c.invitation(extension)
	c.send(c.text(r))
	first := c.response().want(sip.StatusProxyAuthRequired)
	c.send(c.text(request{method: "ACK", target: r.target, to: first.To().Value(),
		branch: first.Via().Params.GetOr("branch", ""), cseq: int(first.CSeq().SeqNo)}))
	r.headers = append(r.headers, "Proxy-Authorization: "+
		c.credentials(first.GetHeader("Proxy-Authenticate").Value(), r, household[c.user]))
	r.branch = "z9hG4bK-ring-" + c.host
	r.cseq = 50
	c.send(c.text(r))
	return r
}
