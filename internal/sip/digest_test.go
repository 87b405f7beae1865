package sip

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	sipmsg "github.com/emiago/sipgo/sip"
)

func challengedBy(status int, headers ...string) *sipmsg.Response {
	res := sipmsg.NewResponse(status, "Unauthorized")
	name := "WWW-Authenticate"
	if status == 407 {
		name = "Proxy-Authenticate"
	}
	for _, h := range headers {
		res.AppendHeader(sipmsg.NewHeader(name, h))
	}
	return res
}

func newCredentials() *credentials {
	return &credentials{wallet: &wallet{user: "8001", password: "p"}, tries: map[realm]int{}}
}

// ask makes a request with the credentials of c and returns the values of the named header.
func (c *credentials) ask(header string) []string {
	req := sipmsg.NewRequest(sipmsg.REGISTER, sipmsg.Uri{Scheme: "sip", Host: "x"})
	c.authorize(req)
	var values []string
	for _, h := range req.GetHeaders(header) {
		values = append(values, h.Value())
	}
	return values
}

// The examples of RFC 2617 section 3.5 and RFC 7616 section 3.9.1, and the first of them by the rules of RFC 2069.
func TestDigestExamples(t *testing.T) {
	const rfc2617, rfc7616 = "dcd98b7102dd2f0e8b11d0f600bfb0c093", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
	for name, c := range map[string]struct{ challenge, password, uri, cnonce, want string }{
		"RFC 2617": {
			`Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="` + rfc2617 + `", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			"Circle Of Life", "/dir/index.html", "0a4f113b", "6629fae49393a05397450978507c4ef1",
		},
		"RFC 2069": {
			`Digest realm="testrealm@host.com", nonce="` + rfc2617 + `", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			"Circle Of Life", "/dir/index.html", "", "670fd8c2df070c60b045671b8b24ff02",
		},
		"RFC 7616 MD5": {
			`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="` + rfc7616 + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			"Circle of Life", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec",
		},
		"RFC 7616 SHA-256": {
			`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="` + rfc7616 + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			"Circle of Life", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
		},
	} {
		ch, ok := parseChallenge(splitChallenges(c.challenge)[0])
		if !ok {
			t.Fatalf("%s is not understood", name)
		}
		got := ch.response("Mufasa", c.password, c.cnonce, "00000001", "GET", c.uri, "")
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Another's arithmetic comes to the same, for every algorithm it knows.
func TestDigestAgreesWithAnother(t *testing.T) {
	for _, algorithm := range []string{"", "MD5", "SHA-256", "SHA-512-256", "sha-256"} {
		for _, qop := range []string{"", "auth", "auth-int"} {
			offered := `Digest realm="the \"house\"", nonce="a\\b", opaque="o"`
			if algorithm != "" {
				offered += ", algorithm=" + algorithm
			}
			if qop != "" {
				offered += `, qop="` + qop + `"`
			}
			c := newCredentials()
			if err := c.challenged(challengedBy(401, offered)); err != nil {
				t.Fatalf("%s: %v", offered, err)
			}
			got, err := digest.ParseCredentials(c.ask("Authorization")[0])
			if err != nil {
				t.Fatal(err)
			}
			want, err := digest.Digest(
				&digest.Challenge{Realm: `the "house"`, Nonce: `a\b`, Opaque: "o", Algorithm: algorithm, QOP: strings.Fields(qop)},
				digest.Options{Method: "REGISTER", URI: "sip:x", Cnonce: got.Cnonce, Count: 1, Username: "8001", Password: "p"})
			if err != nil {
				t.Fatal(err)
			}
			if got.Response != want.Response {
				t.Errorf("%s: %v, want %v", offered, got, want)
			}
		}
	}
}

func TestDigestSessionKey(t *testing.T) {
	c := newCredentials()
	if err := c.challenged(challengedBy(401, `Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256-sess`)); err != nil {
		t.Fatal(err)
	}
	got, err := digest.ParseCredentials(c.ask("Authorization")[0])
	if err != nil {
		t.Fatal(err)
	}
	h := challenge{hash: sha256.New}
	key := h.digest(h.digest("8001", "r", "p"), "n", got.Cnonce)
	if want := h.digest(key, "n", "00000001", got.Cnonce, "auth", h.digest("REGISTER", "sip:x")); got.Response != want || got.Algorithm != "SHA-256-sess" {
		t.Errorf("%+v, want %s", got, want)
	}
}

func TestChallengesThatAreTaken(t *testing.T) {
	const rest = `realm="r", nonce="n", qop="auth"`
	for name, c := range map[string]struct {
		offered []string
		want    string // in the answer
	}{
		"MD5":                 {[]string{"Digest algorithm=MD5, " + rest}, "algorithm=MD5"},
		"none named":          {[]string{"Digest " + rest}, `nonce="n", uri="sip:x", qop=auth`},
		"first of two":        {[]string{"Digest algorithm=SHA-256, " + rest, "Digest algorithm=MD5, " + rest}, "algorithm=SHA-256"},
		"first known":         {[]string{"Digest algorithm=SHA-1024, " + rest, "Digest algorithm=SHA-512-256, " + rest}, "algorithm=SHA-512-256"},
		"quoted algorithm":    {[]string{`Digest algorithm="MD5", ` + rest}, "algorithm=MD5"},
		"not digest first":    {[]string{"Basic realm=x", "Digest algorithm=MD5, " + rest}, "algorithm=MD5"},
		"two in one header":   {[]string{`Basic realm="x", Digest algorithm=MD5, ` + rest}, "algorithm=MD5"},
		"spaces within qop":   {[]string{`Digest realm="r", nonce="n", qop="auth-int, auth"`}, "qop=auth,"},
		"auth-int alone":      {[]string{`Digest realm="r", nonce="n", qop="auth-int"`}, "qop=auth-int,"},
		"no qop":              {[]string{`Digest realm="r", nonce="n"`}, `nonce="n", uri="sip:x", response=`},
		"names in capitals":   {[]string{`DIGEST REALM="r",	NONCE="n", QOP=auth, OPAQUE=a_b.c`}, `opaque="a_b.c"`},
		"a comma in a value":  {[]string{`Digest realm="a, b=c", nonce="n"`}, `realm="a, b=c"`},
		"a quote in a value":  {[]string{`Digest realm="a\"b", nonce="n"`}, `realm="a\"b"`},
		"letters beyond ours": {[]string{`Digest realm="Tür", nonce="n"`}, `realm="Tür"`},
	} {
		cred := newCredentials()
		if err := cred.challenged(challengedBy(401, c.offered...)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := cred.ask("Authorization"); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: %v", name, got)
		}
		if err := cred.challenged(challengedBy(401, c.offered...)); !errors.Is(err, ErrRefused) {
			t.Errorf("%s, a second time: %v", name, err)
		}
	}
	for _, bad := range []string{
		"", "Basic x", "Digest", `Digest realm="r"`, `Digest nonce="n", algorithm=AKAv1-MD5`, `Digest nonce="n", qop="auth-conf"`,
		`Digest nonce="n", algorithm=MD5-sess`, "Digest nonce=\"n\", realm=\"a\x01b\"", ",,,=", `Digest nonce="`,
	} {
		if err := newCredentials().challenged(challengedBy(401, bad)); !errors.Is(err, errNoChallenge) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A proxy and the registrar behind it, and two realms in one answer: each is answered, and each answer is kept.
func TestSeveralRealms(t *testing.T) {
	c := newCredentials()
	for _, res := range []*sipmsg.Response{
		challengedBy(407, `Digest realm="proxy", nonce="n1"`),
		challengedBy(401, `Digest realm="one", nonce="n2"`, `Digest realm="two", nonce="n3", algorithm=SHA-256`, `Digest realm="two", nonce="n3"`),
	} {
		if err := c.challenged(res); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(append(c.ask("Proxy-Authorization"), c.ask("Authorization")...), "\n")
	for _, realm := range []string{"proxy", "one", "two"} {
		if strings.Count(got, `realm="`+realm+`"`) != 1 {
			t.Errorf("realm %s in\n%s", realm, got)
		}
	}
	if err := c.challenged(challengedBy(401, `Digest realm="one", nonce="n2"`)); !errors.Is(err, ErrRefused) {
		t.Errorf("refused: %v", err)
	}
}

// A nonce serves the next requests as well, counted; a stale one is answered anew and goes on serving.
func TestNonceIsReused(t *testing.T) {
	first := newCredentials()
	if got := first.ask("Authorization"); len(got) != 0 {
		t.Fatalf("before any challenge: %v", got)
	}
	if err := first.challenged(challengedBy(401, `Digest realm="r", nonce="n", qop="auth"`)); err != nil {
		t.Fatal(err)
	}
	next := func() *credentials { return &credentials{wallet: first.wallet, tries: map[realm]int{}} }
	wants := func(c *credentials, nonce string, count int) {
		t.Helper()
		got := c.ask("Authorization")
		if want := fmt.Sprintf("nc=%08x", count); len(got) != 1 || !strings.Contains(got[0], want) || !strings.Contains(got[0], `nonce="`+nonce+`"`) {
			t.Fatalf("%v, want %s of %s", got, want, nonce)
		}
	}
	wants(first, "n", 1)
	second := next()
	wants(second, "n", 2)
	if err := second.challenged(challengedBy(401, `Digest realm="r", nonce="m", qop="auth", stale=TRUE`)); err != nil {
		t.Fatal(err)
	}
	wants(second, "m", 1)
	third := next()
	wants(third, "m", 2)
	// Now the server asks again without a word about staleness: it takes no nonce twice.
	if err := third.challenged(challengedBy(401, `Digest realm="r", nonce="o", qop="auth"`)); err != nil {
		t.Fatal(err)
	}
	wants(third, "o", 1)
	if got := next().ask("Authorization"); len(got) != 0 {
		t.Errorf("sent unasked: %v", got)
	}
	// But it may name the nonce to come.
	res := sipmsg.NewResponse(200, "OK")
	res.AppendHeader(sipmsg.NewHeader("Authentication-Info", `qop=auth, nextnonce="p"`))
	first.wallet.learn(res)
	wants(next(), "p", 1)
	first.wallet.learn(res) // again the same: the count goes on
	wants(next(), "p", 2)
}

// The refresh of a registration carries its credentials from the start.
func TestRefreshCostsOneRound(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		w.registered()
		for range 5 {
			w.registration(Registered)
		}
		w.pbx.set(func(p *pbx) {
			if len(p.register) != 7 { // bare, answered, five refreshes
				t.Errorf("%d REGISTERs", len(p.register))
			}
			for i, req := range p.register[1:] {
				if want := fmt.Sprintf("nc=%08x", i+1); !strings.Contains(headerValue(req, "Authorization", ""), want) {
					t.Errorf("REGISTER %d has not %s", i+1, want)
				}
			}
		})
	})
}

// A server that answers a used nonce with 403 instead of a challenge is asked again without one.
func TestServerThatForbidsUsedNonces(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) {
		p.onREG = func(l *line, req *sipmsg.Request) bool {
			if strings.Contains(headerValue(req, "Authorization", ""), "nc=00000001") || headerValue(req, "Authorization", "") == "" {
				return false
			}
			l.reply(req, 403, "Forbidden", "")
			return true
		}
	}, func(t *testing.T, w *world) {
		w.registered()
		time.Sleep(time.Hour)
		for len(w.regs) > 0 {
			if r := receive(t, w.regs); r.State != Registered {
				t.Errorf("registration %+v", r)
			}
		}
		w.pbx.set(func(p *pbx) { p.onREG = nil })
	})
}
