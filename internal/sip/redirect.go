package sip

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// maxRedirections is how many 3xx a call follows.
	maxRedirections = 3
	// maxContacts is how many targets a call tries that a 3xx named.
	maxContacts = 8
)

// redirection is where a call that was answered by 3xx may go (RFC 3261 section 8.1.3.4).
type redirection struct {
	hops  int
	tried []string     // targets, the first included
	next  []sipmsg.Uri // not tried yet
}

// follow takes the contacts of a 3xx, the better ones first, as far as they stay in the house: at one of hosts, and never tried. A
// 380 names other services and not the one called, so it is no redirection here.
func (r *redirection) follow(res *sipmsg.Response, hosts []string) {
	if res.StatusCode == 380 || r.hops >= maxRedirections {
		return
	}
	r.hops++
	type target struct {
		uri sipmsg.Uri
		q   float64
	}
	var found []target
	for _, h := range res.GetHeaders("Contact") {
		for _, value := range splitQuoted(h.Value(), ',') {
			_, uri, params, err := parseAddress(value)
			if err != nil || uri.Wildcard || !strings.EqualFold(uri.Scheme, "sip") || uri.User == "" ||
				!slices.ContainsFunc(hosts, func(host string) bool { return strings.EqualFold(host, uri.Host) }) {
				continue
			}
			if v := param(uri.UriParams, "method"); v != "" && !strings.EqualFold(v, "INVITE") {
				continue
			}
			uri.Headers, uri.Password = nil, ""
			uri.UriParams = slices.DeleteFunc(uri.UriParams, func(p sipmsg.HeaderKV) bool { return strings.EqualFold(p.K, "method") })
			q, err := strconv.ParseFloat(param(params, "q"), 64)
			if err != nil || !(q >= 0 && q <= 1) {
				q = 1
			}
			found = append(found, target{uri, q})
		}
	}
	slices.SortStableFunc(found, func(a, b target) int { return cmp.Compare(b.q, a.q) })
	var fresh []sipmsg.Uri
	for _, f := range found {
		key := strings.ToLower(f.uri.String())
		if len(r.tried) > maxContacts || slices.Contains(r.tried, key) {
			continue
		}
		r.tried = append(r.tried, key)
		fresh = append(fresh, f.uri)
	}
	r.next = append(fresh, r.next...)
}

// redirected sends the INVITE to the next target, after a 3xx or the refusal of a target that one had named. It returns false when
// there is none, so that the answer is the call's. l.mu is held.
func (l *Leg) redirected(res *sipmsg.Response) bool {
	r := &l.redirect
	if res.StatusCode < 400 {
		if r.tried == nil {
			r.tried = []string{strings.ToLower(l.dlg.target.String())}
		}
		r.follow(res, l.agent.domains())
	}
	if len(r.next) == 0 || res.StatusCode >= 600 { // 6xx is for all of them (RFC 3261 section 16.7)
		return false
	}
	l.log.Info("call redirected", "status", res.StatusCode, "to", r.next[0].User)
	l.dlg.target, r.next = *r.next[0].Clone(), r.next[1:]
	l.cred = l.agent.credentials()
	if err := l.sendInvite(); err != nil {
		l.conclude(err)
	}
	return true
}

// domains are the hosts that are the PBX: the domain, and what the connection was made to.
func (a *Agent) domains() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	server := a.state.Server
	if host, _, err := net.SplitHostPort(server); err == nil {
		server = host
	}
	return []string{a.id.domain, server}
}
