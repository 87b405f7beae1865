package terminal

import (
	"strings"
	"unicode/utf8"
)

// ascii replaces what a terminal without UTF-8 would show as rubbish.
func ascii(text string) string {
	if strings.IndexFunc(text, func(c rune) bool { return c >= utf8.RuneSelf }) < 0 {
		return text
	}
	text = strings.NewReplacer("…", "...", "–", "-", "—", "-", "“", `"`, "”", `"`, "‘", "'", "’", "'", "×", "x",
		"ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss").Replace(text)
	return strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf {
			return '?'
		}
		return c
	}, text)
}

// wrap breaks a text at spaces into lines of at most width characters; words that are longer stay whole. A line's indent is that of
// the lines it is broken into. There is always one line at least.
func wrap(text string, width int) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		body := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(body)]
		current := indent
		for i, word := range strings.Split(body, " ") {
			if i > 0 && utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) > width {
				lines = append(lines, current)
				current = indent + word
				continue
			}
			if i > 0 {
				current += " "
			}
			current += word
		}
		lines = append(lines, current)
	}
	return lines
}
