package sip

import (
	"fmt"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

// dialin is a call that the PBX makes to the agent, seen from the PBX.
type dialin struct {
	l                      *line
	callID, tag, toTag, to string
	cseq, n                int
	target                 string // Contact of the agent
	caller                 []string
}

// dials prepares a call of extension 101, which Asterisk vouches for with P-Asserted-Identity.
func (l *line) dials() *dialin {
	return &dialin{
		l: l, callID: "in-" + newToken(), tag: "caller-" + newToken(), cseq: 30000, to: "<sip:8001@192.0.2.7>",
		target: "sip:8001@192.0.2.7:4711;transport=ws",
		caller: []string{
			`From: "asterisk" <sip:asterisk@pbx.example>;tag=`, `P-Asserted-Identity: "The \"tall\" one" <sip:101@pbx.example>`,
		},
	}
}

// text writes a request; a request within the dialog once there is one.
func (d *dialin) text(method, contentType, body string, extra ...string) string {
	if method != "ACK" && method != "CANCEL" {
		d.cseq++
	}
	if method != "CANCEL" {
		d.n++
	}
	to := d.to
	if d.toTag != "" && method != "CANCEL" {
		to += ";tag=" + d.toTag
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/WS 192.0.2.2:8088;branch=z9hG4bKin%d%s;rport\r\n", method, d.target, d.n, d.callID)
	fmt.Fprintf(&b, "%s%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", d.caller[0], d.tag, to, d.callID, d.cseq, method)
	fmt.Fprintf(&b, "Contact: <sip:asterisk@asterisk:5060;transport=ws>\r\nMax-Forwards: 70\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n")
	for _, e := range append(d.caller[1:], extra...) {
		b.WriteString(e + "\r\n")
	}
	if contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", contentType)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

func (d *dialin) send(method, contentType, body string, extra ...string) {
	d.l.send(d.text(method, contentType, body, extra...))
}

// invite calls the agent and sees the 100.
func (d *dialin) invite(extra ...string) {
	d.l.pbx.t.Helper()
	d.send("INVITE", "application/sdp", testOffer, extra...)
	d.l.next("100 INVITE")
}

// accepted takes the 200 and leaves the ACK to the test.
func (d *dialin) accepted() *sipmsg.Response {
	d.l.pbx.t.Helper()
	res := d.l.next("200 INVITE").(*sipmsg.Response)
	d.toTag, d.target = param(res.To().Params, "tag"), res.Contact().Address.String()
	return res
}

// doorman takes the calls to the agent down for the test, and stays with each until it is decided.
type doorman chan *Incoming

func (d doorman) take(i *Incoming) {
	d <- i
	<-i.Context().Done()
}

// withDoorman runs a scenario with calls to the agent.
func withDoorman(t *testing.T, run func(*testing.T, func(*Config, *pbx), func(*testing.T, *world)), scenario func(t *testing.T, w *world, calls doorman)) {
	t.Helper()
	var calls doorman // of the world that is set up last
	run(t, func(c *Config, _ *pbx) {
		mine := make(doorman, 100)
		calls, c.OnInvite = mine, mine.take
	}, func(t *testing.T, w *world) { scenario(t, w, calls) })
}

// answer answers an incoming call in the background.
func answer(t *testing.T, i *Incoming, h *witness) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		leg, err := i.Answer(t.Context(), testAnswer, h.handler())
		done <- outcome{leg, err}
	}()
	return done
}

// talkIn sets up a call of the PBX that is up.
func (w *world) talkIn(l *line, calls doorman, h *witness, extra ...string) (*Leg, *dialin) {
	w.t.Helper()
	d := l.dials()
	d.invite(extra...)
	done := answer(w.t, receive(w.t, calls), h)
	d.accepted()
	d.send("ACK", "", "")
	o := receive(w.t, done)
	if o.err != nil {
		w.t.Fatal(o.err)
	}
	return o.leg, d
}
