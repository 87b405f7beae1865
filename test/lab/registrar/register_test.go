package registrar

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestRegisterListsEveryContact(t *testing.T) {
	h := newHome(t)
	first := h.phone("101")
	second := h.dial("101")
	res := second.register(300).want(200)
	contacts := res.GetHeaders("Contact")
	if len(contacts) != 2 || !strings.Contains(contacts[0].Value(), first.host) ||
		!strings.Contains(contacts[1].Value(), second.host) {
		t.Fatalf("contacts %v, want those of both phones, oldest first", contacts)
	}
	if n := h.server.Registered("101"); n != 2 {
		t.Errorf("Registered = %d, want 2", n)
	}

	// A refresh does not add another.
	if res = first.register(300).want(200); len(res.GetHeaders("Contact")) != 2 {
		t.Errorf("after a refresh: %v", res.GetHeaders("Contact"))
	}
	// The one that leaves is gone, the other stays.
	if res = first.register(0).want(200); len(res.GetHeaders("Contact")) != 1 {
		t.Errorf("after unregistering one: %v", res.GetHeaders("Contact"))
	}
}

func TestRegisterExpiry(t *testing.T) {
	for _, tc := range []struct {
		name, contact, header, want string
		status                      int
	}{
		{"contact parameter wins", ";expires=120", "Expires: 600", "120", 200},
		{"Expires header", "", "Expires: 600", "600", 200},
		{"none asked", "", "", "300", 200},
		{"too short is lengthened", ";expires=1", "", "60", 200},
		{"too long is shortened", ";expires=999999", "", "7200", 200},
		{"not a number", ";expires=soon", "", "", 400},
		{"negative header", "", "Expires: -1", "", 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t)
			c := h.dial("101")
			headers := []string{"Contact: " + c.contact() + tc.contact}
			if tc.header != "" {
				headers = append(headers, tc.header)
			}
			res := c.authorized(c.registration(headers...), household["101"]).want(tc.status)
			if tc.status != 200 {
				return
			}
			if got := res.Contact().Params.GetOr("expires", ""); got != tc.want {
				t.Errorf("expires %s, want %s", got, tc.want)
			}
		})
	}
}

func TestUnregisterAll(t *testing.T) {
	h := newHome(t)
	h.phone("101")
	c := h.phone("101")
	c.authorized(c.registration("Contact: *", "Expires: 60"), household["101"]).want(400)
	c.authorized(c.registration("Contact: *", "Expires: 0"), household["101"]).want(200)
	if n := h.server.Registered("101"); n != 0 {
		t.Errorf("Registered = %d after Contact: *", n)
	}
}

func TestContactLimitPushesOutTheOldest(t *testing.T) {
	h := newHome(t)
	first := h.phone("101")
	for range maxContacts {
		h.phone("101")
	}
	if n := h.server.Registered("101"); n != maxContacts {
		t.Fatalf("Registered = %d, want %d", n, maxContacts)
	}
	for _, contact := range first.authorized(first.registration(), household["101"]).want(200).GetHeaders("Contact") {
		if strings.Contains(contact.Value(), first.host) {
			t.Error("the oldest contact is still there")
		}
	}
}

func TestClosedSocketIsForgotten(t *testing.T) {
	h := newHome(t)
	gone := h.phone("101")
	stays := h.phone("101")
	gone.hangUpSocket()
	for {
		n := len(stays.authorized(stays.registration(), household["101"]).want(200).GetHeaders("Contact"))
		if n == 1 {
			break
		}
	}
}

func TestRefusedRegistrations(t *testing.T) {
	h := newHome(t)
	c := h.dial("101")
	c.authorized(c.registration("Contact: "+c.contact()), "guessed").want(403)

	stranger := h.dial("999")
	stranger.authorized(stranger.registration("Contact: "+stranger.contact()), "").want(403)

	// One extension does not register another.
	thief := h.dial("102")
	r := thief.registration("Contact: " + thief.contact())
	r.to = "<sip:101@test>"
	thief.authorized(r, household["102"]).want(403)

	if n := h.server.Registered("101"); n != 0 {
		t.Errorf("Registered = %d, want 0", n)
	}
}

func TestCredentialsAreGoodForOneRequest(t *testing.T) {
	h := newHome(t)
	c := h.dial("101")
	r := c.registration("Contact: " + c.contact())
	c.send(c.text(r))
	challenge := c.response().want(401).GetHeader("WWW-Authenticate").Value()
	r.headers = append(r.headers, "Authorization: "+c.credentials(challenge, r, household["101"]))
	c.send(c.text(r))
	c.response().want(200)

	c.send(c.text(r)) // the same again
	again := c.response().want(401).GetHeader("WWW-Authenticate").Value()
	if !strings.Contains(again, "stale=true") {
		t.Errorf("the challenge after a used nonce does not say stale: %s", again)
	}
	other := h.dial("101") // and from another connection
	other.send(c.text(r))
	other.response().want(401)
}

func TestSubprotocol(t *testing.T) {
	h := newHome(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, res, err := websocket.Dial(ctx, h.url, &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
	if err == nil || res == nil || res.StatusCode != http.StatusBadRequest {
		t.Errorf("another subprotocol: %v, want 400", err)
	}
}

func TestKeepAliveIsAnswered(t *testing.T) {
	h := newHome(t)
	c := h.dial("101")
	c.send("\r\n\r\n")
	_, data, err := c.socket.Read(c.ctx)
	if err != nil || string(data) != "\r\n" {
		t.Fatalf("got %q, %v, want one line break", data, err)
	}
	c.send("\r\n") // nothing comes of this one
	c.send("\n\n")
	c.register(300).want(200)
}

func TestSlowClientIsDropped(t *testing.T) {
	h := newHome(t)
	c := h.dial("101")
	// It asks and asks and never reads: neither memory nor the others suffer.
	big := strings.Repeat("x", 30_000)
	for i := 0; ; i++ {
		r := request{method: "OPTIONS", target: "sip:test", to: "<sip:test>", callID: strconv.Itoa(i) + big}
		if err := c.socket.Write(c.ctx, websocket.MessageText, []byte(c.text(r))); err != nil {
			break
		}
	}
	h.phone("102")
}
