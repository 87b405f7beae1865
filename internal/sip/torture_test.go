package sip

import (
	"embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

//go:embed testdata/rfc4475/*.txt
var torture embed.FS

var (
	oneLine = regexp.MustCompile(`(?s)<allOneLine>\n(.*?)\n</allOneLine>`)
	repeat  = regexp.MustCompile(`<repeat count=(\d+)>(.*?)</repeat>`)
	octets  = regexp.MustCompile(`<hex>([0-9A-F]*)</hex>`)
)

// tortureMessages reads the messages of RFC 4475 by their names there.
func tortureMessages(t *testing.T) map[string]string {
	t.Helper()
	messages := map[string]string{}
	for _, file := range []string{"valid", "invalid", "application"} {
		text, err := torture.ReadFile("testdata/rfc4475/" + file + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "==== ")[1:] {
			title, message, _ := strings.Cut(part, "\n")
			name, _, _ := strings.Cut(title, " ")
			messages[name] = asOctets(t, message)
		}
	}
	if len(messages) != 49 {
		t.Fatalf("%d messages", len(messages))
	}
	return messages
}

// asOctets decodes the notation of RFC 4475 section 2.1.
func asOctets(t *testing.T, s string) string {
	t.Helper()
	s = oneLine.ReplaceAllStringFunc(s, func(m string) string {
		return strings.ReplaceAll(oneLine.FindStringSubmatch(m)[1], "\n", "")
	})
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		p := repeat.FindStringSubmatch(m)
		n, err := strconv.Atoi(p[1])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(p[2], n)
	})
	s = strings.ReplaceAll(s, "\n", "\r\n")
	s = octets.ReplaceAllStringFunc(s, func(m string) string {
		b, err := hex.DecodeString(octets.FindStringSubmatch(m)[1])
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
	_, body, _ := strings.Cut(s, "\r\n\r\n")
	return strings.Replace(s, "{length}", strconv.Itoa(len(body)), 1)
}

// tortured says what the door, which takes no calls here, does with each message. The statuses are those that may be answered;
// none means that the message is dropped, as an answer to nothing or because it cannot be read.
//
// A message that is not valid may be answered as if it were where RFC 4475 allows to be liberal: then 2xx is listed.
var tortured = map[string][]int{
	// 3.1.1: valid
	"wsinv":   {481}, // it has a tag in To
	"intmeth": {405}, "esc01": {403}, "escnull": {405}, "esc02": {405}, "lwsdisp": {200}, "longreq": {403}, "dblreq": {405},
	"semiuri": {200}, "transports": {200}, "mpart01": {405}, "unreason": {}, "noreason": {},
	// 3.1.2: invalid
	"badinv01": {}, "clerr": {}, "ncl": {}, "scalar02": {}, "scalarlg": {}, "quotbal": {}, "ltgtruri": {}, "lwsruri": {},
	"lwsstart": {}, "trws": {}, "escruri": {400}, "baddate": {403}, "regbadct": {405}, "badaspec": {}, "baddn": {200},
	"badvers": {505}, "mismatch01": {400}, "mismatch02": {400}, "bigcode": {},
	// 3.2 and 3.4
	"badbranch": {200}, "inv2543": {403},
	// 3.3: application layer
	"insuf": {}, "unkscm": {416}, "novelsc": {}, "unksm2": {405}, "bext01": {420}, "invut": {403, 415}, "regaut01": {405},
	"multi01": {400}, "mcl01": {400}, "bcast": {}, "zeromf": {200}, "cparam01": {405}, "cparam02": {405}, "regescrt": {405},
	"sdp01": {403, 406},
}

// The messages of RFC 4475 are answered or dropped, the connection stays and a call goes through.
func TestTorture(t *testing.T) {
	messages := tortureMessages(t)
	for name, statuses := range tortured {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world) {
				l := w.registered()
				l.send(messages[name])
				w.tortureAnswer(l, name, messages[name], statuses)
				if r := w.agent.Registration(); r.State != Registered {
					t.Errorf("registration %+v", r)
				}
				_, far := w.talk(l, newWitness())
				far.send("BYE", "", "")
				l.next("200 BYE")
			})
		})
	}
}

