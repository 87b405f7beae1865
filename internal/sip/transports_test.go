package sip

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// at makes a setup for newWorld: the PBX is at this URL.
func at(url string, cfg *tls.Config) func(*Config, *pbx) {
	return func(c *Config, _ *pbx) {
		scheme, _, _ := strings.Cut(url, ":")
		c.Locate = func(context.Context) (Endpoint, error) { return Endpoint{URL: url, TLS: cfg, Via: scheme}, nil }
	}
}

// certificate is a server's certificate with these names and addresses, and the pool that trusts it.
func certificate(t *testing.T, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "own authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// onEachTransport runs a scenario over real sockets: UDP, TCP and TLS, IPv4 and IPv6.
func onEachTransport(t *testing.T, scenario func(t *testing.T, w *world, transport string)) {
	t.Helper()
	for _, transport := range []string{"udp", "tcp", "tls"} {
		for _, host := range []string{"127.0.0.1", "::1"} {
			t.Run(transport+" "+host, func(t *testing.T) {
				w := newWorld(t, loopback, func(c *Config, p *pbx) {
					address, cfg := net.JoinHostPort(host, "0"), (*tls.Config)(nil)
					switch transport {
					case "udp":
						address = p.serveUDP(t, address).address()
					case "tcp":
						address = p.serveStream(t, address, nil)
					case "tls":
						cert, pool := certificate(t, host)
						cfg = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
						address = p.serveStream(t, address, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
					}
					at(transport+"://"+address, cfg)(c, p)
				})
				scenario(t, w, transport)
			})
		}
	}
}

func TestACallOverEachTransport(t *testing.T) {
	onEachTransport(t, func(t *testing.T, w *world, transport string) {
		l := w.pbx.connection()
		r := w.registration(Registered)
		// Of the two contacts in the answer ours says 299.
		if left := time.Until(r.ExpiresAt); r.Transport != transport || left < 200*time.Second || left > 299*time.Second {
			t.Errorf("registration %+v", r)
		}
		w.pbx.set(func(p *pbx) {
			via, contact := p.register[0].Via(), p.register[0].Contact().Address
			if _, rport := via.Params.Get("rport"); !rport || via.Transport != strings.ToUpper(transport) || via.Port == 0 {
				t.Errorf("Via %s", via.Value())
			}
			if kind, _ := contact.UriParams.Get("transport"); kind != transport || contact.Scheme != "sip" || contact.Port != via.Port ||
				strings.Trim(contact.Host, "[]") != strings.Trim(via.Host, "[]") || net.ParseIP(strings.Trim(contact.Host, "[]")) == nil {
				t.Errorf("Contact %s, Via %s", contact.String(), via.Value())
			}
		})
		wholeCall(t, w, l, false)
		w.stop()
		if bye := l.nextRequest("REGISTER"); headerValue(bye, "Expires", "") != "0" {
			t.Errorf("last REGISTER:\n%s", bye)
		}
		if transport != "udp" {
			if <-l.gone; !errors.Is(l.lost, io.EOF) {
				t.Errorf("the connection ended by %v, want a clean end", l.lost)
			}
		}
	})
}

// wholeCall makes a call with everything that may happen in one. Where messages are lost a provisional answer may never be
// heard of, and the ACK of the challenge may come after the INVITE that answers it.
func wholeCall(t *testing.T, w *world, l *line, lossy bool) {
	t.Helper()
	h := newWitness()
	done := w.call(t.Context(), h)
	far := l.invitedInAnyOrder()
	far.answer(180, "Ringing", "")
	far.ok()
	l.next("ACK")
	o := receive(t, done)
	if o.err != nil || o.leg.Answer() != testAnswer {
		t.Fatalf("%+v", o)
	}
	if !lossy || len(h.progress) > 0 {
		if p := receive(t, h.progress); p != "180 Ringing " {
			t.Errorf("progress %q", p)
		}
	}
	far.send("INVITE", "application/sdp", "their offer")
	answer := l.next("200 INVITE")
	if body := string(answer.Body()); body != "answer to their offer" {
		t.Errorf("answered by %q", body)
	}
	ack := far.request("ACK", "", "")
	l.send(strings.Replace(ack, fmt.Sprintf("CSeq: %d ", far.cseq), fmt.Sprintf("CSeq: %d ", answer.CSeq().SeqNo), 1))
	for _, digit := range "12#" {
		far.send("INFO", typeRelay, fmt.Sprintf("Signal=%c\r\nDuration=100\r\n", digit))
		l.next("200 INFO")
		if d := receive(t, h.digits); d.Value != digit {
			t.Errorf("digit %c, want %c", d.Value, digit)
		}
	}
	if err := o.leg.Hangup(timeless(t, l)); err != nil {
		t.Error(err)
	}
	receive(t, h.ended)
	if n := len(h.digits) + len(h.reoffers) - 1; n != 0 {
		t.Errorf("%d things came twice", n)
	}
	// And one that the far end hangs up, after which nothing is open.
	done = w.call(t.Context(), h)
	far = l.invitedInAnyOrder()
	far.ok()
	l.next("ACK")
	if o = receive(t, done); o.err != nil {
		t.Fatal(o.err)
	}
	far.send("BYE", "", "")
	l.next("200 BYE")
	if e := receive(t, h.ended); e.By != EndedByFar {
		t.Errorf("ended by %s", e.By)
	}
}

// invitedInAnyOrder sees an INVITE through its challenge.
func (l *line) invitedInAnyOrder() *farCall {
	l.pbx.t.Helper()
	first := l.nextRequest("INVITE")
	if l.authorized(first, 401) { // the nonce of before
		l.reply(first, 100, "Trying", "")
		return &farCall{l: l, invite: first, tag: "far-" + newToken(), cseq: 20000}
	}
	m := l.nextOf("ACK", "INVITE")
	second, ok := m.(*sipmsg.Request)
	if !ok || second.IsAck() {
		second = l.nextRequest("INVITE")
	} else {
		l.next("ACK")
	}
	if !l.authorized(second, 401) {
		l.pbx.t.Fatal("wrong credentials")
	}
	l.reply(second, 100, "Trying", "")
	return &farCall{l: l, invite: second, tag: "far-" + newToken(), cseq: 20000}
}

// timeless has the PBX answer the BYE that is about to come.
func timeless(t *testing.T, l *line) context.Context {
	go func() {
		if m, ok := <-l.in; ok {
			if req, isRequest := m.(*sipmsg.Request); isRequest && req.Method == sipmsg.BYE {
				l.reply(req, 200, "OK", "")
				return
			}
			t.Errorf("got %s, want BYE", describe(m))
		}
	}()
	return t.Context()
}

// Every datagram, of both sides, is lost the first time that it is sent: registration and call happen all the same, and nothing
// happens twice.
func TestACallAllOfWhoseDatagramsAreLostOnce(t *testing.T) {
	inTimeOverUDP(t, func(t *testing.T, w *world, lost func() int) {
		l := w.registered()
		wholeCall(t, w, l, true)
		w.stop()
		l.nextRequest("REGISTER")
		if n := lost(); n < 30 {
			t.Errorf("only %d datagrams were lost", n)
		}
	})
}

func TestMessagesInPiecesAndSeveralInOne(t *testing.T) {
	for _, size := range []int{1, 7, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			w := newWorld(t, loopback, func(c *Config, p *pbx) { at("tcp://"+p.serveStream(t, "127.0.0.1:0", nil), nil)(c, p) })
			l := w.registered()
			h := newWitness()
			done := w.call(t.Context(), h)
			far := l.invited()
			glued := "\r\n" + far.response(180, "Ringing", "") + "\r\n\r\n\r\n" + far.response(200, "OK", testAnswer) +
				far.request("INFO", typeDTMF, "4") + "\r\n" + far.request("INFO", typeDTMF, "2") + far.request("BYE", "", "")
			for len(glued) > 0 {
				n := min(size, len(glued))
				l.send(glued[:n])
				glued = glued[n:]
			}
			for _, want := range []string{"ACK", "200 INFO", "200 INFO", "200 BYE"} {
				l.next(want)
			}
			if o := receive(t, done); o.err != nil {
				t.Fatal(o.err)
			}
			receive(t, h.ended)
			if a, b := receive(t, h.digits), receive(t, h.digits); a.Value != '4' || b.Value != '2' {
				t.Errorf("digits %c%c", a.Value, b.Value)
			}
		})
	}
}

