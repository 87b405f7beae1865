package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// FileError is one thing wrong with the local file. Neither its message nor its excerpt shows a secret.
type FileError struct {
	// Path is the file's name.
	Path string
	// Line is the line that is wrong, from 1; 0 when the file could not be read at all. Column counts characters from 1.
	Line, Column int
	// Message says what was expected.
	Message string
	// Excerpt is the source around the line, with a caret under the place.
	Excerpt string

	err error // what the operating system said, when that was it
}

// Error prints all of it.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Message)
	}
	return fmt.Sprintf("%s:%d: %s\n%s", e.Path, e.Line, e.Message, e.Excerpt)
}

// Unwrap returns what the operating system said, or nil.
func (e *FileError) Unwrap() error { return e.err }

// maxFileErrors keeps the report readable: the first ones are mended first.
const maxFileErrors = 10

// join makes one error of all that is wrong, in the file's order. A single one is returned as *FileError; of several,
// errors.As finds the first.
func join(faults []*FileError) error {
	slices.SortStableFunc(faults, func(a, b *FileError) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return faults[0]
	}
	faults = faults[:min(len(faults), maxFileErrors)]
	all := make([]error, len(faults))
	for i, f := range faults {
		all[i] = f
	}
	return errors.Join(all...)
}

// source is the text of a local file, for excerpts.
type source struct {
	name  string
	lines []string // with secrets hidden
}

func newSource(name string, data []byte) *source {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	return &source{name: name, lines: hideSecrets(strings.Split(text, "\n"))}
}

// fault makes the error for a place in the file. Places outside it, which a parser may report at its end, are moved in.
func (s *source) fault(line, column int, message string) *FileError {
	line = min(max(line, 1), len(s.lines))
	column = max(column, 1)
	return &FileError{
		Path: s.name, Line: line, Column: column, Message: message, Excerpt: s.excerpt(line, column),
	}
}

// maxExcerptWidth keeps a very long line from flooding a terminal.
const maxExcerptWidth = 160

// excerpt shows two lines before the place, its line with a caret below, and one line after.
func (s *source) excerpt(line, column int) string {
	var b strings.Builder
	for n := max(1, line-2); n <= min(len(s.lines), line+1); n++ {
		text := []rune(strings.ReplaceAll(s.lines[n-1], "\t", " "))
		if n > line && strings.TrimSpace(string(text)) == "" {
			continue
		}
		mark := " "
		if n == line {
			mark = ">"
		}
		fmt.Fprintf(&b, "%s %4d | %s\n", mark, n, string(text[:min(len(text), maxExcerptWidth)]))
		if n == line {
			caret := min(column-1, len(text), maxExcerptWidth)
			fmt.Fprintf(&b, "       | %s^\n", strings.Repeat(" ", caret))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

const hidden = "***"

var (
	// secretKey finds keys whose value nobody should see. token_file and the like are no secrets.
	secretKey = regexp.MustCompile(`(?i)["']?(?:[a-z_]*token|pass(?:word|phrase)?|secret|credential|api_key|codes?)["']?\s*:(?:\s|$)`)
	// webToken finds JSON web tokens, the form of Home Assistant's access tokens, wherever they are.
	webToken = regexp.MustCompile(`eyJ[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_=-]*)*`)
	// urlUser finds the user part of a URL.
	urlUser = regexp.MustCompile(`://[^/\s"']*@`)
)

// HideSecrets returns the text of a local file with what may be a secret blanked: the values of secret keys, tokens, and users in URLs.
func HideSecrets(text string) string {
	return strings.Join(hideSecrets(strings.Split(text, "\n")), "\n")
}

// hideSecrets blanks what may be a secret in lines of YAML. It goes by the text, since it must also work on a file that
// no parser understands, and hides rather too much: the rest of the line after a secret key, and all lines that belong to it.
func hideSecrets(lines []string) []string {
	out := make([]string, len(lines))
	inside := -1 // the indentation of the secret key the following lines may belong to
	for i, line := range lines {
		trimmed := strings.TrimLeft(line, " \t")
		indent := len(line) - len(trimmed)
		if inside >= 0 && trimmed != "" {
			if indent > inside || indent == inside && strings.HasPrefix(trimmed, "- ") {
				out[i] = line[:indent] + hidden
				continue
			}
			inside = -1
		}
		if at := secretKey.FindStringIndex(line); at != nil {
			rest := strings.TrimSpace(line[at[1]:])
			inside = indent + len(trimmed) - len(strings.TrimLeft(trimmed, "- "))
			if rest != "" && !strings.HasPrefix(rest, "#") {
				line = strings.TrimRight(line[:at[1]], " \t") + " " + hidden
			}
		}
		line = webToken.ReplaceAllString(line, hidden)
		out[i] = urlUser.ReplaceAllString(line, "://"+hidden+"@")
	}
	return out
}
