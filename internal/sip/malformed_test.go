package sip

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

const sound = "OPTIONS sip:8001@x.invalid SIP/2.0\r\nVia: SIP/2.0/WS 192.0.2.2;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n" +
	"To: <sip:8001@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"

// corpus is what a broken or hostile peer may send.
func corpus() map[string]string {
	junk := make([]byte, 4000)
	rand.Read(junk) //nolint:errcheck // never fails
	without := func(header string) string {
		var kept []string
		for line := range strings.SplitSeq(sound, "\r\n") {
			if !strings.HasPrefix(line, header+":") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\r\n")
	}
	instead := func(old, text string) string { return strings.Replace(sound, old, text, 1) }
	return map[string]string{
		"binary junk":            string(junk),
		"zero bytes":             strings.Repeat("\x00", 100),
		"text":                   "hello there",
		"http":                   "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"huge":                   sound[:len(sound)-2] + "X: " + strings.Repeat("y", maxMessage) + "\r\n\r\n",
		"cut in the start line":  sound[:12],
		"cut in a header":        sound[:90],
		"no end of headers":      strings.TrimSuffix(sound, "\r\n\r\n"),
		"no Via":                 without("Via"),
		"no From":                without("From"),
		"no To":                  without("To"),
		"no Call-ID":             without("Call-ID"),
		"no CSeq":                without("CSeq"),
		"CSeq no number":         instead("1 OPTIONS", "one OPTIONS"),
		"CSeq too large":         instead("1 OPTIONS", "99999999999 OPTIONS"),
		"body shorter than said": instead("Content-Length: 0", "Content-Length: 10"),
		"length not a number":    instead("Content-Length: 0", "Content-Length: -1"),
		"length enormous":        instead("Content-Length: 0", "Content-Length: 4294967295"),
		"unclosed address":       instead("<sip:a@b>", "<sip:a@b"),
		"unclosed quote":         instead("<sip:a@b>", `"a <sip:a@b>`),
		"empty Via":              instead("SIP/2.0/WS 192.0.2.2;branch=z9hG4bKx", ""),
		"odd Via":                instead("SIP/2.0/WS 192.0.2.2;branch=z9hG4bKx", "a/b/c/d [::;;=;branch"),
		"status no number":       strings.Replace(sound, "OPTIONS sip:8001@x.invalid SIP/2.0", "SIP/2.0 abc OK", 1),
		"status 0":               strings.Replace(sound, "OPTIONS sip:8001@x.invalid SIP/2.0", "SIP/2.0 0 OK", 1),
		"status 999":             strings.Replace(sound, "OPTIONS sip:8001@x.invalid SIP/2.0", "SIP/2.0 999 OK", 1),
		"wildcard URI":           instead("sip:8001@x.invalid", "*"),
		"only line ends inside":  "\r\n\r\nx\r\n\r\n",
	}
}

func TestMalformedMessagesAreDropped(t *testing.T) {
	for name, message := range corpus() {
		if m, err := parse([]byte(message)); err == nil && !isKeepAlive([]byte(message)) {
			t.Errorf("%s is taken for %s", name, describe(m))
		} else if err != nil && !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parse([]byte(sound)); err != nil {
		t.Errorf("a sound message: %v", err)
	}
	// Every cut of a sound message.
	for i := range sound {
		if _, err := parse([]byte(sound[:i])); err == nil {
			t.Errorf("cut after %d bytes: no error", i)
		}
	}
}

func TestConnectionSurvivesMalformedMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		for name, message := range corpus() {
			if name == "huge" {
				continue // beyond the limit of the socket: its own test
			}
			l.send(message)
		}
		for _, alive := range []string{"\r\n\r\n", "\r\n", "\n\n", ""} {
			l.send(alive)
		}
		// Sound messages that make no sense.
		l.send(response(far.invite, 200, "OK", "x", ""))
		l.next("ACK") // another branch of the call, taken and hung up
		bye := l.nextRequest("BYE")
		l.send(response(bye, 200, "OK", "x", ""))
		l.send(strings.Replace(response(far.invite, 200, "OK", "x", ""), "branch=", "branch=z9hG4bKunknown", 1))
		far.send("ACK", "", "")
		far.send("OPTIONS", "", "")
		l.next("200 OPTIONS")
		if len(h.ended) != 0 {
			t.Error("the call ended")
		}
	})
}

// A header of the peer ends up in our next message; it may not bring lines of its own.
func TestAnswersStayWhole(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		l.send(strings.Replace(sound, "From: <sip:a@b>", `From: "a \"b\" c" <sip:a@b;x=y?h=v>`, 1))
		res := l.next("200 OPTIONS").(*sipmsg.Response)
		if _, err := parse([]byte(res.String())); err != nil {
			t.Error(err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, message := range corpus() {
		if len(message) < 5000 {
			f.Add([]byte(message))
		}
	}
	f.Add([]byte(sound))
	f.Add([]byte("INVITE sip:8001@x SIP/2.0\r\nv: SIP/2.0/WS h;branch=z9hG4bKx\r\nf: \"q\" <sip:a@b>;tag=1\r\nt: sip:8001@b;tag=2\r\ni: c\r\nCSeq: 1 INVITE\r\nm: *\r\nx: 90\r\nReason: Q.850;cause=16;text=\"a;b,c\\\"\", SIP;cause=200\r\nl: 2\r\n\r\nhi"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parse(data)
		if err != nil {
			return
		}
		// Whatever is taken can be read and answered.
		readReason(m)
		parseSession(headerValue(m, "Session-Expires", "x"))
		mediaType(m)
		allows(m, "UPDATE")
		switch m := m.(type) {
		case *sipmsg.Request:
			t := newServerTx(newConn(discard(), nil), m, netip.MustParseAddrPort("192.0.2.2:5060"))
			_ = t.response(200, "OK", "", "").String()
			t.accepts(m)
			d := dialog{callID: "c", localTag: "t"}
			d.refreshTarget(m)
			_ = ackRejection(m, sipmsg.NewResponseFromRequest(m, 400, "Bad", nil)).String()
		case *sipmsg.Response:
			clientKey(m)
			granted(m, "h.invalid", DefaultExpires)
			if _, err = pick(m, "WWW-Authenticate"); err != nil && !errors.Is(err, errNoChallenge) {
				t.Error(err)
			}
			d := dialog{callID: "c", localTag: "t"}
			d.establish(m)
		}
	})
}
