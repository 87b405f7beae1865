package terminal

import (
	"io"
	"os"
	"strings"
)

// Able is what a terminal can do.
type Able struct {
	// Keys: questions are answered with the arrow keys.
	Keys bool
	// UTF8: more than ASCII can be shown.
	UTF8 bool
	// Colours is how many: 0, 16, 256 or 1<<24.
	Colours int
	// Redraw: a line can be written anew.
	Redraw bool
	// Columns and Rows are its size in characters.
	Columns, Rows int
}

// What is taken for granted where nothing is known: the terminals of old.
const usualColumns, usualRows = 80, 24

// Look finds out what a terminal can do: from its kind, the locale and https://no-color.org's NO_COLOR.
func Look(in *os.File, out io.Writer, getenv func(string) string) Able {
	a := Able{UTF8: utf8Locale(getenv), Columns: usualColumns, Rows: usualRows}
	outFile, _ := out.(*os.File)
	if outFile == nil || !isTerminal(outFile) {
		return a
	}
	columns, rows, known := size(out)
	if known {
		a.Columns, a.Rows = columns, rows
	}
	term := getenv("TERM")
	if term == "" || term == "dumb" || term == "unknown" {
		return a
	}
	a.Redraw = true
	if getenv("NO_COLOR") == "" && !strings.HasPrefix(term, "vt1") && !strings.HasPrefix(term, "vt2") {
		a.Colours = colours(term, getenv("COLORTERM"))
	}
	const leastColumns, leastRows = 50, 16
	a.Keys = known && a.UTF8 && isTerminal(in) && columns >= leastColumns && rows >= leastRows
	return a
}

func colours(term, colorterm string) int {
	switch {
	case colorterm == "truecolor" || colorterm == "24bit":
		return 1 << 24
	case strings.Contains(term, "256"):
		return 256
	}
	return 16
}

// utf8Locale follows setlocale(3): LC_ALL before LC_CTYPE before LANG.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
