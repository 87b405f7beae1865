package settings

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Key is a key of the local file, for its reference.
type Key struct {
	// Path is where it stands, such as "lock.pulse" or "buttons[].pin".
	Path string
	// Group says that it holds other keys, or a list of such groups, and no value of its own.
	Group bool
	// Required says that the group it stands in is wrong without it.
	Required bool
	// Takes is what it accepts, in the words of the error that anything else gives.
	Takes string
	// Default is its value where the file leaves it out, as it would be written there; HasDefault tells an empty one from one
	// that no field of Local holds by that name.
	Default    string
	HasDefault bool
}

// leastFile is a local file with every optional group and nothing in them that may be left out.
const leastFile = `
home_assistant: {url: "http://homeassistant.local:8123"}
buttons: [{name: Bell, pin: GPIO17}]
lock: {pin: GPIO27}
light: {pin: GPIO22}
leds: [{pin: GPIO23}]
inputs: {contact: {pin: GPIO24}, tamper: {pin: GPIO25}}
`

// Keys lists the keys of the local file in the order of their names. It asks the reader itself, by means of a file that is right and has
// every key: each is taken out, and emptied, in turn, to see what the reader says.
func Keys(complete []byte) ([]Key, error) {
	r := newReader("complete", complete)
	if _, err := r.parse(complete); err != nil {
		return nil, err
	}
	defaultsOf, err := ParseLocal("least", []byte(leastFile))
	if err != nil {
		return nil, err
	}
	var all []Key
	for _, path := range slices.Sorted(maps.Keys(r.known)) {
		if strings.Contains(path, ".pin.") { // a pin is one value, though it may be written as a group
			continue
		}
		if !r.present[path] {
			return nil, fmt.Errorf("settings: the complete file has no %s", path)
		}
		k := Key{Path: path, Group: isGroup(path, r.known)}
		if k.Takes, err = takes(complete, path); err != nil {
			return nil, err
		}
		if k.Required, err = required(complete, path); err != nil {
			return nil, err
		}
		if !k.Group {
			k.Default, k.HasDefault = written(reflect.ValueOf(defaultsOf), path)
		}
		all = append(all, k)
	}
	return all, nil
}

func isGroup(path string, known map[string]bool) bool {
	if strings.HasSuffix(path, ".pin") {
		return false
	}
	for other := range known {
		if rest, ok := strings.CutPrefix(other, path); ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "[].")) {
			return true
		}
	}
	return false
}

// takes empties a key and reads what was expected.
func takes(complete []byte, path string) (string, error) {
	faults, err := faultsAfter(complete, path, func(m *ast.MappingNode, i int) {
		nothing := ast.Null(token.New("null", "null", m.Values[i].Key.GetToken().Position))
		nothing.SetPath(m.Values[i].Value.GetPath())
		m.Values[i].Value = nothing
	})
	if err != nil {
		return "", err
	}
	for _, f := range faults {
		at, said, _ := strings.Cut(f.Message, ": expected ")
		if what, ok := strings.CutSuffix(said, "; found nothing"); ok && withoutIndexes(at) == path {
			return what, nil
		}
	}
	return "", fmt.Errorf("settings: an empty %s is not refused", path)
}

// required takes a key out and looks whether it is missed.
func required(complete []byte, path string) (bool, error) {
	faults, err := faultsAfter(complete, path, func(m *ast.MappingNode, i int) { m.Values = slices.Delete(m.Values, i, i+1) })
	name := path[strings.LastIndexByte(path, '.')+1:]
	return slices.ContainsFunc(faults, func(f *FileError) bool { return strings.Contains(f.Message, name+" is missing") }), err
}

// faultsAfter reads a file in which one key, wherever it stands first, was changed.
func faultsAfter(complete []byte, path string, change func(m *ast.MappingNode, i int)) ([]*FileError, error) {
	r := newReader("complete", complete)
	root, err := parseYAML(r.src, complete)
	if err != nil {
		return nil, err
	}
	if !changeFirst(root, "", path, change) {
		return nil, fmt.Errorf("settings: no %s in the file", path)
	}
	l := defaults()
	r.local(root, &l)
	return r.faults, nil
}

// changeFirst finds a key below a node that stands at the path at.
func changeFirst(n ast.Node, at, path string, change func(m *ast.MappingNode, i int)) bool {
	switch n := n.(type) {
	case *ast.SequenceNode:
		for _, v := range n.Values {
			if changeFirst(bare(v), at+"[]", path, change) {
				return true
			}
		}
	case *ast.MappingNode:
		for i, v := range n.Values {
			here := strings.TrimPrefix(at+"."+v.Key.GetToken().Value, ".")
			if here == path {
				change(n, i)
				return true
			}
			if changeFirst(bare(v.Value), here, path, change) {
				return true
			}
		}
	default:
	}
	return false
}

// written is the value of the field that a path names, as a file has it.
func written(v reflect.Value, path string) (string, bool) {
	for step := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(step, "[]")
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return "", false
		}
		v = v.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, strings.ReplaceAll(name, "_", "")) })
		if !v.IsValid() {
			return "", false
		}
		if list && v.Kind() == reflect.Slice && v.Len() > 0 {
			v = v.Index(0)
		}
	}
	switch value := v.Interface().(type) {
	case time.Duration:
		return short(value), true
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case int:
		const k = 1000
		if strings.HasSuffix(path, "bitrate") && value%k == 0 {
			return strconv.Itoa(value/k) + "k", true
		}
		return strconv.Itoa(value), true
	default: // lists, which are empty
		return "", v.Kind() == reflect.Slice && v.Len() == 0
	}
}
