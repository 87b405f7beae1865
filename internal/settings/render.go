package settings

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrNotWritten says that the settings cannot be written as a local file: they do not survive being read again.
var ErrNotWritten = errors.New("these settings cannot be written as a local file")

// Rendered is the text of a local file.
type Rendered struct {
	Text []byte
	// Afresh says that the file that was there could not be edited, and that Text was made of the example: comments of its
	// own, its order and its spelling are not in it.
	Afresh bool
}

// Render makes the text of the local file at path that says want. It edits old, the file as it is, and changes nothing but the values
// that differ: comments, order and spelling stay, and what is taken away becomes a comment. Without an old file it edits example. What
// it returns was read again, and says want; the errors are ErrNotWritten, with what the reader found wrong with it.
func Render(path string, old, example []byte, want Local) (Rendered, error) {
	if len(old) > 0 {
		if text, err := edited(path, old, want); err == nil {
			return Rendered{Text: text}, nil
		}
	}
	text, err := edited(path, example, want)
	if err != nil {
		return Rendered{}, fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	return Rendered{Text: text, Afresh: len(old) > 0}, nil
}

// edited changes a file's text until it says want: as little as will do, else with what follows from other keys spelled, as the file
// may have it spelled, too.
func edited(path string, text []byte, want Local) ([]byte, error) {
	out, err := editedTo(path, text, want, false)
	if err != nil {
		out, err = editedTo(path, text, want, true)
	}
	return out, err
}

func editedTo(path string, text []byte, want Local, spelled bool) ([]byte, error) {
	was, err := parseAt(path, text)
	if err != nil {
		return nil, err
	}
	e := &editor{ls: splitLines(text)}
	whole := func() (spot, bool) { return e.ls.root(), true }
	if err = e.group(whole, fileTree(was, spelled), fileTree(want, spelled)); err != nil {
		return nil, err
	}
	out := e.ls.bytes()
	now, err := parseAt(path, out)
	if err != nil {
		return nil, err
	}
	if !alike(reflect.ValueOf(now), reflect.ValueOf(want)) {
		return nil, errNotByLines
	}
	return out, nil
}

// parseAt reads a text as LoadLocal would at path.
func parseAt(path string, text []byte) (Local, error) {
	l, err := ParseLocal(path, text)
	if err == nil {
		l.resolve(path)
	}
	return l, err
}

// alike compares values; an empty list or map is as good as none.
func alike(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return alike(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !alike(a.MapIndex(k), v) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}
