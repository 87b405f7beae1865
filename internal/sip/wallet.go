package sip

import (
	"fmt"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxChallenges is how often one realm is answered for one request: once, and once more for a stale nonce.
const maxChallenges = 2

// maxRounds is how often one request is sent again with credentials, whatever realms are asked for: two servers on the way may each
// ask twice.
const maxRounds = 4

// maxGrants bounds the realms kept; a door knows its PBX and perhaps a proxy before it.
const maxGrants = 8

// A wallet holds the challenges of a connection that were answered, so that the next request carries its credentials from
// the start, with a rising nonce count, instead of costing a round of 401 (RFC 7616 section 3.3, RFC 3261 section 22.2). A
// server that will not have that challenges anew and is answered anew, and then finds no credentials before it asks.
type wallet struct {
	user, password string

	mu     sync.Mutex
	grants []*grant
}

// grant is an answered challenge.
type grant struct {
	challenge challenge
	proxy     bool // of Proxy-Authenticate
	cnonce    string
	count     uint32 // of uses
	once      bool   // the server takes a nonce but once
}

// forget begins anew, as on a new connection.
func (w *wallet) forget() {
	w.mu.Lock()
	w.grants = nil
	w.mu.Unlock()
}

func (w *wallet) find(proxy bool, realm string) *grant {
	for _, g := range w.grants {
		if g.proxy == proxy && g.challenge.realm == realm {
			return g
		}
	}
	return nil
}

func (w *wallet) drop(proxy bool, realm string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, g := range w.grants {
		if g.proxy == proxy && g.challenge.realm == realm {
			w.grants = append(w.grants[:i:i], w.grants[i+1:]...)
			return
		}
	}
}

// keep takes a new challenge in the place of an older one of its realm.
func (w *wallet) keep(c challenge, proxy, once bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.find(proxy, c.realm)
	if g == nil {
		if len(w.grants) >= maxGrants {
			w.grants = w.grants[1:]
		}
		g = &grant{proxy: proxy}
		w.grants = append(w.grants, g)
	}
	g.challenge, g.count, g.cnonce = c, 0, newToken()
	g.once = g.once || once
}

// learn takes the next nonce of an answer (RFC 7616 section 3.5), which spares a server with nonces for one use its 401.
func (w *wallet) learn(res *sipmsg.Response) {
	for _, from := range []struct {
		header string
		proxy  bool
	}{{"Authentication-Info", false}, {"Proxy-Authentication-Info", true}} {
		next := ""
		for _, p := range splitQuoted(headerValue(res, from.header, ""), ',') {
			if k, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), "nextnonce") {
				next = unquote(strings.TrimSpace(v))
			}
		}
		if next == "" || strings.ContainsFunc(next, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			continue
		}
		w.mu.Lock()
		var only *grant
		n := 0
		for _, g := range w.grants {
			if g.proxy == from.proxy {
				n++
				only = g
			}
		}
		if n == 1 && only.challenge.nonce != next { // the header names no realm
			only.challenge.nonce, only.count, only.once = next, 0, false
			only.cnonce = newToken()
		}
		w.mu.Unlock()
	}
}

// credentials answers the challenges of one request and its repetitions (RFC 3261 section 22, RFC 8760).
type credentials struct {
	wallet *wallet
	tries  map[realm]int // challenges answered; 0 for credentials sent before anybody asked
	rounds int           // answers taken that were challenges
}

type realm struct {
	proxy bool
	name  string
}

// authorize adds what is known to be wanted: the answers to the challenges taken so far, of 401 and 407 alike, and before
// the first the ones that earlier requests were accepted with. It goes last, when the request has its body.
func (c *credentials) authorize(req *sipmsg.Request) {
	w := c.wallet
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.grants {
		at := realm{g.proxy, g.challenge.realm}
		_, asked := c.tries[at]
		if !asked {
			if g.once {
				continue
			}
			c.tries[at] = 0
		}
		g.count++
		name := "Authorization"
		if g.proxy {
			name = "Proxy-Authorization"
		}
		req.AppendHeader(sipmsg.NewHeader(name, g.challenge.credentials(w.user, w.password, g.cnonce, g.count, req)))
	}
}

// early tells whether the request went out with credentials that nobody had asked for yet.
func (c *credentials) early() bool {
	for _, n := range c.tries {
		if n == 0 {
			return true
		}
	}
	return false
}

// challenged takes a 401 or 407, after which the request is to be sent again. An error means that there is nothing more
// to try: it wraps ErrRefused when the credentials just sent were refused, and else no challenge is of a kind known here.
func (c *credentials) challenged(res *sipmsg.Response) error {
	if c.rounds++; c.rounds > maxRounds {
		return fmt.Errorf("%w: it is content with no credentials", ErrRefused)
	}
	proxy, header := res.StatusCode == 407, "WWW-Authenticate"
	if proxy {
		header = "Proxy-Authenticate"
	}
	offered, err := pick(res, header)
	if err != nil {
		return err
	}
	for _, ch := range offered {
		at := realm{proxy, ch.realm}
		n, sent := c.tries[at]
		if n >= maxChallenges || n > 0 && !ch.stale {
			c.wallet.drop(proxy, ch.realm)
			return fmt.Errorf("%w: user or password", ErrRefused)
		}
		c.tries[at] = n + 1
		c.wallet.keep(ch, proxy, sent && n == 0 && !ch.stale)
	}
	return nil
}
