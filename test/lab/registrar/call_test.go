package registrar

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestCallFromRingToGoodbye(t *testing.T) {
	h := newHome(t)
	door, tablet := h.phone("200"), h.phone("101")
	ring := door.ring("101")

	invite := tablet.expect(sip.INVITE)
	if got := invite.Recipient.Host; got != tablet.host {
		t.Errorf("Request-URI host %s, want the registered contact %s", got, tablet.host)
	}
	if vias := invite.GetHeaders("Via"); len(vias) != 2 {
		t.Errorf("Via %v, want ours on top of the caller's", vias)
	}
	if invite.MaxForwards().Val() != 69 {
		t.Errorf("Max-Forwards %d, want 69", invite.MaxForwards().Val())
	}
	if invite.GetHeader("Proxy-Authorization") != nil {
		t.Error("the caller's credentials were passed on")
	}
	if string(invite.Body()) != ring.body {
		t.Errorf("body %q, want %q", invite.Body(), ring.body)
	}

	tablet.answer(invite, 180, "Ringing")
	ringing := door.response().want(180)
	if vias := ringing.GetHeaders("Via"); len(vias) != 1 || ringing.Via().Host != door.host {
		t.Errorf("Via %v, want the caller's alone", vias)
	}
	tablet.answer(invite, 200, "OK")
	ok := door.response().want(200)

	farTag := ok.To().Value()
	target := "sip:101@" + tablet.host + ";transport=ws"
	door.send(door.text(request{method: "ACK", target: target, to: farTag, cseq: 50}))
	tablet.expect(sip.ACK)

	// The tablet opens the door: INFO, to the door's Contact.
	nearTag := ok.From().Value()
	info := request{method: "INFO", target: "sip:200@" + door.host + ";transport=ws", callID: ok.CallID().Value(),
		from: farTag, to: nearTag, headers: []string{"Content-Type: application/dtmf-relay"}, body: "Signal=1\r\nDuration=100\r\n"}
	tablet.send(tablet.text(info))
	got := door.expect(sip.INFO)
	if string(got.Body()) != info.body {
		t.Errorf("INFO body %q, want %q", got.Body(), info.body)
	}
	door.answer(got, 200, "OK")
	tablet.response().want(200)

	// A re-INVITE each way, one with a made-up target: the call's connection counts.
	again := request{method: "INVITE", target: "sip:somebody@nowhere.invalid", to: farTag, cseq: 60,
		headers: []string{"Contact: " + door.contact()}}
	door.send(door.text(again))
	re := tablet.expect(sip.INVITE)
	tablet.answer(re, 200, "OK")
	door.response().want(200)
	door.send(door.text(request{method: "ACK", target: target, to: farTag, cseq: 60}))
	tablet.expect(sip.ACK)

	again = request{method: "INVITE", target: "sip:200@" + door.host, callID: ok.CallID().Value(), from: farTag, to: nearTag,
		branch: "z9hG4bK-again"}
	tablet.send(tablet.text(again))
	door.answer(door.expect(sip.INVITE), 488, "Not Acceptable Here")
	door.expect(sip.ACK) // the proxy's, at once
	tablet.response().want(488)
	again.method = "ACK"
	tablet.send(tablet.text(again))

	tablet.send(tablet.text(request{method: "BYE", target: "sip:200@" + door.host, callID: ok.CallID().Value(),
		from: farTag, to: nearTag}))
	door.answer(door.expect(sip.BYE), 200, "OK")
	tablet.response().want(200)

	// The call is over: nothing of it is routed any more.
	door.send(door.text(request{method: "BYE", target: "sip:101@nowhere.invalid", to: farTag}))
	door.response().want(481)
}

func TestFirstAnswerWins(t *testing.T) {
	h := newHome(t)
	door, hall, kitchen := h.phone("200"), h.phone("101"), h.phone("101")
	door.ring("101")
	a, b := hall.expect(sip.INVITE), kitchen.expect(sip.INVITE)
	hall.answer(a, 180, "Ringing")
	kitchen.answer(b, 180, "Ringing")
	door.response().want(180)
	door.response().want(180)

	kitchen.answer(b, 200, "OK")
	ok := door.response().want(200)
	if !strings.Contains(ok.Contact().Value(), kitchen.host) {
		t.Errorf("answered by %s, want the kitchen", ok.Contact().Value())
	}
	cancel := hall.expect(sip.CANCEL)
	if branchOf(cancel) != branchOf(a) {
		t.Error("the CANCEL does not belong to the INVITE")
	}
	if r := cancel.GetHeader("Reason"); r == nil || r.Value() != elsewhere {
		t.Errorf("Reason %v, want %q", r, elsewhere)
	}
	hall.answer(cancel, 200, "OK")
	hall.answer(a, 487, "Request Terminated")
	hall.expect(sip.ACK)
}

