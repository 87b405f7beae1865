package sip

import (
	"net/url"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// callerOf reads who calls.
func callerOf(req *sipmsg.Request) (name, user string) {
	for _, h := range req.GetHeaders("P-Asserted-Identity") {
		for _, value := range splitQuoted(h.Value(), ',') {
			display, uri, _, err := parseAddress(value)
			if err == nil && uri.User != "" {
				return plainName(display), unescape(uri.User)
			}
		}
	}
	from := req.From()
	return plainName(from.DisplayName), unescape(from.Address.User)
}

// plainName takes quotes and their escapes off a display name, and whatever is not text.
func plainName(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	s = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s)
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s), "")
}

// unescape undoes escapeUser; what cannot be undone stays.
func unescape(user string) string {
	if plain, err := url.PathUnescape(user); err == nil && validUser(plain) {
		return plain
	}
	return user
}