func TestAStreamWithoutMessagesEndsTheConnection(t *testing.T) {
	w := newWorld(t, loopback, func(c *Config, p *pbx) { at("tcp://"+p.serveStream(t, "127.0.0.1:0", nil), nil)(c, p) })
	l := w.registered()
	l.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>")
	if r := w.registration(Unreachable); !errors.Is(r.Err, ErrConnectionLost) || !errors.Is(r.Err, errFraming) {
		t.Errorf("registration %+v", r)
	}
	w.registered() // and it comes back
}

func TestKeepAliveOnAStream(t *testing.T) {
	near, far := net.Pipe()
	s := newStreamSocket(near, near)
	defer s.Close()   //nolint:errcheck // the end of a test
	defer far.Close() //nolint:errcheck // the end of a test
	read := make(chan string, 10)
	go func() {
		defer close(read)
		for {
			m, err := s.Read()
			if err != nil {
				return
			}
			read <- string(m)
		}
	}()
	exchangeBytes := func(send, want string) {
		t.Helper()
		if send != "" {
			if _, err := far.Write([]byte(send)); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, len(want))
		if _, err := far.Read(got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	exchangeBytes("\r\n\r\n", "\r\n") // a ping of the PBX
	if a, b := receive(t, read), receive(t, read); a != "\r\n" || b != "\r\n" {
		t.Errorf("read %q and %q", a, b)
	}
	ponged := make(chan error, 1)
	go func() { ponged <- s.Ping(t.Context()) }()
	exchangeBytes("", "\r\n\r\n")
	if _, err := far.Write([]byte("\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, ponged); err != nil {
		t.Errorf("ping: %v", err)
	}
	receive(t, read)
	go func() { ponged <- s.Ping(t.Context()) }()
	exchangeBytes("", "\r\n\r\n")
	s.Close() //nolint:errcheck // makes the ping return
	if err := receive(t, ponged); err == nil {
		t.Error("answered by nobody")
	}
	for range read {
		t.Error("read after the end")
	}
}

func TestCertificateOfThePBX(t *testing.T) {
	cert, pool := certificate(t, "pbx.example")
	_, others := certificate(t, "pbx.example")
	asked := make(chan string, 10)
	p := newPBX(t)
	address := p.serveStream(t, "127.0.0.1:0", &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{cert},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			asked <- h.ServerName
			return nil, nil
		},
	})
	defer p.close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	srv := func(name string) map[string][]*net.SRV {
		return map[string][]*net.SRV{"_sips._tcp." + name: {{Target: "host7.provider.example.", Port: netip.MustParseAddrPort(address).Port()}}}
	}
	hosts := map[string][]string{"pbx.example": {"127.0.0.1"}, "other.example": {"127.0.0.1"}, "host7.provider.example": {"127.0.0.1"}}
	for name, c := range map[string]struct {
		url, sni, want string
		srv            map[string][]*net.SRV
		roots          *x509.CertPool
	}{
		"own authority":         {url: "tls://pbx.example:" + port, sni: "pbx.example", roots: pool},
		"found by SRV":          {url: "tls://pbx.example", sni: "pbx.example", roots: pool, srv: srv("pbx.example")},
		"of the SRV's target":   {url: "tls://other.example", sni: "other.example", roots: pool, srv: srv("other.example"), want: "another name"},
		"another name":          {url: "tls://other.example:" + port, sni: "other.example", roots: pool, want: "another name"},
		"an address":            {url: "tls://127.0.0.1:" + port, roots: pool, want: "another name"},
		"another authority":     {url: "tls://pbx.example:" + port, sni: "pbx.example", roots: others, want: "ca_file"},
		"the system's, unasked": {url: "tls://pbx.example:" + port, sni: "pbx.example", want: "ca_file"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDialer(&names{hosts: hosts, srv: c.srv}, discard())
			e := Endpoint{URL: c.url}
			if c.roots != nil {
				e.TLS = &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12}
			}
			s, failed := d.dial(t.Context(), e, func() {})
			if s != nil {
				s.Leave()
			}
			if sni := receive(t, asked); sni != c.sni {
				t.Errorf("the server was asked for %q", sni)
			}
			if (failed == nil) != (c.want == "") || failed != nil && !strings.Contains(failed.Error(), c.want) {
				t.Errorf("dial: %v, want %q", failed, c.want)
			}
		})
	}
}

