package sip

import (
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// allowed lists what the agent answers within a dialog.
const allowed = "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS, NOTIFY"

// identity is what the agent is called in its messages.
type identity struct {
	extension, display, domain, userAgent string
	contactHost                           string // "<random>.invalid", where nobody can reach us but by the connection
}

func (id identity) address() sipmsg.Uri {
	return sipmsg.Uri{Scheme: "sip", User: escapeUser(id.extension), Host: id.domain}
}

// contact is where the peer finds us: behind the connection it came by.
func (id identity) contact(c *conn) *sipmsg.ContactHeader {
	return &sipmsg.ContactHeader{Address: sipmsg.Uri{
		Scheme: "sip", User: escapeUser(id.extension), Host: c.hop.host, Port: c.hop.port,
		UriParams: sipmsg.HeaderParams{{K: "transport", V: c.hop.parameter()}},
	}}
}

// dialog is the state that requests within (or making) a dialog are built from (RFC 3261 section 12).
type dialog struct {
	id        identity
	callID    string
	localTag  string
	local     *sipmsg.Uri // what the peer called us, where it made the dialog; nil: our address
	remote    sipmsg.ToHeader
	remoteTag string
	target    sipmsg.Uri
	routes    []string
	cseq      uint32 // of our last request
}

// build makes a request on a new transaction. ACK takes the number of the INVITE it is for, all others the next one.
func (d *dialog) build(c *conn, method sipmsg.RequestMethod, extra ...sipmsg.Header) *sipmsg.Request {
	d.cseq++
	return d.buildNumbered(c, method, d.cseq, extra...)
}

func (d *dialog) buildNumbered(c *conn, method sipmsg.RequestMethod, cseq uint32, extra ...sipmsg.Header) *sipmsg.Request {
	req := sipmsg.NewRequest(method, *d.target.Clone())
	req.AppendHeader(c.via())
	for _, r := range d.routes {
		req.AppendHeader(sipmsg.NewHeader("Route", r))
	}
	appendMaxForwards(req)
	from := d.id.address()
	if d.local != nil {
		from = *d.local.Clone()
	}
	req.AppendHeader(&sipmsg.FromHeader{
		DisplayName: displayName(d.id.display), Address: from,
		Params: sipmsg.HeaderParams{{K: "tag", V: d.localTag}},
	})
	to := &sipmsg.ToHeader{Address: *d.remote.Address.Clone()}
	if d.remoteTag != "" {
		to.Params = sipmsg.HeaderParams{{K: "tag", V: d.remoteTag}}
	}
	req.AppendHeader(to)
	callID := sipmsg.CallIDHeader(d.callID)
	req.AppendHeader(&callID)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: cseq, MethodName: method})
	if d.id.userAgent != "" {
		req.AppendHeader(sipmsg.NewHeader("User-Agent", d.id.userAgent))
	}
	for _, h := range extra {
		req.AppendHeader(h)
	}
	req.SetBody(nil)
	return req
}

// key tells the dialog from others (RFC 3261 section 12). The peer's tag is left out, for one INVITE may make several dialogs.
func (d *dialog) key() string { return dialogKey(d.callID, d.localTag) }

func dialogKey(callID, localTag string) string { return callID + "\n" + localTag }

// establish takes tag, target and route set from a 2xx to INVITE (RFC 3261 section 12.1.2).
func (d *dialog) establish(res *sipmsg.Response) {
	d.remoteTag = param(res.To().Params, "tag")
	d.refreshTarget(res)
	for _, h := range slices.Backward(res.GetHeaders("Record-Route")) {
		d.routes = append(d.routes, h.Value())
	}
}

// refreshTarget takes the peer's Contact, which INVITE, UPDATE and their answers may change (section 12.2).
func (d *dialog) refreshTarget(m interface {
	Contact() *sipmsg.ContactHeader
}) {
	contact := m.Contact()
	if contact == nil || contact.Address.Wildcard || contact.Address.Host == "" {
		return
	}
	d.target = *contact.Address.Clone()
	d.target.Headers = nil
}

func withSDP(req *sipmsg.Request, sdp string) *sipmsg.Request {
	ct := sipmsg.ContentTypeHeader("application/sdp")
	req.AppendHeader(&ct)
	req.SetBody([]byte(sdp))
	return req
}

// displayName makes a text fit for a quoted string (RFC 3261 section 25.1).
func displayName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r == '"' || r == '\\':
			return '\''
		}
		return r
	}, s)
}

const userUnreserved = "-_.!~*'()&=+$,;?/"

// validUser tells whether s can name an extension.
func validUser(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// escapeUser writes s as the user part of a SIP URI (RFC 3261 section 19.1.2), "#" as "%23".
func escapeUser(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte(userUnreserved, c) >= 0:
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
