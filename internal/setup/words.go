package setup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentence makes an error a sentence: what it says comes partly from the network.
func sentence(err error) string {
	text := CleanLines(strings.TrimPrefix(err.Error(), "doorstation: "))
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, "!") {
		text += "."
	}
	return text
}

// list is "a, b and c".
func list(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
