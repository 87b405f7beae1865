package settings

import (
	"regexp"
	"strings"
)

// lines is a local file that is being edited. It goes by lines and their indentation, so that all that is not edited stays as it is,
// to the last space; whoever edits reads the result with the reader, which knows all of YAML.
type lines []string

func splitLines(text []byte) lines {
	s := strings.TrimPrefix(string(text), "\ufeff")
	return strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
}

func (ls lines) bytes() []byte { return []byte(strings.Join(ls, "\n") + "\n") }

// indentOf is how far a line is indented; -1 for one that is blank or a comment.
func indentOf(line string) int {
	bare := strings.TrimLeft(line, " ")
	if bare == "" || bare[0] == '#' || strings.TrimSpace(bare) == "" {
		return -1
	}
	return len(line) - len(bare)
}

// spot is where a value is: its key's line, how far the key is indented, and the line after the last one of its value.
type spot struct {
	line, indent, end int
	column            int // where the key begins, or the dash of an entry of a list
}

// root is the whole file as the value of nothing.
func (ls lines) root() spot { return spot{line: -1, indent: -1, end: len(ls), column: -1} }

// dashes finds the "- " before the first key of an entry of a list.
var dashes = regexp.MustCompile(`^ *(- +)`)

// keyAt is the column of the key of a line, after the dash of an entry if it has one; -1 for a line without.
func keyAt(line string) int {
	at := indentOf(line)
	if m := dashes.FindString(line); at >= 0 && m != "" {
		return len(m)
	}
	return at
}

// child finds a key in a group; within an entry of a list the first key stands behind the dash.
func (ls lines) child(parent spot, key string) (spot, bool) {
	column := ls.childColumn(parent)
	if column < 0 {
		return spot{}, false
	}
	for i := max(parent.line, 0); i < parent.end; i++ {
		if i == parent.line && !ls.isEntry(parent) || keyAt(ls[i]) != column || indentOf(ls[i]) < column && i != parent.line {
			continue
		}
		if isKey(ls[i][column:], key) {
			return spot{line: i, indent: column, end: ls.endOf(i, column, parent.end), column: column}, true
		}
	}
	return spot{}, false
}

// isEntry says whether a spot is an entry of a list, whose first key is on its own line.
func (ls lines) isEntry(s spot) bool {
	return s.line >= 0 && s.column < len(ls[s.line]) && ls[s.line][s.column] == '-'
}

// childColumn is where the keys of a group stand; -1 when it has none.
func (ls lines) childColumn(parent spot) int {
	if ls.isEntry(parent) {
		return keyAt(ls[parent.line])
	}
	for i := parent.line + 1; i < parent.end; i++ {
		if at := indentOf(ls[i]); at >= 0 {
			return at
		}
	}
	return -1
}

// isKey says whether a text begins with a key and its colon.
func isKey(text, key string) bool {
	rest, ok := strings.CutPrefix(text, key)
	if !ok {
		rest, ok = strings.CutPrefix(text, `"`+key+`"`)
	}
	rest = strings.TrimLeft(rest, " ")
	return ok && strings.HasPrefix(rest, ":") && (len(rest) == 1 || rest[1] == ' ' || rest[1] == '\t')
}

// endOf is the line after the last one that belongs to the key of line i, whose column is given: those that are indented further, and
// the entries of a list as far as the key.
func (ls lines) endOf(i, column, limit int) int {
	end := i + 1
	for j := i + 1; j < limit; j++ {
		at := indentOf(ls[j])
		if at < 0 {
			continue
		}
		isEntry := strings.HasPrefix(ls[j][at:], "- ") || ls[j][at:] == "-"
		if at < column || at == column && !isEntry || at == column && keyAt(ls[i]) != indentOf(ls[i]) {
			break
		}
		end = j + 1
	}
	return end
}

// entries finds the entries of a list.
func (ls lines) entries(list spot) []spot {
	var all []spot
	column := -1
	for i := list.line + 1; i < list.end; i++ {
		at := indentOf(ls[i])
		if at < 0 || ls[i][at] != '-' || column >= 0 && at != column {
			continue
		}
		column = at
		if len(all) > 0 {
			all[len(all)-1].end = ls.trimmed(all[len(all)-1].line, i)
		}
		all = append(all, spot{line: i, indent: at, end: list.end, column: at})
	}
	return all
}

// trimmed is the line after the last one with content between from and to.
func (ls lines) trimmed(from, to int) int {
	for to > from+1 && indentOf(ls[to-1]) < 0 {
		to--
	}
	return to
}

// value finds the text behind the key of a line: where it begins and ends, without a comment behind it. ok is false when it does not
// end on the line, or is none.
func value(line string, column int) (from, to int, ok bool) {
	colon := strings.Index(line[column:], ":")
	if colon < 0 {
		return 0, 0, false
	}
	from = column + colon + 1
	for from < len(line) && line[from] == ' ' {
		from++
	}
	if from == len(line) || line[from] == '#' || strings.ContainsRune("|>&*!", rune(line[from])) {
		return from, from, false
	}
	depth, quote := 0, byte(0)
	for to = from; to < len(line); to++ {
		switch c := line[to]; {
		case quote == '"' && c == '\\':
			to++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (to == from || depth > 0):
			quote = c
		case (c == '[' || c == '{') && (to == from || depth > 0):
			depth++
		case (c == ']' || c == '}') && depth > 0:
			depth--
		case c == '#' && line[to-1] == ' ':
			if depth > 0 {
				return from, to, false
			}
			return from, len(strings.TrimRight(line[:to], " ")), true
		}
	}
	return from, len(strings.TrimRight(line, " \t")), depth == 0 && quote == 0
}

// replace puts other lines in the place of some.
func (ls lines) replace(from, to int, with ...string) lines {
	out := make(lines, 0, len(ls)+len(with))
	out = append(out, ls[:from]...)
	out = append(out, with...)
	return append(out, ls[to:]...)
}
