package setup

import (
	"strings"
	"unicode"
)

// longestForeign bounds what is shown of a text that came from the network, in characters.
const longestForeign = 200

// Clean makes a text that came from the network or from a device fit to be shown: on one line, without control characters (which
// would move a terminal's cursor or change its title), without characters that are not seen or turn the direction of writing, and not
// endless.
func Clean(s string) string {
	var b strings.Builder
	n := 0
	for _, c := range s {
		if n == longestForeign {
			b.WriteString("…")
			break
		}
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			c = ' '
		case c == unicode.ReplacementChar:
			c = '?'
		case !unicode.IsPrint(c):
			continue
		}
		b.WriteRune(c)
		n++
	}
	return strings.TrimSpace(b.String())
}

// CleanLines is Clean for a text of several lines.
func CleanLines(s string) string {
	const most = 200
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	lines = lines[:min(len(lines), most)]
	for i, line := range lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		lines[i] = indent[:min(len(indent), 40)] + Clean(line)
	}
	return strings.Join(lines, "\n")
}
