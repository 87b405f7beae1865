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
			if user = unescape(uri.User); err == nil && user != "" {
				return plainName(display), user
			}
		}
	}
	from := req.From()
	return plainName(from.DisplayName), unescape(from.Address.User)
}

// maxName is the longest display name taken, in bytes.
const maxName = 200

// plainName takes quotes and their escapes off a display name, and whatever is not text or too long.
func plainName(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	s = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s)
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// unescape undoes escapeUser. What cannot be undone stays, and what can be nobody's extension is empty.
func unescape(user string) string {
	if plain, err := url.PathUnescape(user); err == nil && validUser(plain) {
		return plain
	}
	if !validUser(user) {
		return ""
	}
	return user
}