func TestErrorsSayWhatToLookAt(t *testing.T) {
	plain := newPBX(t)
	defer plain.close()
	listening := plain.serveStream(t, "127.0.0.1:0", nil)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close() //nolint:errcheck // to have a port that refuses
	dns := &names{hosts: map[string][]string{}}
	for url, want := range map[string]string{
		"tcp://" + closed.Addr().String():         "nothing listens at",
		"tls://" + closed.Addr().String():         "nothing listens at",
		"ws://" + closed.Addr().String() + "/ws":  "nothing listens at",
		"udp://nowhere.example":                   "network's DNS",
		"tcp://nowhere.example":                   "network's DNS",
		"tls://nowhere.example:5061":              "network's DNS",
		"wss://nowhere.example/ws":                "network's DNS",
		"tcp://127.0.0.1:0":                       "not a port",
		"sctp://127.0.0.1":                        "not a URL",
		"http" + "://" + closed.Addr().String():   "not a URL",
		"tls://" + serveLine(t, "SSH-2.0-x\r\n"):  "does not speak TLS",
		"ws://" + serveLine(t, "SSH-2.0-x\r\n\n"): "",
	} {
		s, failed := newDialer(dns, discard()).dial(t.Context(), Endpoint{URL: url}, func() {})
		if failed == nil {
			s.Leave()
			t.Errorf("%s: no error", url)
		} else if !strings.Contains(failed.Error(), want) {
			t.Errorf("%s: %v", url, failed)
		}
	}
	s, failed := newDialer(dns, discard()).dial(t.Context(), Endpoint{URL: "tcp://" + listening}, func() {})
	if failed != nil {
		t.Fatal(failed)
	}
	s.Leave()
}

// serveLine is a server of something else: it says a line to whoever connects.
func serveLine(t *testing.T, text string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, failed := ln.Accept()
			if failed != nil {
				return
			}
			c.Read(make([]byte, 1)) //nolint:errcheck // whatever the client says first
			c.Write([]byte(text))   //nolint:errcheck // the client may be gone
			c.Close()               //nolint:errcheck // the end of a test
		}
	}()
	t.Cleanup(func() {
		ln.Close() //nolint:errcheck // the end of a test
		<-ended
	})
	return ln.Addr().String()
}
