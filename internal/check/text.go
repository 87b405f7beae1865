package check

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Style is how a report is printed.
type Style struct {
	// Colour is for a terminal whose user did not say NO_COLOR.
	Colour bool
	// Unicode: ✓ ! ✗ – in place of letters.
	Unicode bool
	// Live shows which link is being looked at, in a line that is written over: for a terminal.
	Live bool
	// Width is that of the terminal, in columns: longer lines are broken at spaces; 0: what was found is printed as it is.
	Width int
	// DocsDir is where the pages of docs are, such as /usr/share/doc/doorstation; empty: as they are named in the repository.
	DocsDir string
}

// Printer prints a walk for people: a line or more for each finding, as it is found.
type Printer struct {
	w     io.Writer
	style Style
	err   error
}

// NewPrinter makes a printer that writes to w.
func NewPrinter(w io.Writer, s Style) *Printer { return &Printer{w: w, style: s} }

// titleWidth aligns what was found.
const titleWidth = 22

// Show prints an event.
func (p *Printer) Show(e Event) {
	if e.Finding == nil {
		if p.style.Live {
			p.print("\r\x1b[K" + p.mark("") + " " + visible(e.Title) + " ")
		}
		return
	}
	if p.style.Live {
		p.print("\r\x1b[K")
	}
	p.print(p.finding(*e.Finding))
}

// Summary prints how it all went, and returns the first error of printing.
func (p *Printer) Summary(r Report) error {
	p.print(fmt.Sprintf("\n%s %s\n", p.mark(r.Outcome), summary(r)))
	return p.err
}

// summary is a report in one sentence.
func summary(r Report) string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{r.Errors, "error"}, {r.Warnings, "warning"}, {r.Notes, "note"}} {
		switch {
		case c.n == 1:
			parts = append(parts, "1 "+c.what)
		case c.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", c.n, c.what))
		}
	}
	skipped := 0
	for _, f := range r.Findings {
		if f.Outcome == Skipped {
			skipped++
		}
	}
	if skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d not looked at", skipped))
	}
	took := fmt.Sprintf("%.1f s", float64(r.TookMS)/1000)
	if r.Interrupted {
		return "Interrupted: " + strings.Join(parts, ", ") + ", after " + took + "."
	}
	if len(parts) == 0 {
		return fmt.Sprintf("All is well: %d findings in %s.", len(r.Findings), took)
	}
	if r.Errors == 0 && r.Warnings == 0 {
		return "Nothing needs to be done (" + strings.Join(parts, ", ") + "), in " + took + "."
	}
	return strings.Join(parts, ", ") + ", in " + took + "."
}

// finding is a finding as text: what was found beside the title, then the problem, the remedy and the page below it.
func (p *Printer) finding(f Finding) string {
	for _, text := range []*string{&f.Title, &f.Found, &f.Problem, &f.Remedy} {
		*text = visible(*text)
	}
	var b strings.Builder
	indent := strings.Repeat(" ", 4)
	title := fmt.Sprintf(" %-*s ", titleWidth, f.Title)
	beside := markWidth(p.style.Unicode) + utf8.RuneCountInString(title)
	for i, line := range strings.Split(strings.TrimRight(f.Found, "\n"), "\n") {
		if i > 0 {
			for _, part := range p.fit(line, len(indent)) {
				fmt.Fprintf(&b, "%s%s\n", indent, part)
			}
			continue
		}
		lead := p.mark(f.Outcome) + title
		for _, part := range p.fit(line, beside) {
			fmt.Fprintf(&b, "%s%s\n", lead, p.dim(f.Outcome == Skipped, part))
			lead = strings.Repeat(" ", beside)
		}
	}
	if f.Problem != "" {
		for _, part := range p.fit(string(f.Code)+": "+f.Problem, len(indent)) {
			fmt.Fprintf(&b, "%s%s\n", indent, part)
		}
	}
	if f.Remedy != "" {
		width := remedyWidth
		if p.style.Width > 0 {
			width = max(leastWidth, min(remedyWidth, p.style.Width-len(indent)-arrowWidth))
		}
		for i, line := range wrap(f.Remedy, width) {
			lead := strings.Repeat(" ", arrowWidth)
			if i == 0 {
				lead = p.arrow()
			}
			fmt.Fprintf(&b, "%s%s%s\n", indent, lead, line)
		}
	}
	if f.Docs != "" {
		fmt.Fprintf(&b, "%s  %s\n", indent, p.dim(true, "see "+p.page(f.Docs)))
	}
	return b.String()
}

// visible is a text of whose characters each is seen: part of it came by the network, and a terminal obeys what is not.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\n', r != utf8.RuneError && unicode.IsGraphic(r):
			return r
		default:
			return '?'
		}
	}, text)
}

const (
	// remedyWidth keeps a remedy readable on a terminal of 100 columns.
	remedyWidth = 92
	// leastWidth is what a column has at least: where there is less, the terminal breaks its lines.
	leastWidth = 30
	arrowWidth = 2
)

// fit breaks a line of what was found for a column that begins behind so many others. It keeps its own indent.
func (p *Printer) fit(line string, behind int) []string {
	if p.style.Width == 0 {
		return []string{line}
	}
	body := strings.TrimLeft(line, " ")
	own := line[:len(line)-len(body)]
	parts := wrap(body, max(leastWidth, p.style.Width-behind-len(own)))
	for i := range parts {
		parts[i] = own + parts[i]
	}
	if len(parts) == 0 { // an empty line is one
		return []string{line}
	}
	return parts
}

// wrap breaks a text at spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// page is where a page of the docs is on this machine.
func (p *Printer) page(docs string) string {
	if p.style.DocsDir == "" {
		return docs
	}
	return filepath.Join(p.style.DocsDir, strings.TrimPrefix(docs, "docs/"))
}

// markWidth is that of a mark, in columns.
func markWidth(unicode bool) int {
	if unicode {
		return 1
	}
	return len("ERROR")
}

// mark is the sign before a finding; "" is that of a link that is being looked at.
func (p *Printer) mark(o Outcome) string {
	type sign struct{ unicode, ascii, colour string }
	s := map[Outcome]sign{
		OK:      {"✓", "ok   ", "32"},
		Note:    {"·", "note ", "36"},
		Warning: {"!", "warn ", "33"},
		Error:   {"✗", "ERROR", "31"},
		Skipped: {"–", "skip ", "2"},
		"":      {"…", "...  ", "2"},
	}[o]
	text := s.ascii
	if p.style.Unicode {
		text = s.unicode
	}
	return p.paint(s.colour, text)
}

func (p *Printer) arrow() string {
	if p.style.Unicode {
		return "→ "
	}
	return "> "
}

// dim greys a text if wanted.
func (p *Printer) dim(wanted bool, text string) string {
	if !wanted {
		return text
	}
	return p.paint("2", text)
}

// paint colours a text (ECMA-48, SGR).
func (p *Printer) paint(colour, text string) string {
	if !p.style.Colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (p *Printer) print(text string) {
	if p.err != nil {
		return
	}
	if _, err := io.WriteString(p.w, text); err != nil {
		p.err = fmt.Errorf("print: %w", err)
	}
}
