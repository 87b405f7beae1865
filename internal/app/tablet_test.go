package app

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// tablet is a phone of the household: SIP over a WebSocket of its own, and pion's PeerConnection.
type tablet struct {
	t      *testing.T
	socket *websocket.Conn
	pc     *webrtc.PeerConnection

	mu      sync.Mutex
	n       int
	invite  *sipmsg.Request
	ok      *sipmsg.Response
	invited chan struct{}
	replies chan *sipmsg.Response
	byes    chan struct{}
	cancels chan struct{}
}

// newTablet registers extension 101.
func newTablet(h *house) *tablet {
	h.t.Helper()
	direct := httptest.NewServer(h.pbx)
	h.t.Cleanup(direct.Close)
	ctx, cancel := context.WithCancel(context.Background())
	socket, _, err := websocket.Dial(ctx, direct.URL, &websocket.DialOptions{Subprotocols: []string{"sip"}})
	if err != nil {
		cancel()
		h.t.Fatal(err)
	}
	p := &tablet{
		t: h.t, socket: socket, invited: make(chan struct{}, 4), replies: make(chan *sipmsg.Response, 16),
		byes: make(chan struct{}, 4), cancels: make(chan struct{}, 4),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.read(ctx)
	}()
	h.t.Cleanup(func() {
		cancel()
		<-ended
		socket.CloseNow()
		if p.pc != nil {
			check(h.t, p.pc.GracefulClose())
		}
	})
	p.register()
	return p
}

const tabletHost = "tablet.invalid"

func (p *tablet) register() {
	p.t.Helper()
	request := func(more string) {
		p.n++
		p.send(fmt.Sprintf("REGISTER sip:test SIP/2.0\r\nVia: SIP/2.0/WS %s;branch=z9hG4bK-%d\r\nMax-Forwards: 70\r\nFrom: <sip:101@test>;tag=r\r\n"+
			"To: <sip:101@test>\r\nCall-ID: register\r\nCSeq: %d REGISTER\r\nContact: <sip:101@%s;transport=ws>;expires=300\r\n%sContent-Length: 0\r\n\r\n",
			tabletHost, p.n, p.n, tabletHost, more))
	}
	request("")
	challenge, err := digest.ParseChallenge(p.reply(401).GetHeader("WWW-Authenticate").Value())
	check(p.t, err)
	cred, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: "sip:test", Username: "101", Password: password, Count: 1})
	check(p.t, err)
	request("Authorization: " + cred.String() + "\r\n")
	p.reply(200)
}

func (p *tablet) send(text string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.socket.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		p.t.Errorf("the tablet can't send: %v", err)
	}
}

func (p *tablet) reply(status int) *sipmsg.Response {
	p.t.Helper()
	select {
	case r := <-p.replies:
		if r.StatusCode != status {
			p.t.Fatalf("got %d, want %d", r.StatusCode, status)
		}
		return r
	case <-time.After(patience):
		p.t.Fatalf("no %d", status)
		return nil
	}
}

func (p *tablet) read(ctx context.Context) {
	for {
		_, data, err := p.socket.Read(ctx)
		if err != nil {
			return
		}
		msg, err := sipmsg.ParseMessage(data)
		if err != nil {
			continue // a keep-alive
		}
		switch m := msg.(type) {
		case *sipmsg.Response:
			p.replies <- m
		case *sipmsg.Request:
			p.request(m)
		}
	}
}

func (p *tablet) request(m *sipmsg.Request) {
	switch m.Method {
	case sipmsg.INVITE:
		p.mu.Lock()
		p.invite = m
		p.mu.Unlock()
		p.answer(m, 180, "Ringing", "")
		p.invited <- struct{}{}
	case sipmsg.ACK:
	case sipmsg.BYE:
		p.answer(m, 200, "OK", "")
		p.byes <- struct{}{}
	case sipmsg.CANCEL:
		p.answer(m, 200, "OK", "")
		p.mu.Lock()
		invite := p.invite
		p.mu.Unlock()
		p.answer(invite, 487, "Request Terminated", "")
		p.cancels <- struct{}{}
	default:
		p.answer(m, 200, "OK", "")
	}
}

func (p *tablet) answer(m *sipmsg.Request, status int, reason, sdp string) {
	res := sipmsg.NewResponseFromRequest(m, status, reason, []byte(sdp))
	if _, tagged := res.To().Params.Get("tag"); !tagged {
		res.To().Params = sipmsg.HeaderParams{{K: "tag", V: "kitchen"}}
	}
	res.AppendHeader(sipmsg.NewHeader("Contact", "<sip:101@"+tabletHost+";transport=ws>"))
	if sdp != "" {
		res.AppendHeader(sipmsg.NewHeader("Content-Type", "application/sdp"))
		p.mu.Lock()
		p.ok = res
		p.mu.Unlock()
	}
	p.send(res.String())
}

func (p *tablet) waits(what string, c <-chan struct{}) {
	p.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		p.t.Fatalf("the tablet sees no %s", what)
	}
}

// pickUp answers the call that rings.
func (p *tablet) pickUp() {
	p.t.Helper()
	p.waits("INVITE", p.invited)
	p.mu.Lock()
	invite := p.invite
	p.mu.Unlock()
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.DisableCloseByDTLS(true)
	var m webrtc.MediaEngine
	check(p.t, m.RegisterDefaultCodecs())
	if p.pc != nil {
		check(p.t, p.pc.GracefulClose()) // of the call before
	}
	var err error
	p.pc, err = webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(&m)).NewPeerConnection(webrtc.Configuration{})
	check(p.t, err)
	check(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(invite.Body())}))
	a, err := p.pc.CreateAnswer(nil)
	check(p.t, err)
	gathered := webrtc.GatheringCompletePromise(p.pc)
	check(p.t, p.pc.SetLocalDescription(a))
	select {
	case <-gathered:
	case <-time.After(patience):
		p.t.Fatal("no candidates")
	}
	p.answer(invite, 200, "OK", p.pc.LocalDescription().SDP)
}

// within sends a request inside the call.
func (p *tablet) within(method, body string, headers ...string) {
	p.t.Helper()
	p.mu.Lock()
	ok, invite := p.ok, p.invite
	p.n++
	n := p.n
	p.mu.Unlock()
	more := ""
	if len(headers) > 0 {
		more = strings.Join(headers, "\r\n") + "\r\n"
	}
	contact := invite.Contact().Address
	p.send(fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/WS %s;branch=z9hG4bK-%d\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%sContent-Length: %d\r\n\r\n%s",
		method, contact.String(), tabletHost, n, ok.To().Value(), ok.From().Value(), ok.CallID().Value(), n, method, more, len(body), body))
	p.reply(200)
}

// digit sends a key by SIP INFO.
func (p *tablet) digit(r rune) {
	p.t.Helper()
	p.within("INFO", fmt.Sprintf("Signal=%c\r\nDuration=100\r\n", r), "Content-Type: application/dtmf-relay")
}

func (p *tablet) hangUp() {
	p.t.Helper()
	p.within("BYE", "")
}
