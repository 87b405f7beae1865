package sip

import (
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// singular are the headers of which a request has one (RFC 3261 section 7.3.1): with two nobody knows which to believe.
var singular = [...]string{"From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type"}

// defect finds what is wrong with a request that could be read, and the answer to it; 0 says that nothing is.
func defect(req *sipmsg.Request) (status int, reason string) {
	switch {
	case !strings.EqualFold(req.SipVersion, "SIP/2.0"):
		return 505, "Version Not Supported"
	case !strings.EqualFold(string(req.CSeq().MethodName), string(req.Method)): // the parser puts one in capitals
		return 400, "CSeq Names Another Method"
	case !slices.Contains([]string{"sip", "sips", "tel"}, req.Recipient.Scheme):
		return 416, "Unsupported URI Scheme"
	case len(req.Recipient.Headers) > 0: // section 19.1.1
		return 400, "Headers In Request-URI"
	}
	for _, name := range singular {
		if len(req.GetHeaders(name)) > 1 {
			return 400, "More Than One " + name
		}
	}
	return 0, ""
}
