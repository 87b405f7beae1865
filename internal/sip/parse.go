package sip

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

var errMalformed = errors.New("malformed SIP message")

// isKeepAlive tells the CRLFs of RFC 5626 section 3.5.1, which Asterisk sends as a frame every 90 s, from a message.
func isKeepAlive(data []byte) bool { return len(bytes.Trim(data, "\r\n\x00 ")) == 0 }

// parse reads one message and makes sure that everything read from it later is there. The parser is not ours and its
// input comes from the network, so a panic of it is one more way of being malformed.
func parse(data []byte) (m sipmsg.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("%w: the parser failed", errMalformed)
		}
	}()
	if len(data) > maxMessage {
		return nil, fmt.Errorf("%w: %d bytes", errMalformed, len(data))
	}
	m, err = sipmsg.ParseMessage(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if err = complete(m); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return m, nil
}

// parseAddress reads an address of a header that the parser leaves as text, "name" <uri>;params.
func parseAddress(value string) (name string, uri sipmsg.Uri, params sipmsg.HeaderParams, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the parser failed", errMalformed)
		}
	}()
	name, err = sipmsg.ParseAddressValue(strings.TrimSpace(value), &uri, &params)
	return name, uri, params, err
}

// complete checks the headers that RFC 3261 section 8.1.1 makes mandatory. Reading each once also settles the message's
// lazily parsed headers, after which it may be read from several goroutines.
func complete(m sipmsg.Message) error {
	via, from, to, cseq, id := m.Via(), m.From(), m.To(), m.CSeq(), m.CallID()
	switch {
	case via == nil:
		return errors.New("no Via")
	case from == nil || to == nil:
		return errors.New("no From or To")
	case cseq == nil:
		return errors.New("no CSeq")
	case id == nil || id.Value() == "":
		return errors.New("no Call-ID")
	}
	switch m := m.(type) {
	case *sipmsg.Request: // what is wrong with it beyond that is answered: see defect
		m.Contact()
	case *sipmsg.Response:
		m.Contact()
		if m.StatusCode < 100 || m.StatusCode > 699 {
			return fmt.Errorf("status %d", m.StatusCode)
		}
	default:
		return errors.New("neither request nor response")
	}
	return nil
}

// param reads a header parameter; names are case-insensitive (RFC 3261 section 7.3.1), quotes are taken off.
func param(ps sipmsg.HeaderParams, name string) string {
	for _, p := range ps {
		if strings.EqualFold(strings.TrimSpace(p.K), name) {
			return strings.Trim(strings.TrimSpace(p.V), `"`)
		}
	}
	return ""
}

// headerValue reads a header by its full name or its compact form ("" for none).
func headerValue(m sipmsg.Message, name, compact string) string {
	for _, n := range []string{name, compact} {
		if n == "" {
			continue
		}
		if hs := m.GetHeaders(n); len(hs) > 0 {
			return strings.TrimSpace(hs[0].Value())
		}
	}
	return ""
}

// mediaType reads the Content-Type without its parameters, in lower case.
func mediaType(m sipmsg.Message) string {
	t, _, _ := strings.Cut(headerValue(m, "Content-Type", "c"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// values lists what the comma-separated headers of a name, and of its compact form if it has one, hold.
func values(m sipmsg.Message, name, compact string) []string {
	headers := m.GetHeaders(name)
	if compact != "" {
		headers = append(headers[:len(headers):len(headers)], m.GetHeaders(compact)...)
	}
	var all []string
	for _, h := range headers {
		for v := range strings.SplitSeq(h.Value(), ",") {
			if v = strings.TrimSpace(v); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

// lists tells whether the comma-separated headers of a name hold value.
func lists(m sipmsg.Message, name, compact, value string) bool {
	return slices.ContainsFunc(values(m, name, compact), func(v string) bool { return strings.EqualFold(v, value) })
}

// allows tells whether an Allow header names method.
func allows(m sipmsg.Message, method sipmsg.RequestMethod) bool {
	return lists(m, "Allow", "", string(method))
}
