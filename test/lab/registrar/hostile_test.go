package registrar

import (
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// hostile are messages that a server may be sent but should not.
var hostile = []string{
	"",
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"INVITE",
	"INVITE sip:101@test SIP/2.0\r\n\r\n",
	"INVITE sip:101@test SIP/2.0\r\nVia: SIP/2.0/WS x\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:101@t>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n",
	"INVITE sip:101@test SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nTo: <sip:101@t>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n",
	"INVITE sip:101@test SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:101@t>\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n\r\n",
	"BYE sip:101@test SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:101@t>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\nContent-Length: 99999\r\n\r\n",
	"REGISTER sip:test SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nFrom: <sip:101@t>;tag=1\r\nTo: <sip:101@t>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <<<>>>;;\r\n\r\n",
	"REGISTER tel:+4930 SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nFrom: <sip:101@t>;tag=1\r\nTo: *\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n",
	"REGISTER sip:test SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nFrom: <sip:101@t>;tag=1\r\nTo: <sip:101@t>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nAuthorization: Digest nc=zz, username=\"\r\n\r\n",
	"ACK sip:101@test SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:101@t>\r\nCall-ID: 1\r\nCSeq: 1 ACK\r\nMax-Forwards: 0\r\n\r\n",
	"SIP/2.0 200 OK\r\n\r\n",
	"SIP/2.0 999 ?\r\nVia: SIP/2.0/WS x;branch=z9hG4bK1\r\nTo: <sip:a@b>\r\nCSeq: 1 INVITE\r\n\r\n",
	"SIP/2.0 200 OK\r\nVia: SIP/2.0/WS x\r\nTo: <sip:a@b>\r\nCSeq: 1 INVITE\r\n\r\n",
	"\x00\x01\x02\xff\xfe",
	strings.Repeat("A: b\r\n", 2000),
}

func TestMalformedMessagesEndNothing(t *testing.T) {
	h := newHome(t)
	c := h.dial("101")
	for _, text := range hostile {
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			if err := c.socket.Write(c.ctx, kind, []byte(text)); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	}
	// The connection lives and still serves. What was answered to the above comes first.
	c.send(c.text(request{method: "OPTIONS", target: "sip:test", to: "<sip:test>", callID: "still-there"}))
	for c.response().CallID().Value() != "still-there" {
	}
}

func TestOversizedMessageEndsOnlyItsSender(t *testing.T) {
	h := newHome(t)
	c, other := h.dial("101"), h.phone("102")
	if err := c.socket.Write(c.ctx, websocket.MessageText, make([]byte, messageLimit+1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.socket.Read(c.ctx); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("got %v, want close code 1009", err)
	}
	other.register(300).want(200)
}

func FuzzReceive(f *testing.F) {
	for _, text := range hostile {
		f.Add([]byte(text))
	}
	for _, method := range []string{"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO"} {
		f.Add(message(method, "sip:101@test", ""))
		f.Add(message(method, "sip:101@101.invalid;transport=ws", "b"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newBench(t)
		door, tablet := b.plug("200", 7200), b.plug("101", 7200)
		b.mu.Lock()
		b.newInvite(door, parse(t, message("INVITE", "sip:101@test", "")))
		b.mu.Unlock()
		b.receive(door, data)
		b.receive(tablet, data)
		b.disconnect(tablet)
		b.disconnect(door)
	})
}
