package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// reader walks the YAML tree of a local file and collects all that is wrong with it. Each method that reads a value
// returns it, or the zero value after having noted the fault, so that one mistake does not hide the next.
type reader struct {
	src    *source
	faults []*FileError
	// known and present are the paths of the keys that a mapping read so far may have and has, without list indexes. A test
	// compares them to keep the example file complete.
	known, present map[string]bool
}

// parseYAML returns the root of the only document in data, nil for an empty one.
func parseYAML(src *source, data []byte) (root ast.Node, err error) {
	if !utf8.Valid(data) {
		good := 0
		for good < len(data) {
			r, size := utf8.DecodeRune(data[good:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			good += size
		}
		return nil, src.fault(1+strings.Count(string(data[:good]), "\n"), 1, "expected UTF-8 text")
	}
	// The parser is not ours: should some input make it panic, that is a wrong file and not the end of the process.
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, src.fault(1, 1, "expected YAML; the file cannot be parsed")
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
			pos := syntax.Token.Position
			return nil, src.fault(pos.Line, pos.Column, "not valid YAML: "+webToken.ReplaceAllString(syntax.Message, hidden))
		}
		return nil, src.fault(1, 1, "not valid YAML")
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			line, column := place(doc.Body)
			return nil, src.fault(line, column, "expected one YAML document; a second one begins here")
		}
		root = doc.Body
	}
	return root, nil
}

// place is where a node begins.
func place(n ast.Node) (line, column int) {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // a block mapping's own token is its first colon
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return t.Position.Line, t.Position.Column
}

// path is where a node is in the tree, such as "buttons[0].pin".
func path(n ast.Node) string {
	return strings.TrimPrefix(strings.TrimPrefix(n.GetPath(), "$"), ".")
}

// fault notes that a node is wrong.
func (r *reader) fault(n ast.Node, message string) {
	line, column := place(n)
	if p := path(n); p != "" {
		message = p + ": " + message
	}
	r.faults = append(r.faults, r.src.fault(line, column, webToken.ReplaceAllString(message, hidden)))
}

// expected notes that a node is not what was expected, and what it is instead.
func (r *reader) expected(n ast.Node, what string) {
	r.fault(n, fmt.Sprintf("expected %s; found %s", what, describe(n)))
}

// describe says what a node is, in the words of somebody who does not know YAML's.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a group of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.AliasNode, *ast.MergeKeyNode:
		return "a YAML alias"
	case *ast.LiteralNode:
		return "a block of text"
	default:
		text := n.GetToken().Value
		if looksLikeToken(text) {
			return "an access token"
		}
		const longest = 60
		if utf8.RuneCountInString(text) > longest {
			text = string([]rune(text)[:longest]) + "…"
		}
		return strconv.Quote(urlUser.ReplaceAllString(text, "://"+hidden+"@"))
	}
}

// bare takes anchors and tags off a node.
func bare(n ast.Node) ast.Node {
	for {
		switch outer := n.(type) {
		case *ast.AnchorNode:
			if outer.Value == nil {
				return n
			}
			n = outer.Value
		case *ast.TagNode:
			if outer.Value == nil {
				return n
			}
			n = outer.Value
		default:
			return n
		}
	}
}

// keys says for each key of a mapping who reads its value.
type keys map[string]func(ast.Node)

// mapping reads a mapping. Unknown keys are faults. It returns whether n was a mapping.
func (r *reader) mapping(n ast.Node, what string, readers keys) bool {
	var values []*ast.MappingValueNode
	switch m := bare(n).(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.expected(n, what+" ("+list(readers)+")")
		return false
	}
	at := withoutIndexes(path(n))
	for key := range readers {
		r.known[strings.TrimPrefix(at+"."+key, ".")] = true
	}
	for _, v := range values {
		key := v.Key.GetToken().Value
		if k, ok := bare(v.Key).(*ast.StringNode); ok {
			key = k.Value
		}
		read, ok := readers[key]
		if !ok {
			r.unknown(v.Key, key, what, readers)
			continue
		}
		r.present[strings.TrimPrefix(at+"."+key, ".")] = true
		read(bare(v.Value))
	}
	return true
}

