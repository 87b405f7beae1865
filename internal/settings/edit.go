package settings

import (
	"errors"
	"regexp"
	"strings"
)

// errNotByLines says that the file is of a form that editing by lines does not know.
var errNotByLines = errors.New("the file cannot be edited line by line")

// editor changes lines until they say what a tree says.
type editor struct{ ls lines }

// group makes a group that says was say want. at finds the group anew each time: lines move.
func (e *editor) group(at func() (spot, bool), was, want *tree) error {
	for _, key := range want.keys {
		old := was.group[key]
		if old != nil && old.equal(want.group[key]) {
			continue
		}
		if err := e.key(at, key, old, want.group[key]); err != nil {
			return err
		}
	}
	for _, key := range was.keys {
		if want.group[key] == nil {
			if err := e.remove(at, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// key makes the value of one key of a group say what want says. old is what it says so far, nil when it says nothing.
func (e *editor) key(at func() (spot, bool), key string, old, want *tree) error {
	parent, ok := at()
	if !ok {
		return errNotByLines
	}
	s, there := e.ls.child(parent, key)
	if !there {
		return e.insert(parent, key, want)
	}
	_, _, oneLine := value(e.ls[s.line], s.column)
	find := func() (spot, bool) {
		p, found := at()
		if !found {
			return spot{}, false
		}
		return e.ls.child(p, key)
	}
	switch {
	case want.isGroup() && old != nil && !oneLine:
		return e.group(find, old, want)
	case want.isList() && old != nil && old.isList() && !oneLine:
		return e.list(find, old, want)
	case want.isGroup() || want.isList():
		e.ls = e.ls.replace(s.line, s.end, keyLines(key, want, e.ls[s.line][:s.column], s.column)...)
		return nil
	}
	return e.text(s, key, want.text)
}

// text sets the value of a key, and leaves a comment behind it where it is.
func (e *editor) text(s spot, key, text string) error {
	line := e.ls[s.line]
	if from, to, ok := value(line, s.column); ok && s.end == s.line+1 {
		e.ls[s.line] = line[:from] + text + line[to:]
		return nil
	}
	e.ls = e.ls.replace(s.line, s.end, line[:s.column]+key+": "+text)
	return nil
}

// list makes a list of groups say what want says, entry by entry.
func (e *editor) list(at func() (spot, bool), was, want *tree) error {
	for i, entry := range want.list {
		s, ok := at()
		if !ok {
			return errNotByLines
		}
		all := e.ls.entries(s)
		if len(all) < min(i, len(was.list)) {
			return errNotByLines
		}
		if i >= len(all) {
			indent := s.indent + 2
			end := s.line + 1
			if len(all) > 0 {
				indent = all[0].column
				end = e.ls.trimmed(all[len(all)-1].line, all[len(all)-1].end)
			}
			e.ls = e.ls.replace(end, end, entryLines(entry, indent)...)
			continue
		}
		if i < len(was.list) && was.list[i].equal(entry) {
			continue
		}
		if strings.HasPrefix(strings.TrimLeft(e.ls[all[i].line][all[i].column+1:], " "), "{") {
			e.ls = e.ls.replace(all[i].line, all[i].end, entryLines(entry, all[i].column)...)
			continue
		}
		err := e.group(func() (spot, bool) {
			list, found := at()
			if !found {
				return spot{}, false
			}
			entries := e.ls.entries(list)
			if i >= len(entries) {
				return spot{}, false
			}
			return entries[i], true
		}, was.list[i], entry)
		if err != nil {
			return err
		}
	}
	s, ok := at()
	if !ok {
		return errNotByLines
	}
	all := e.ls.entries(s)
	for i := len(all) - 1; i >= len(want.list); i-- {
		e.comment(all[i])
	}
	return nil
}

// remove takes a key away by making comments of its lines: what stood there is the person's work.
func (e *editor) remove(at func() (spot, bool), key string) error {
	parent, ok := at()
	if !ok {
		return errNotByLines
	}
	s, there := e.ls.child(parent, key)
	if !there {
		return nil
	}
	if keyAt(e.ls[s.line]) != indentOf(e.ls[s.line]) {
		return errNotByLines // behind the dash of an entry
	}
	e.comment(s)
	return nil
}

// comment makes comments of a key's lines, in the way of the example: "#key:", no space after the #.
func (e *editor) comment(s spot) {
	for i := s.line; i < s.end; i++ {
		if at := indentOf(e.ls[i]); at >= 0 {
			e.ls[i] = e.ls[i][:at] + "#" + e.ls[i][at:]
		}
	}
}

// insert adds a key to a group: in the place of one that is left out as a comment, else behind the last one.
func (e *editor) insert(parent spot, key string, want *tree) error {
	if at, column, ok := e.leftOut(parent, key); ok {
		prefix := strings.Repeat(" ", column)
		if !want.isGroup() {
			e.ls = e.ls.replace(at, at+1, keyLines(key, want, prefix, column)...)
			return nil
		}
		e.ls[at] = prefix + key + ":"
		for _, k := range want.keys {
			s := spot{line: at, indent: column, column: column, end: e.ls.endOf(at, column, len(e.ls))}
			if err := e.insert(s, k, want.group[k]); err != nil {
				return err
			}
		}
		return nil
	}
	column := e.ls.childColumn(parent)
	if column < 0 {
		column = parent.indent + 2
		if parent.line < 0 {
			column = 0
		}
	}
	end := e.ls.trimmed(parent.line, parent.end)
	text := keyLines(key, want, strings.Repeat(" ", column), column)
	if parent.line < 0 {
		end = len(e.ls)
		text = append([]string{""}, text...)
	}
	e.ls = e.ls.replace(end, end, text...)
	return nil
}

// leftOut finds a key of a group that stands there as a comment, "#key:".
func (e *editor) leftOut(parent spot, key string) (line, column int, ok bool) {
	pattern := regexp.MustCompile(`^( *)#` + regexp.QuoteMeta(key) + `:( |$)`)
	wanted := e.ls.childColumn(parent)
	for i := parent.line + 1; i < len(e.ls); i++ {
		at := indentOf(e.ls[i])
		comment := len(e.ls[i]) - len(strings.TrimLeft(e.ls[i], " "))
		if parent.line >= 0 && (at >= 0 && at <= parent.indent || at < 0 && comment <= parent.indent) {
			break // another key, a comment about one, or a blank line
		}
		if m := pattern.FindStringSubmatch(e.ls[i]); m != nil && (wanted < 0 || len(m[1]) == wanted) {
			return i, len(m[1]), true
		}
	}
	return 0, 0, false
}

// keyLines is a key with its value as lines; prefix stands before the key on the first one.
func keyLines(key string, t *tree, prefix string, column int) []string {
	switch {
	case t.isGroup():
		out := []string{prefix + key + ":"}
		for _, k := range t.keys {
			out = append(out, keyLines(k, t.group[k], strings.Repeat(" ", column+2), column+2)...)
		}
		return out
	case t.isList():
		out := []string{prefix + key + ":"}
		for _, entry := range t.list {
			out = append(out, entryLines(entry, column+2)...)
		}
		return out
	default:
		return []string{prefix + key + ": " + t.text}
	}
}

// entryLines is an entry of a list as lines.
func entryLines(t *tree, column int) []string {
	var out []string
	for i, k := range t.keys {
		prefix := strings.Repeat(" ", column) + "- "
		if i > 0 {
			prefix = strings.Repeat(" ", column+2)
		}
		out = append(out, keyLines(k, t.group[k], prefix, column+2)...)
	}
	return out
}
