package sip

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/icholy/digest"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxChallenges is how often one request is sent again with credentials: once, and once more for a stale nonce.
const maxChallenges = 2

var errNoChallenge = errors.New("no challenge that can be answered")

// credentials answers the digest challenges of one request (RFC 3261 section 22, RFC 8760). It holds no state beyond
// the number of tries, so that each request starts afresh.
type credentials struct {
	user, password string
	tries          int
}

// answer computes the header for sending the request again after res, a 401 or 407. An error means that there is
// nothing more to try: the credentials just sent were refused, or no challenge is of a kind known here.
func (c *credentials) answer(res *sipmsg.Response, method sipmsg.RequestMethod, uri string) (sipmsg.Header, error) {
	ask, reply := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		ask, reply = "Proxy-Authenticate", "Proxy-Authorization"
	}
	challenge, err := pick(res, ask)
	if err != nil {
		return nil, err
	}
	if c.tries >= maxChallenges || c.tries > 0 && !challenge.Stale {
		return nil, ErrRefused
	}
	c.tries++
	cred, err := digest.Digest(challenge, digest.Options{
		Method: string(method), URI: uri, Username: c.user, Password: c.password, Count: 1, Cnonce: rand.Text(),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoChallenge, err)
	}
	return sipmsg.NewHeader(reply, cred.String()), nil
}

// pick takes the first challenge that can be answered: the server lists them by preference (RFC 8760 section 2.4).
func pick(res *sipmsg.Response, header string) (*digest.Challenge, error) {
	for _, h := range res.GetHeaders(header) {
		challenge, err := digest.ParseChallenge(h.Value())
		if err != nil || challenge.Nonce == "" {
			continue
		}
		// The library compares the values as they stand in the list, which may have spaces around them.
		for i, q := range challenge.QOP {
			challenge.QOP[i] = strings.ToLower(strings.TrimSpace(q))
		}
		if len(challenge.QOP) > 0 && !challenge.SupportsQOP("auth") {
			continue // auth-int alone would need the body's hash; no PBX asks for it
		}
		if digest.CanDigest(challenge) {
			return challenge, nil
		}
	}
	return nil, errNoChallenge
}

// newToken makes a random token for tags, branches, Call-IDs and host names: 128 bits, letters and digits.
func newToken() string { return strings.ToLower(rand.Text()) }
