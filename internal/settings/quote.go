package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// plainWord is what YAML takes for text without quotes, whoever reads it.
var plainWord = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+)*( [A-Za-z0-9_./@-]+)*$`)

// otherWords are those that some YAML readers take for something else than text.
var otherWords = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// quoteYAML writes a text as one line of YAML, without quotes where it needs none.
func quoteYAML(s string) string {
	if plainWord.MatchString(s) && !slices.Contains(otherWords, strings.ToLower(s)) {
		return s
	}
	return doubleQuoted(s)
}

// doubleQuoted writes a text as one line of YAML in double quotes (YAML 1.2, 7.3.1).
func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