// unknown notes an unknown key. Secrets that people are likely to put here are told where they belong.
func (r *reader) unknown(n ast.Node, key, what string, readers keys) {
	lower := strings.ToLower(key)
	var message string
	switch {
	case looksLikeToken(key) || strings.HasSuffix(lower, "token") || lower == "api_key":
		message = "an access token does not belong in this file: " + whereTokensGo
	case strings.HasPrefix(lower, "pass"):
		message = "a password does not belong in this file: the SIP password comes from users in SIP Core's settings"
	default:
		message = fmt.Sprintf("unknown key; expected one of the keys of %s: %s", what, list(readers))
	}
	line, column := place(n)
	r.faults = append(r.faults, r.src.fault(line, column,
		webToken.ReplaceAllString(path(n), hidden)+": "+message))
}

func list(readers keys) string {
	names := make([]string, 0, len(readers))
	for name := range readers {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// withoutIndexes makes "buttons[].pin" of "buttons[3].pin".
func withoutIndexes(p string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsDigit(c) {
			return -1
		}
		return c
	}, p)
}

// sequence reads a list of at most limit entries. It returns whether n was one.
func (r *reader) sequence(n ast.Node, what string, limit int, read func(ast.Node)) bool {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.expected(n, what)
		return false
	}
	if len(s.Values) > limit {
		r.fault(s.Values[limit], fmt.Sprintf("expected at most %d entries", limit))
		return false
	}
	for _, v := range s.Values {
		read(bare(v))
	}
	return true
}

// scalar returns the text of a scalar as it was written; numbers and booleans keep their spelling.
func (r *reader) scalar(n ast.Node, what string) (string, bool) {
	var text string
	switch s := n.(type) {
	case *ast.StringNode:
		text = s.Value
	case *ast.LiteralNode:
		text = strings.TrimSpace(s.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text = n.GetToken().Value
	default:
		r.expected(n, what)
		return "", false
	}
	if looksLikeToken(text) {
		r.fault(n, "an access token does not belong in this file: "+whereTokensGo)
		return "", false
	}
	return text, true
}

// text reads a scalar that ok accepts.
func (r *reader) text(n ast.Node, what string, ok func(string) bool) string {
	text, read := r.scalar(n, what)
	if !read {
		return ""
	}
	if !ok(text) {
		r.expected(n, what)
		return ""
	}
	return text
}

// choice reads one of the given words.
func (r *reader) choice(n ast.Node, words ...string) string {
	return r.text(n, oneOf(words), func(s string) bool { return slices.Contains(words, s) })
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// boolean reads true or false.
func (r *reader) boolean(n ast.Node) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.expected(n, "true or false")
		return false
	}
	return b.Value
}

// integer reads a whole number within limits, in the given step.
func (r *reader) integer(n ast.Node, least, most, step int) int {
	what := fmt.Sprintf("a whole number from %d to %d", least, most)
	if step == 2 {
		what = fmt.Sprintf("an even number from %d to %d", least, most)
	}
	if _, ok := n.(*ast.IntegerNode); !ok {
		r.expected(n, what)
		return 0
	}
	v, err := strconv.Atoi(n.GetToken().Value)
	if err != nil || v < least || v > most || v%step != 0 {
		r.expected(n, what)
		return 0
	}
	return v
}

// duration reads a length of time within limits.
func (r *reader) duration(n ast.Node, least, most time.Duration, example string) time.Duration {
	what := fmt.Sprintf("a length of time from %s to %s, such as %s", short(least), short(most), example)
	text, ok := r.scalar(n, what)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		r.expected(n, what)
		return 0
	}
	return d
}

// short writes 5m0s as 5m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
