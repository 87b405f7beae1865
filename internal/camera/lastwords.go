package camera

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

const (
	// keptLines and keptLine bound what is kept of a command's standard error, in lines and in bytes of a line.
	keptLines = 4
	keptLine  = 200
)

// userInfo finds name and password of an address, which may hold any character: commands repeat what they were given.
var userInfo = regexp.MustCompile(`://\S*@`)

// lastWords keeps the last lines that a command writes to its standard error. Names and passwords in addresses are left out.
type lastWords struct {
	mu    sync.Mutex
	lines []string
	line  []byte
}

// Write implements io.Writer; it never fails.
func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range p {
		switch {
		case c == '\n' || c == '\r':
			w.endLine()
		case len(w.line) < 4*keptLine: // more than is shown, so that an address cut in two is still one
			w.line = append(w.line, c)
		}
	}
	return len(p), nil
}

// endLine keeps the line.
func (w *lastWords) endLine() {
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(string(w.line), ""))
	w.line = w.line[:0]
	text = userInfo.ReplaceAllString(strings.TrimSpace(text), "://***@")
	if text == "" {
		return
	}
	if len(text) > keptLine {
		text = strings.ToValidUTF8(text[:keptLine], "") + "…"
	}
	if len(w.lines) == keptLines {
		w.lines = w.lines[1:]
	}
	w.lines = append(w.lines, text)
}

// said gives the lines for an error, with a beginning of their own; empty when there are none.
func (w *lastWords) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLine()
	if len(w.lines) == 0 {
		return ""
	}
	return "; it said: " + strings.Join(w.lines, " | ")
}
