package sip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// answerLimit bounds the wait for an answer to REGISTER.
	answerLimit = 10 * time.Second
	// tryLimit is how long one REGISTER may go unanswered before another one is sent on the same connection: a PBX that has
	// just started may have dropped the first.
	tryLimit = 4 * time.Second
	// leastExpires and mostExpires bound the lifetime believed of a registrar.
	leastExpires = 2 * leastPause
	mostExpires  = 2 * time.Hour
)

// registrar keeps what REGISTER requests have in common: one Call-ID and From tag, a rising CSeq (RFC 3261 section 10.2).
type registrar struct {
	dlg     dialog
	expires time.Duration // to ask for; 423 raises it
}

func newRegistrar(id identity, expires time.Duration) *registrar {
	return &registrar{
		dlg: dialog{
			id: id, callID: newToken(), localTag: newToken(),
			remote: sipmsg.ToHeader{Address: id.address()},
			target: sipmsg.Uri{Scheme: "sip", Host: id.domain},
		},
		expires: expires,
	}
}

// register sends REGISTER until it is accepted or refused, and returns the lifetime granted. An error that wraps
// ErrRefused says that trying again at once is of no use.
func (a *Agent) register(ctx context.Context, c *conn, expires time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerLimit, fmt.Errorf("REGISTER: %w", ErrNoAnswer))
	defer cancel()
	cred := a.credentials()
	for raised := false; ; {
		headers := []sipmsg.Header{a.id.contact(c), sipmsg.NewHeader("Expires", seconds(expires)), allowHeader()}
		if a.cfg.Unbound {
			headers = nil
		}
		req := a.reg.dlg.build(c, sipmsg.REGISTER, headers...)
		cred.authorize(req)
		res, err := c.try(ctx, req)
		if errors.Is(err, errTryAgain) {
			continue
		}
		if err != nil {
			return 0, err
		}
		switch status := res.StatusCode; {
		case res.IsSuccess() && a.cfg.Unbound:
			return expires, nil // the lifetimes in the answer are others'
		case res.IsSuccess():
			return granted(res, c.hop.key(), expires), nil
		case status == 401 || status == 407:
			if err = cred.challenged(res); err != nil {
				return 0, fmt.Errorf("%w: %w", ErrRefused, rejected(res, err))
			}
		case status == 423 && !raised:
			least, _, ok := parseSession(headerValue(res, "Min-Expires", ""))
			if !ok {
				return 0, rejected(res, nil)
			}
			raised, expires = true, least
			a.reg.expires = max(least, a.reg.expires)
			cred = a.credentials()
		case (status == 400 || status == 403) && cred.early():
			a.wallet.forget() // it may be the nonce that it will not have again
			cred = a.credentials()
		case status == 408 || status == 423 || status == 429 || status == 480 || status >= 500 || status < 400:
			return 0, rejected(res, nil)
		default:
			return 0, fmt.Errorf("%w: %w", ErrRefused, rejected(res, nil))
		}
	}
}

// rejected makes an error of a final answer, with why when there is more to say than its status.
func rejected(res *sipmsg.Response, why error) error {
	err := error(&RejectedError{Status: res.StatusCode, Reason: res.Reason})
	if why != nil && !errors.Is(why, ErrRefused) {
		err = fmt.Errorf("%w: %w", err, why)
	}
	return err
}

// granted reads the lifetime of our own contact. The 200 lists every contact of the extension, Asterisk's with the
// address it sees and ours kept in a parameter.
func granted(res *sipmsg.Response, host string, asked time.Duration) time.Duration {
	lifetime := asked
	if d, ok := parseExpires(headerValue(res, "Expires", "")); ok {
		lifetime = d
	}
	var only *sipmsg.ContactHeader
	n := 0
	for _, h := range res.GetHeaders("Contact") {
		contact, ok := h.(*sipmsg.ContactHeader)
		if !ok {
			continue
		}
		n++
		only = contact
		if strings.Contains(strings.ToLower(contact.Address.String()), host) {
			n = 1
			break
		}
	}
	if n == 1 {
		if d, ok := parseExpires(param(only.Params, "expires")); ok {
			lifetime = d
		}
	}
	return min(max(lifetime, leastExpires), mostExpires)
}

func parseExpires(v string) (time.Duration, bool) {
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

var errTryAgain = errors.New("not answered yet")

// try is roundTrip with tryLimit, after which the error is errTryAgain.
func (c *conn) try(ctx context.Context, req *sipmsg.Request) (*sipmsg.Response, error) {
	once, cancel := context.WithTimeoutCause(ctx, tryLimit, errTryAgain)
	defer cancel()
	return c.roundTrip(once, req)
}

// roundTrip sends a request and waits for its final answer.
func (c *conn) roundTrip(ctx context.Context, req *sipmsg.Request) (*sipmsg.Response, error) {
	answers, failures := make(chan *sipmsg.Response, 1), make(chan error, 1)
	err := c.request(req, func(res *sipmsg.Response) {
		if !res.IsProvisional() {
			answers <- res // the transaction passes one final answer on
		}
	}, func(err error) { failures <- err })
	if err != nil {
		return nil, err
	}
	select {
	case res := <-answers:
		return res, nil
	case err = <-failures:
		return nil, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