func TestTwoAnswersAtOnce(t *testing.T) {
	h := newHome(t)
	door, hall, kitchen := h.phone("200"), h.phone("101"), h.phone("101")
	door.ring("101")
	a, b := hall.expect(sip.INVITE), kitchen.expect(sip.INVITE)
	kitchen.answer(b, 200, "OK")
	door.response().want(200)
	// The hall answered before the CANCEL reached it: it is let down gently, and the door never hears of it.
	hall.answer(a, 200, "OK")
	hall.expect(sip.ACK)
	bye := hall.expect(sip.BYE)
	if bye.CSeq().SeqNo != a.CSeq().SeqNo+1 || bye.Recipient.Host != hall.host {
		t.Errorf("BYE %s CSeq %d", bye.Recipient.String(), bye.CSeq().SeqNo)
	}
	hall.answer(a, 200, "OK") // repeated until its ACK arrives
	hall.expect(sip.ACK)
	hall.answer(bye, 200, "OK")
	door.send(door.text(request{method: "OPTIONS", target: "sip:test", to: "<sip:test>"}))
	door.response().want(200)
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name       string
		hall, kit  int
		want       int
		kitCancels bool
	}{
		{"busy", 486, 486, 486, false},
		{"declined and busy: the first", 480, 486, 480, false},
		{"a person's answer before a server's", 503, 486, 486, false},
		{"603 speaks for all", 603, 487, 603, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t)
			door, hall, kitchen := h.phone("200"), h.phone("101"), h.phone("101")
			door.ring("101")
			a, b := hall.expect(sip.INVITE), kitchen.expect(sip.INVITE)
			kitchen.answer(b, 180, "Ringing")
			door.response().want(180)
			hall.answer(a, tc.hall, "No")
			hall.expect(sip.ACK)
			if tc.kitCancels {
				kitchen.answer(kitchen.expect(sip.CANCEL), 200, "OK")
			}
			kitchen.answer(b, tc.kit, "No")
			kitchen.expect(sip.ACK)
			door.response().want(tc.want)
		})
	}
}

func TestNobodyThere(t *testing.T) {
	h := newHome(t)
	door := h.phone("200")
	door.authorized(door.invitation("999"), household["200"]).want(404)
	door.authorized(door.invitation("102"), household["200"]).want(480)
}

func TestCallerGivesUp(t *testing.T) {
	h := newHome(t)
	door, tablet := h.phone("200"), h.phone("101")
	ring := door.ring("101")
	invite := tablet.expect(sip.INVITE)

	cancel := request{method: "CANCEL", target: ring.target, to: ring.to, branch: ring.branch, cseq: ring.cseq,
		headers: []string{`Reason: SIP;cause=487;text="gone"`}}
	door.send(door.text(cancel))
	door.response().want(200)
	// A CANCEL waits until the phone has taken the INVITE.
	tablet.answer(invite, 180, "Ringing")
	got := tablet.expect(sip.CANCEL)
	if r := got.GetHeader("Reason"); r == nil || !strings.Contains(r.Value(), "gone") {
		t.Errorf("Reason %v, want the caller's", r)
	}
	tablet.answer(got, 200, "OK")
	tablet.answer(invite, 487, "Request Terminated")
	tablet.expect(sip.ACK)
	door.response().want(487)

	cancel.branch = "z9hG4bK-never"
	door.send(door.text(cancel))
	door.response().want(481)
}

func TestCallerVanishes(t *testing.T) {
	h := newHome(t)
	door, tablet := h.phone("200"), h.phone("101")
	door.ring("101")
	invite := tablet.expect(sip.INVITE)
	tablet.answer(invite, 180, "Ringing")
	door.response().want(180)
	door.hangUpSocket()
	tablet.expect(sip.CANCEL)
}

func TestCalleeVanishes(t *testing.T) {
	h := newHome(t)
	door, tablet := h.phone("200"), h.phone("101")
	door.ring("101")
	tablet.expect(sip.INVITE)
	tablet.hangUpSocket()
	door.response().want(480)
}

func TestWhoMayDoWhat(t *testing.T) {
	h := newHome(t)
	door, tablet := h.phone("200"), h.phone("101")

	spoof := door.invitation("101")
	spoof.from = "<sip:102@test>;tag=spoof"
	door.authorized(spoof, household["200"]).want(403)

	door.ring("101")
	tablet.answer(tablet.expect(sip.INVITE), 200, "OK")
	ok := door.response().want(200)

	// A stranger who knows everything about the call, and one with an extension of its own.
	bye := request{method: "BYE", target: "sip:200@" + door.host, callID: ok.CallID().Value(),
		from: ok.To().Value(), to: ok.From().Value()}
	stranger := h.dial("101")
	stranger.send(stranger.text(bye))
	stranger.response().want(403)
	kitchen := h.phone("102")
	kitchen.send(kitchen.text(bye))
	kitchen.response().want(481)

	// Responses from somebody who was not asked are dropped.
	tablet.send(tablet.text(bye))
	req := door.expect(sip.BYE)
	kitchen.answer(req, 500, "Forged")
	door.answer(req, 200, "OK")
	tablet.response().want(200)
}

func TestOptionsAndMessages(t *testing.T) {
	h := newHome(t)
	door, tablet := h.phone("200"), h.phone("101")
	door.send(door.text(request{method: "OPTIONS", target: "sip:test", to: "<sip:test>"}))
	if allow := door.response().want(200).GetHeader("Allow"); allow == nil {
		t.Error("no Allow")
	}
	r := request{method: "OPTIONS", target: "sip:101@test", to: "<sip:101@test>"}
	door.send(door.text(r))
	ask := door.response().want(407).GetHeader("Proxy-Authenticate").Value()
	r.headers = []string{"Proxy-Authorization: " + door.credentials(ask, r, household["200"])}
	door.send(door.text(r))
	tablet.answer(tablet.expect(sip.OPTIONS), 200, "OK")
	door.response().want(200)

	r = request{method: "OPTIONS", target: "sip:101@test", to: "<sip:101@test>", headers: []string{"Max-Forwards: 0"}}
	door.send(door.text(r))
	door.response().want(483)
}
