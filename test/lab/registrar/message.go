package registrar

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// viaHost names the proxy in Via. RFC 7118 has no address worth telling on a WebSocket.
const viaHost = "registrar.invalid"

// isKeepAlive tells whether a message is nothing but line breaks.
func isKeepAlive(data []byte) bool {
	return len(bytes.Trim(data, "\r\n")) == 0
}

// defect says what makes a request impossible to handle or to answer, "" if nothing does.
func defect(req *sip.Request) string {
	switch {
	case req.Via() == nil || branchOf(req) == "":
		return "no Via with a branch"
	case req.From() == nil || tag(req.From().Params) == "":
		return "no From with a tag"
	case req.To() == nil:
		return "no To"
	case req.CallID() == nil || req.CallID().Value() == "":
		return "no Call-ID"
	case req.CSeq() == nil:
		return "no CSeq"
	case req.CSeq().MethodName != req.Method:
		return "CSeq names another method"
	}
	return ""
}

func tag(p sip.HeaderParams) string {
	return p.GetOr("tag", "")
}

func branchOf(m sip.Message) string {
	via := m.Via()
	if via == nil {
		return ""
	}
	return via.Params.GetOr("branch", "")
}

// transactionKey names a client's transaction. An ACK to a refusal and a CANCEL carry the branch of their INVITE.
func transactionKey(from *flow, req *sip.Request) string {
	return from.id + " " + req.Via().SentBy() + " " + branchOf(req)
}

// forward copies a request for the next hop: our Via on top, one hop less to go, no credentials of the
// caller's. It returns the branch parameter that the response will come back with.
func forward(req *sip.Request) (*sip.Request, string) {
	out := req.Clone()
	if h := out.MaxForwards(); h != nil {
		hops := sip.MaxForwardsHeader(h.Val() - 1) // zero was refused before; the header of the original is shared
		out.ReplaceHeader(&hops)
	} else {
		hops := sip.MaxForwardsHeader(70)
		out.AppendHeader(&hops)
	}
	for out.RemoveHeader("Route") { // this is the only proxy on the way
	}
	removeHeader(out, "Proxy-Authorization")
	branch := sip.GenerateBranch()
	out.PrependHeader(ownVia(branch))
	return out, branch
}

func ownVia(branch string) *sip.ViaHeader {
	return &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "WS", Host: viaHost,
		Params: sip.HeaderParams{{K: "branch", V: branch}},
	}
}

// removeHeader removes every header of that name, however the sender spelled it.
func removeHeader(req *sip.Request, name string) {
	for _, h := range req.GetHeaders(name) {
		req.RemoveHeader(h.Name())
	}
}

// backward copies a response for the previous hop: our Via taken off.
func backward(res *sip.Response) *sip.Response {
	out := res.Clone()
	out.RemoveHeader("Via")
	return out
}

// hopRequest builds the ACK to a refusal, or a CANCEL: requests that belong to a transaction of the proxy's
// own and carry its Via alone (RFC 3261 sections 9.1 and 17.1.1.3).
func hopRequest(method sip.RequestMethod, invite *sip.Request, to *sip.ToHeader) *sip.Request {
	req := sip.NewRequest(method, *invite.Recipient.Clone())
	req.AppendHeader(invite.Via().Clone())
	appendCommon(req, invite, to, invite.CSeq().SeqNo)
	return req
}

// endpointRequest builds a request within the dialog that a response opened, as the caller would: the ACK and
// BYE for an answer that came too late.
func endpointRequest(method sip.RequestMethod, invite *sip.Request, answer *sip.Response, cseq uint32) *sip.Request {
	target := invite.Recipient
	if c := answer.Contact(); c != nil {
		target = c.Address
	}
	req := sip.NewRequest(method, *target.Clone())
	req.AppendHeader(ownVia(sip.GenerateBranch()))
	appendCommon(req, invite, answer.To(), cseq)
	return req
}

func appendCommon(req, invite *sip.Request, to *sip.ToHeader, cseq uint32) {
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.AppendHeader(sip.HeaderClone(invite.From()))
	req.AppendHeader(sip.HeaderClone(to))
	req.AppendHeader(sip.HeaderClone(invite.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: cseq, MethodName: req.Method})
	req.SetBody(nil)
}

func websocketProtocols(h http.Header) []string {
	var asked []string
	for _, line := range h.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			asked = append(asked, strings.TrimSpace(p))
		}
	}
	return asked
}