// All of them one after the other within a call, over each transport.
func TestTortureWithinACall(t *testing.T) {
	messages := tortureMessages(t)
	for transport, serve := range map[string]func(*testing.T, *pbx) string{
		"ws":  nil,
		"tcp": func(t *testing.T, p *pbx) string { return "tcp://" + p.serveStream(t, "127.0.0.1:0", nil) },
		"udp": func(t *testing.T, p *pbx) string { return "udp://" + p.serveUDP(t, "127.0.0.1:0").address() },
	} {
		t.Run(transport, func(t *testing.T) {
			w := newWorld(t, loopback, func(c *Config, p *pbx) {
				if serve != nil {
					at(serve(t, p), nil)(c, p)
				}
			})
			l := w.registered()
			h := newWitness()
			_, far := w.talk(l, h)
			for name, statuses := range tortured {
				message := messages[name]
				if transport == "tcp" && (breaksStream[name] || name == "dblreq") {
					continue // the former have a test of their own, and in a stream dblreq is two messages
				}
				if transport == "udp" {
					message = asDatagram(name, message)
				}
				l.send(message)
				w.tortureAnswer(l, name, message, statuses)
			}
			far.send("INFO", typeDTMF, "5")
			for describe(l.anything()) != "200 INFO" {
			}
			if d := receive(t, h.digits); d.Value != '5' {
				t.Errorf("digit %+v", d)
			}
		})
	}
}

// breaksStream are the messages whose end cannot be told in a stream.
var breaksStream = map[string]bool{"clerr": true, "ncl": true, "mcl01": true, "inv2543": true}

// Where they end nobody knows in a stream: the connection is given up, and made anew at once.
func TestTortureThatBreaksAStream(t *testing.T) {
	messages := tortureMessages(t)
	for name := range breaksStream {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, loopback, func(c *Config, p *pbx) { at("tcp://"+p.serveStream(t, "127.0.0.1:0", nil), nil)(c, p) })
			l := w.registered()
			l.send(messages[name] + strings.Repeat(sound, 100)) // as much as any of them claims to have
			receive(t, l.gone)
			w.talk(w.registered(), newWitness())
		})
	}
}

// topVia is the first Via of a message, folded or not.
var topVia = regexp.MustCompile(`(?mi)^(via|v)[ \t]*:[^\r]*(\r\n[ \t][^\r]*)*`)

// asDatagram has answers come back to where a datagram came from (RFC 3581), and gives the message a transaction of its own:
// some of them share a branch and a host.
func asDatagram(name, message string) string {
	at := topVia.FindStringIndex(message)
	via := message[at[0]:at[1]]
	via = strings.Replace(via, "z9hG4bKk", "z9hG4bKk"+name, 1)
	return message[:at[0]] + via + ";rport" + message[at[1]:]
}

// tortureAnswer sees what is answered to a torture message, until the answer to a sound one comes.
func (w *world) tortureAnswer(l *line, name, message string, statuses []int) {
	w.t.Helper()
	barrier := strings.ReplaceAll(strings.ReplaceAll(sound, "Call-ID: c", "Call-ID: after-"+name), "z9hG4bKx", "z9hG4bKafter"+name+";rport")
	l.send(barrier)
	var got []int
	for {
		m := l.anything()
		res, ok := m.(*sipmsg.Response)
		if !ok {
			w.t.Fatalf("%s makes the door send\n%s", name, m)
		}
		if m.CallID().Value() == "after-"+name {
			break
		}
		got = append(got, res.StatusCode)
		if param(res.To().Params, "tag") == "" || !strings.Contains(message, m.CallID().Value()) {
			w.t.Errorf("%s is answered with\n%s", name, res)
		}
		if req, err := parse([]byte(message)); err != nil || len(res.GetHeaders("Via")) != len(req.GetHeaders("Via")) {
			w.t.Errorf("%s has other Vias than\n%s", name, res)
		}
		if req := m.CSeq(); req.MethodName == sipmsg.INVITE && res.StatusCode >= 300 {
			l.send(tortureACK(res))
		}
	}
	switch {
	case len(statuses) == 0 && len(got) == 0:
	case len(got) == 0 || !slices.Contains(statuses, got[0]):
		w.t.Errorf("%s is answered with %v, want %v", name, got, statuses)
	case len(slices.Compact(got)) > 1:
		w.t.Errorf("%s is answered with %v", name, got)
	}
}

// tortureACK ends the transaction of an INVITE that was refused.
func tortureACK(res *sipmsg.Response) string {
	var b strings.Builder
	b.WriteString("ACK sip:8001@x.invalid SIP/2.0\r\n")
	fmt.Fprintf(&b, "Via: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d ACK\r\nContent-Length: 0\r\n\r\n",
		res.GetHeaders("Via")[0].Value(), res.From().Value(), res.To().Value(), res.CallID().Value(), res.CSeq().SeqNo)
	return b.String()
}

// anything returns the next message, whatever it is.
func (l *line) anything() sipmsg.Message { return receive(l.pbx.t, l.in) }
