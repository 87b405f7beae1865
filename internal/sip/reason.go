package sip

import (
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// readReason reads the Reason headers (RFC 3326): the Q.850 cause, the SIP cause, and the text of whichever has one.
func readReason(m sipmsg.Message) (q850, status int, text string) {
	for _, h := range m.GetHeaders("Reason") {
		for _, value := range splitQuoted(h.Value(), ',') {
			parts := splitQuoted(value, ';')
			cause, said := 0, ""
			for _, p := range parts[1:] {
				k, v, _ := strings.Cut(p, "=")
				v = strings.Trim(strings.TrimSpace(v), `"`)
				switch strings.ToLower(strings.TrimSpace(k)) {
				case "cause":
					if n, err := strconv.Atoi(v); err == nil && n >= 0 && n < 1000 {
						cause = n
					}
				case "text":
					said = v
				}
			}
			switch strings.ToUpper(strings.TrimSpace(parts[0])) {
			case "Q.850":
				q850 = cause
			case "SIP":
				status = cause
			}
			if text == "" {
				text = said
			}
		}
	}
	return q850, status, text
}

// splitQuoted splits at sep outside of quoted strings; it returns at least one part.
func splitQuoted(s string, sep byte) []string {
	var parts []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
