package settings

import (
	"reflect"
	"testing"
	"time"
)

// TestEachFieldIsInTheTree: whatever field of the settings changes, what would be written changes; so no key is forgotten by the
// writer that the reader knows.
func TestEachFieldIsInTheTree(t *testing.T) {
	l, err := parseAt(renderPath, commented.ReplaceAll(readExample(t), []byte("$1$2")))
	if err != nil {
		t.Fatal(err)
	}
	l.Audio.AutoGain = false
	l.Incoming.Allow, l.Incoming.Callers = AllowList, []string{"101"}
	l.Camera.Command = []string{"true"}
	before := fileTree(l, true)
	leaves := 0
	var walk func(v reflect.Value, name string)
	try := func(v reflect.Value, name string, to any) {
		leaves++
		was := reflect.ValueOf(v.Interface())
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		if fileTree(l, true).equal(before) {
			t.Errorf("%s is not written", name)
		}
		v.Set(was)
	}
	walk = func(v reflect.Value, name string) {
		switch v.Kind() {
		case reflect.Struct:
			if _, isPin := v.Interface().(Pin); isPin { // one value, by name or by chip and line
				try(v, name, Pin{Name: "GPIO99"})
				try(v, name, Pin{Chip: "gpiochip9", Line: 9})
				return
			}
			for i := range v.NumField() {
				walk(v.Field(i), name+"."+v.Type().Field(i).Name)
			}
		case reflect.Pointer:
			if v.IsNil() {
				t.Errorf("%s is not in the example", name)
				return
			}
			walk(v.Elem(), name)
		case reflect.Slice:
			if v.Len() == 0 {
				t.Errorf("%s is empty in the example", name)
				return
			}
			walk(v.Index(0), name+"[0]")
		case reflect.Map:
			for _, k := range v.MapKeys() {
				was := v.MapIndex(k)
				v.SetMapIndex(k, reflect.ValueOf("other"))
				if leaves++; fileTree(l, true).equal(before) {
					t.Errorf("%s[%v] is not written", name, k)
				}
				v.SetMapIndex(k, was)
			}
		case reflect.String:
			try(v, name, v.String()+"x")
		case reflect.Bool:
			try(v, name, !v.Bool())
		default:
			// A whole number or a length of time; the lengths are written in full seconds or parts of them.
			try(v, name, v.Int()+int64(time.Second))
		}
	}
	v := reflect.ValueOf(&l).Elem()
	for i := range v.NumField() {
		walk(v.Field(i), v.Type().Field(i).Name)
	}
	if leaves < 80 {
		t.Errorf("only %d fields were tried", leaves)
	}
}
