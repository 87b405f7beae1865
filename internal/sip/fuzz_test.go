package sip

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

// hostile is the socket of a PBX that answers the INVITE, says what the fuzzer thinks of, and is gone. In its messages {id}, {us},
// {them} and {branch} stand for the Call-ID, the tags and the branch of the call that is up.
type hostile struct {
	script []string
	t      *testing.T

	in   chan []byte
	once sync.Once
}

func (h *hostile) Read() ([]byte, error) {
	if m, ok := <-h.in; ok {
		return m, nil
	}
	return nil, io.EOF
}

func (h *hostile) Write(_ context.Context, message []byte) error {
	m, err := parse(message)
	if strings.HasPrefix(string(message), "SIP/2.0 ") {
		return nil // it repeats headers of the request, which may be as broken as they came
	}
	if err != nil {
		h.t.Errorf("the agent sent %q: %v", message, err)
		return nil
	}
	if req, ok := m.(*sipmsg.Request); ok && req.IsInvite() && param(req.To().Params, "tag") == "" {
		h.once.Do(func() { h.play(req) })
	}
	return nil
}

func (h *hostile) play(invite *sipmsg.Request) {
	real := strings.NewReplacer("{id}", invite.CallID().Value(), "{us}", param(invite.From().Params, "tag"), "{them}", "far",
		"{branch}", clientBranch(invite))
	h.in <- []byte(response(invite, 200, "OK", "far", testAnswer, "Contact: <sip:asterisk@asterisk>", "Allow: UPDATE"))
	for _, m := range h.script {
		h.in <- []byte(real.Replace(m))
	}
	close(h.in)
}

func (h *hostile) Ping(context.Context) error { return nil }
func (h *hostile) Leave()                     {}
func (h *hostile) Close() error               { return nil }

// FuzzLeg throws messages at an agent with a call that is up: whatever they say, the call ends once, its handler is told so once, all
// that the agent sends can be read, and nothing of it is left running.
func FuzzLeg(f *testing.F) {
	within := func(method, extra, body string) string {
		return method + " sip:8001@x SIP/2.0\r\nVia: SIP/2.0/WS pbx;branch=z9hG4bK" + method + "\r\nFrom: <sip:101@x>;tag={them}\r\nTo: <sip:8001@x>;tag={us}\r\n" +
			"Call-ID: {id}\r\nCSeq: 20 " + method + "\r\n" + extra + "\r\n" + body
	}
	f.Add(strings.Join([]string{
		within("INVITE", "Content-Type: application/sdp\r\nSession-Expires: 90;refresher=uas\r\n", "offer"), within("ACK", "", ""), within("CANCEL", "", ""),
		strings.Replace(within("INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=5"), "CSeq: 20", "CSeq: 21", 1),
		strings.Replace(within("BYE", "Reason: SIP;cause=200;text=\"x\"\r\n", ""), "CSeq: 20", "CSeq: 22", 1),
	}, "\x00"))
	f.Add(within("UPDATE", "Contact: <sip:elsewhere>\r\nx: 99\r\nk: timer\r\nMin-SE: 4\r\n", "") + "\x00" + within("REFER", "Require: x,,y\r\n", ""))
	f.Add("SIP/2.0 200 OK\r\nVia: SIP/2.0/WS h;branch={branch}\r\nFrom: <sip:8001@x>;tag={us}\r\nTo: <sip:101@x>;tag=other\r\nCall-ID: {id}\r\nCSeq: 1 INVITE\r\n" +
		"Record-Route: <sip:p;lr>\r\nContact: <sip:a@b?x=y>\r\n\r\n")
	f.Add("INVITE sip:8001@x SIP/2.0\r\nv: SIP/2.0/WS pbx;branch=z9hG4bKnew\r\nf: <sip:101@x>;tag=new\r\nt: <sip:8001@x>\r\ni: new\r\nCSeq: 1 INVITE\r\n" +
		"m: <sip:a@b>\r\nc: application/sdp\r\nP-Asserted-Identity: \"x\" <sip:1%32@x>, tel:+1\r\n\r\noffer\x00" +
		"CANCEL sip:8001@x SIP/2.0\r\nv: SIP/2.0/WS pbx;branch=z9hG4bKnew\r\nf: <sip:101@x>;tag=new\r\nt: <sip:8001@x>\r\ni: new\r\nCSeq: 1 CANCEL\r\n\r\n")
	f.Fuzz(func(t *testing.T, script string) {
		a, err := New(Config{
			Extension: "8001", Domain: "pbx.example", Locate: func(context.Context) (Endpoint, error) { return Endpoint{}, io.EOF },
			OnInvite: func(i *Incoming) {
				if _, err := i.Answer(i.Context(), testAnswer, Handler{}); err == nil && i.Caller() == "none" {
					t.Error("called by none")
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		sock := &hostile{t: t, in: make(chan []byte, 1000)}
		for m := range strings.SplitSeq(script, "\x00") {
			if sock.script = append(sock.script, m); len(sock.script) > 50 {
				break
			}
		}
		c := newConn(a.log, a.receive)
		c.attach(sock, hopOf("ws", sock, "x.invalid"))
		a.adopt(c)
		var running sync.WaitGroup
		running.Go(c.run)
		ends := 0
		leg, err := a.Invite(t.Context(), "101", testOffer, Handler{
			Reoffer: func(_ context.Context, offer string) (string, error) {
				if strings.Contains(offer, "no") {
					return "", ErrNotAcceptable
				}
				return testAnswer, nil
			},
			Ended: func(End) { ends++ },
		})
		running.Wait()
		a.lose(c)
		a.mu.Lock()
		a.stopped = true
		var left []*Leg
		for _, l := range a.legs {
			left = append(left, l)
		}
		a.mu.Unlock()
		for _, l := range left {
			l.abandoned()
		}
		a.wg.Wait()
		switch {
		case err != nil && !errors.Is(err, ErrConnectionLost):
			t.Errorf("Invite: %v", err)
		case err == nil && ends != 1:
			t.Errorf("the handler was told %d times that the call ended", ends)
		case err == nil:
			<-leg.Done()
		}
		if len(a.legs) != 0 {
			t.Errorf("%d legs are left", len(a.legs))
		}
	})
}

// FuzzRedirection follows whatever contacts a 3xx names: never out of the house, and never to many.
func FuzzRedirection(f *testing.F) {
	f.Add("<sip:102@pbx.example>;q=0.5, \"a,b\" <sip:103@PBX.example;transport=ws?x=y>;q=1", "sip:104@evil.example")
	f.Add("*", "<sip:1@pbx.example;method=BYE>, <sips:1@pbx.example>, tel:1, <sip:[::1]:99999>")
	f.Fuzz(func(t *testing.T, first, second string) {
		text := "SIP/2.0 302 Moved\r\nVia: SIP/2.0/WS h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" +
			"Contact: " + first + "\r\nContact: " + second + "\r\nContent-Length: 0\r\n\r\n"
		m, err := parse([]byte(text))
		if err != nil {
			return
		}
		res, ok := m.(*sipmsg.Response)
		if !ok {
			return
		}
		var r redirection
		for range 10 {
			r.follow(res, []string{"pbx.example"})
		}
		if len(r.next) > maxContacts+1 || r.hops > maxRedirections {
			t.Errorf("%d targets, %d hops", len(r.next), r.hops)
		}
		for _, uri := range r.next {
			if !strings.EqualFold(uri.Host, "pbx.example") || uri.User == "" || uri.Headers != nil {
				t.Errorf("would call %s", uri.String())
			}
		}
	})
}
