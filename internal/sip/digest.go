package sip

import (
	"crypto/md5" //nolint:gosec // what most PBXs offer (RFC 3261 section 22.4)
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxChallengesRead bounds how many challenges of one answer are looked at; a PBX offers one per algorithm and realm.
const maxChallengesRead = 16

var errNoChallenge = errors.New("no challenge that can be answered")

// challenge is what a server asks for in WWW-Authenticate or Proxy-Authenticate (RFC 7616 section 3.3).
//
// icholy/digest, which sipgo brings, is not used: it finds no parameter that is not in lower case, none after a tab or an
// unquoted value with a dot or underscore, knows no -sess algorithm, and writes quoted strings as Go does.
type challenge struct {
	realm, nonce, opaque string
	algorithm            string // as the server wrote it, perhaps empty
	qop                  string // "auth", "auth-int" or "" (RFC 2069)
	stale                bool
	hash                 func() hash.Hash
	session              bool // an algorithm whose key is made once per nonce ("-sess")
}

// pick takes of each realm the first challenge that can be answered: the server lists them by preference (RFC 8760
// section 2.4), and several realms want an answer each (RFC 3261 section 22.3).
func pick(res *sipmsg.Response, header string) ([]challenge, error) {
	var picked []challenge
	read := 0
	for _, h := range res.GetHeaders(header) {
		for _, offered := range splitChallenges(h.Value()) {
			if read++; read > maxChallengesRead {
				break
			}
			c, ok := parseChallenge(offered)
			if ok && !hasRealm(picked, c.realm) {
				picked = append(picked, c)
			}
		}
	}
	if len(picked) == 0 {
		return nil, errNoChallenge
	}
	return picked, nil
}

func hasRealm(cs []challenge, realm string) bool {
	for _, c := range cs {
		if c.realm == realm {
			return true
		}
	}
	return false
}

// splitChallenges takes a header apart that carries several challenges, as RFC 7616 allows and RFC 3261 does not: a part
// that has a blank before its "=" begins with the name of a scheme. Each result is a list of parameters, scheme first.
func splitChallenges(v string) [][]string {
	var all [][]string
	for _, part := range splitQuoted(v, ',') {
		part = strings.TrimSpace(part)
		name, _, _ := strings.Cut(part, "=")
		if scheme, _, ok := strings.Cut(strings.ReplaceAll(strings.TrimSpace(name), "\t", " "), " "); ok {
			all = append(all, []string{scheme, strings.TrimSpace(part[len(scheme):])})
		} else if n := len(all); n > 0 {
			all[n-1] = append(all[n-1], part)
		}
	}
	return all
}

// parseChallenge reads scheme and parameters, and tells whether the challenge is a digest of a kind known here.
func parseChallenge(parts []string) (challenge, bool) {
	var c challenge
	var qop string
	if !strings.EqualFold(parts[0], "Digest") {
		return c, false
	}
	for _, p := range parts[1:] {
		k, v, _ := strings.Cut(p, "=")
		v = unquote(strings.TrimSpace(v))
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return c, false // it would have to be sent back
		}
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "realm":
			c.realm = v
		case "nonce":
			c.nonce = v
		case "opaque":
			c.opaque = v
		case "algorithm":
			c.algorithm = v
		case "stale":
			c.stale = strings.EqualFold(v, "true")
		case "qop":
			qop = v
		}
	}
	name := strings.ToUpper(c.algorithm)
	name, c.session = strings.CutSuffix(name, "-SESS")
	switch name {
	case "", "MD5":
		c.hash = md5.New
	case "SHA-256":
		c.hash = sha256.New
	case "SHA-512-256":
		c.hash = sha512.New512_256
	default:
		return c, false
	}
	if qop != "" {
		for q := range strings.SplitSeq(qop, ",") {
			switch q = strings.ToLower(strings.TrimSpace(q)); {
			case q == "auth", q == "auth-int" && c.qop == "":
				c.qop = q
			}
		}
		if c.qop == "" {
			return c, false
		}
	}
	if c.session && c.qop == "" {
		return c, false // the key needs a cnonce, which only goes with qop
	}
	return c, c.nonce != ""
}

// credentials makes the header value that answers the challenge for one request. count is how often the nonce was used,
// this time included.
func (c *challenge) credentials(user, password, cnonce string, count uint32, req *sipmsg.Request) string {
	uri, nc := req.Recipient.String(), fmt.Sprintf("%08x", count)
	var b strings.Builder
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s", quote(user), quote(c.realm), quote(c.nonce), quote(uri))
	if c.algorithm != "" {
		b.WriteString(", algorithm=" + c.algorithm)
	}
	if c.opaque != "" {
		b.WriteString(", opaque=" + quote(c.opaque))
	}
	if c.qop != "" {
		fmt.Fprintf(&b, ", qop=%s, nc=%s, cnonce=%s", c.qop, nc, quote(cnonce))
	}
	response := c.response(user, password, cnonce, nc, string(req.Method), uri, string(req.Body()))
	fmt.Fprintf(&b, ", response=%s", quote(response)) // last, where some servers look for it
	return b.String()
}

// response is the arithmetic of RFC 7616 section 3.4, and of RFC 2069 where the server names no qop.
func (c *challenge) response(user, password, cnonce, nc, method, uri, body string) string {
	key, what := c.digest(user, c.realm, password), c.digest(method, uri)
	if c.session {
		key = c.digest(key, c.nonce, cnonce)
	}
	if c.qop == "auth-int" {
		what = c.digest(method, uri, c.digest(body))
	}
	if c.qop == "" {
		return c.digest(key, c.nonce, what)
	}
	return c.digest(key, c.nonce, nc, cnonce, c.qop, what)
}

// digest is the hash of the parts joined by colons, in hexadecimal.
func (c *challenge) digest(parts ...string) string {
	h := c.hash()
	h.Write([]byte(strings.Join(parts, ":"))) //nolint:errcheck // a hash takes everything
	return hex.EncodeToString(h.Sum(nil))
}

// unquote takes the quotes and escapes off a quoted string (RFC 3261 section 25.1), and leaves a token as it is. A string
// that does not end is nothing.
func unquote(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	if len(s) < 2 || s[len(s)-1] != '"' {
		return ""
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// newToken makes a random token for tags, branches, Call-IDs and host names: 128 bits, letters and digits.
func newToken() string { return strings.ToLower(rand.Text()) }
