package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// tolerant reads SIP Core's settings: what is wrong is noted and left out. An absent key is no problem, one without a
// value (null) is: somebody meant to write something there.
type tolerant struct {
	problems []Problem
	unknown  []string
}

// group is an object of the settings with where it is; path is empty for the root.
type group struct {
	path   string
	fields map[string]any
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// at is the path of a key in the group.
func (g group) at(key string) string {
	if !plainKey.MatchString(key) {
		const longest = 64
		key = strconv.Quote(key[:min(len(key), longest)])
	}
	if g.path == "" {
		return key
	}
	return g.path + "." + key
}

func (g group) value(key string) (any, bool) {
	v, ok := g.fields[key]
	return v, ok
}

// names are the group's keys in order.
func (g group) names() []string { return slices.Sorted(maps.Keys(g.fields)) }

// maxProblems keeps a hostile or hopeless settings object from filling the log.
const maxProblems = 100

func (r *tolerant) problem(path, message string) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{Path: path, Message: message})
	}
}

// wrong notes a wrong type.
func (r *tolerant) wrong(path, what string, found any) {
	r.problem(path, fmt.Sprintf("expected %s; found %s", what, kind(found)))
}

// ignore remembers the keys of a group that this version does not know.
func (r *tolerant) ignore(g group, known ...string) {
	for _, name := range g.names() {
		if !slices.Contains(known, name) && len(r.unknown) < maxProblems {
			r.unknown = append(r.unknown, g.at(name))
		}
	}
}

// object returns the group under a key, if there is one.
func (r *tolerant) object(g group, key string) (group, bool) {
	v, ok := g.value(key)
	if !ok {
		return group{}, false
	}
	fields, ok := v.(map[string]any)
	if !ok {
		r.wrong(g.at(key), "a group of keys", v)
		return group{}, false
	}
	return group{g.at(key), fields}, true
}

// list reads each entry of the list under a key, if there is one.
func (r *tolerant) list(g group, key string, read func(path string, v any)) {
	v, ok := g.value(key)
	if !ok {
		return
	}
	entries, ok := v.([]any)
	if !ok {
		r.wrong(g.at(key), "a list", v)
		return
	}
	for i, entry := range entries {
		read(g.at(key)+"["+strconv.Itoa(i)+"]", entry)
	}
}

// text returns the text under a key; a number counts as text, for extensions and passwords are easily written as one.
func (r *tolerant) text(g group, key string) string {
	switch v := g.fields[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		if _, ok := g.value(key); ok {
			r.wrong(g.at(key), "text", v)
		}
		return ""
	}
}

// boolean returns the true or false under a key, false without one.
func (r *tolerant) boolean(g group, key string) bool {
	v, ok := g.value(key)
	if !ok {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		r.wrong(g.at(key), "true or false without quotes", v)
	}
	return b
}

// number returns the number from 0 to most under a key; what says what was expected.
func (r *tolerant) number(g group, key, what string, most float64) (float64, bool) {
	v, ok := g.value(key)
	if !ok {
		return 0, false
	}
	n, ok := v.(json.Number)
	if !ok {
		r.wrong(g.at(key), what+", without quotes", v)
		return 0, false
	}
	f, err := n.Float64()
	if err != nil || f < 0 || f > most {
		r.problem(g.at(key), "expected "+what)
		return 0, false
	}
	return f, true
}
