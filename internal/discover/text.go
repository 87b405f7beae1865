package discover

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// maxName is the length of a DNS label, in bytes, which Home Assistant keeps its name to.
const maxName = 63

// pairs reads the strings of a TXT record (RFC 6763, 6.4): the first of a key counts, keys are compared in small letters.
func pairs(text []string) map[string]string {
	all := make(map[string]string)
	for _, one := range text[:min(len(text), maxRecords)] {
		key, value, _ := strings.Cut(unescape(one), "=")
		key = strings.ToLower(key)
		if _, have := all[key]; key != "" && !have {
			all[key] = value
		}
	}
	return all
}

// unescape takes back how miekg/dns writes labels and strings: \. for a character, \195 for a byte.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		if i+1 < len(s) {
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// printable takes out of a stranger's text what would disturb a terminal – control characters, and those that turn the writing
// around – and cuts it to the length of a name.
func printable(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "") {
		if !unicode.IsPrint(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > maxName {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// usableURL returns what of an announced address the local file takes, scheme://host[:port], or nothing.
func usableURL(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || len(s) > 255 || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Path != "" && u.Path != "/" || u.Hostname() == "" {
		return ""
	}
	host := u.Hostname()
	if net.ParseIP(host) == nil && !isHostName(host) {
		return ""
	}
	if port := u.Port(); port != "" {
		if n, portErr := strconv.ParseUint(port, 10, 16); portErr != nil || n == 0 {
			return ""
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// isHostName accepts what stands for a host in a URL: letters, digits, hyphens, dots and underscores.
func isHostName(s string) bool {
	if _, ok := dns.IsDomainName(s); !ok || s == "." || s == "" {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
	})
}
