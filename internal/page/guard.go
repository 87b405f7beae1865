package page

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// contentPolicy lets the page load what is its own, and nothing else do anything with it (Content Security Policy Level 3).
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// hosts knows by which names the machine may be called.
type hosts struct {
	names []string
}

// newHosts knows the names of the local file; on the network also the machine's own.
func newHosts(names []string, at net.Addr) hosts {
	h := hosts{names: append([]string{"localhost"}, names...)}
	if tcp, ok := at.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		if name, err := os.Hostname(); err == nil && name != "" {
			name = strings.ToLower(name)
			h.names = append(h.names, name, name+".local") // the latter by mDNS
		}
	}
	return h
}

// knows tells whether a Host header names this machine: by a loopback name, by the very address that the connection came to, or by a
// name that was given. Any other name belongs to somebody else, who may have made it point here.
func (h hosts) knows(header string, local net.Addr) bool {
	host := strings.ToLower(header)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap().WithZone("")
		if ip.IsLoopback() {
			return true
		}
		tcp, ok := local.(*net.TCPAddr)
		return ok && tcp.AddrPort().Addr().Unmap().WithZone("") == ip
	}
	if strings.HasSuffix(host, ".localhost") {
		return true
	}
	for _, name := range h.names {
		if host == name {
			return true
		}
	}
	return false
}

// guarded is what holds for every request.
func (s *server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		for key, value := range map[string]string{
			"Content-Security-Policy":      contentPolicy,
			"X-Frame-Options":              "DENY",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin", // with no-referrer the page's own forms would come from "null"
			"Cross-Origin-Resource-Policy": "same-origin",
			"Permissions-Policy":           "camera=(), microphone=(), geolocation=()",
			"Cache-Control":                "no-store",
		} {
			header.Set(key, value)
		}
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !s.hosts.knows(r.Host, local) {
			s.refuse(w, http.StatusMisdirectedRequest, "This is not the name of a door station. Open the page by localhost or by the machine's address, "+
				"or add the name to page.names in the local file.")
			return
		}
		if !fromHere(r) || s.sameSite.Check(r) != nil {
			s.refuse(w, http.StatusForbidden, "This request comes from another page.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// maxBody is the longest request: a WebRTC offer.
const maxBody = 64 << 10

// fromHere tells whether a request comes from the page itself, from a person who types its address or follows a link to it, or from
// a program that is no browser (Fetch Metadata Request Headers).
func fromHere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
