package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// An Inquiry is a connection to the PBX for questions that change nothing there: it binds no contact, so that a registered agent of the
// same extension goes on as if it were not there. It is used by one goroutine.
type Inquiry struct {
	id      identity
	conn    *conn
	wallet  *wallet
	running sync.WaitGroup
}

// Bindings is what a registrar answers to the question for an extension's contacts (RFC 3261 section 10.2.3).
type Bindings struct {
	// Contacts are the addresses that calls to the extension go to now.
	Contacts []string
	// Challenged says that the password was asked for. Of a registrar that answers without, it is not known whether it is right.
	Challenged bool
	// Server is what the PBX calls itself, by its Server header; often empty.
	Server string
	// RoundTrip is from the last request to its answer.
	RoundTrip time.Duration
}

// Inquire connects to the PBX as an agent with this configuration would; of the rest of the configuration only who it is matters. The
// caller closes it.
func Inquire(ctx context.Context, c Config) (*Inquiry, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e, err := c.Locate(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding the PBX: %w", err)
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		return nil, errAddress
	}
	q := &Inquiry{
		id: identity{
			extension: c.Extension, display: c.DisplayName, domain: c.Domain, userAgent: displayName(c.UserAgent),
			contactHost: newToken() + ".invalid",
		},
		wallet: &wallet{user: c.Extension, password: c.Password},
	}
	q.conn = newConn(log, func(t *serverTx) { // nobody is called here
		if !t.req.IsAck() {
			t.answer(503, "Service Unavailable", "", "")
		}
	})
	q.conn.onSuccess = q.wallet.learn
	sock, err := newDialer(c.Resolver, log).dial(ctx, e, q.conn.alive)
	if err != nil {
		return nil, err
	}
	q.conn.attach(sock, hopOf(u.Scheme, sock, q.id.contactHost))
	q.running.Go(q.conn.run)
	return q, nil
}

// Close ends the connection with a goodbye and waits for its goroutine.
func (q *Inquiry) Close() {
	if q.conn.failure() == nil {
		q.conn.sock.Leave()
	}
	q.conn.close(errClosing) //nolint:errcheck // what it is given
	q.running.Wait()
}

// Bindings asks for the contacts of the extension by a REGISTER that has none itself, and proves the password by it. The errors wrap
// ErrRefused and a *RejectedError when the PBX does not want this extension or password, and ErrNoAnswer or ErrConnectionLost when
// nothing came.
func (q *Inquiry) Bindings(ctx context.Context) (Bindings, error) {
	dlg := newRegistrar(q.id, 0).dlg
	var found Bindings
	res, err := q.ask(ctx, &found, func() *sipmsg.Request { return dlg.build(q.conn, sipmsg.REGISTER) })
	switch {
	case err != nil:
		return found, err
	case !res.IsSuccess():
		err = rejected(res, nil)
		if status := res.StatusCode; status != 408 && status != 429 && status != 480 && status < 500 {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return found, err
	}
	found.Server = printable(headerValue(res, "Server", ""))
	for _, h := range res.GetHeaders("Contact") {
		if contact, ok := h.(*sipmsg.ContactHeader); ok && !contact.Address.Wildcard {
			found.Contacts = append(found.Contacts, printable(contact.Address.String()))
		}
	}
	return found, nil
}

// Knows asks by OPTIONS what the PBX would do with a call to target (RFC 3261 section 11), which rings nobody: Asterisk answers 200 when
// its dialplan has the number, and 404 when it has not; whether anybody's telephone is on it does not say. It returns the final status.
func (q *Inquiry) Knows(ctx context.Context, target string) (int, error) {
	if !validUser(target) {
		return 0, ErrBadTarget
	}
	uri := sipmsg.Uri{Scheme: "sip", User: escapeUser(target), Host: q.id.domain}
	dlg := dialog{id: q.id, callID: newToken(), localTag: newToken(), remote: sipmsg.ToHeader{Address: uri}, target: uri}
	res, err := q.ask(ctx, new(Bindings), func() *sipmsg.Request {
		return dlg.build(q.conn, sipmsg.OPTIONS, q.id.contact(q.conn), sipmsg.NewHeader("Accept", "application/sdp"))
	})
	if err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// ask sends a request, answers its challenges, and returns the final answer that is no challenge.
func (q *Inquiry) ask(ctx context.Context, found *Bindings, build func() *sipmsg.Request) (*sipmsg.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerLimit, ErrNoAnswer)
	defer cancel()
	cred := &credentials{wallet: q.wallet, tries: map[realm]int{}}
	for {
		req := build()
		cred.authorize(req)
		sent := time.Now()
		res, err := q.conn.try(ctx, req)
		switch {
		case errors.Is(err, errTryAgain):
			continue
		case err != nil:
			return nil, err
		}
		found.RoundTrip = time.Since(sent)
		if res.StatusCode != 401 && res.StatusCode != 407 {
			return res, nil
		}
		found.Challenged = true
		if err = cred.challenged(res); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRefused, rejected(res, err))
		}
	}
}

// Addresses says where a PBX is reached, in the order of trying: what its name, or without a port its SRV records, say (RFC 3263). u is an
// Endpoint's URL; r may be nil.
func Addresses(ctx context.Context, r Resolver, u *url.URL) ([]netip.AddrPort, error) {
	if r == nil {
		r = newDialer(nil, nil).resolver
	}
	port := u.Port()
	if port == "" {
		switch u.Scheme {
		case "ws":
			port = "80"
		case "wss":
			port = "443"
		}
	}
	return locate(ctx, r, u.Scheme, u.Hostname(), port)
}
