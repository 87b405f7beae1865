package settings

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"
)

const exampleFile = "../../config/doorstation.example.yaml"

// commented finds a setting that the example shows without setting it.
var commented = regexp.MustCompile(`(?m)^( *)#((?:- )?[a-z_]+:)`)

func readExample(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTheExampleIsTheDefault: what the example sets is what holds without it.
func TestTheExampleIsTheDefault(t *testing.T) {
	got, err := ParseLocal("example", readExample(t))
	if err != nil {
		t.Fatal(err)
	}
	least, err := ParseLocal("least", []byte(`
home_assistant: {url: https://homeassistant.local:8123, token_file: /etc/doorstation/token}
buttons: [{name: Front door, pin: GPIO17, call: [101, 102]}]
lock: {pin: GPIO27, codes: [1]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, least) {
		t.Errorf("the example's values are not the defaults:\nexample %+v %+v\nleast   %+v %+v", got, *got.Lock, least, *least.Lock)
	}
}

// TestTheExampleShowsEveryKey: with its commented settings taken in, the example is valid, names every key there is, and
// fills every field of the struct.
func TestTheExampleShowsEveryKey(t *testing.T) {
	data := commented.ReplaceAll(readExample(t), []byte("$1$2"))
	r := newReader("example", data)
	l, err := r.parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Sorted(maps.Keys(r.known)) {
		if !r.present[key] {
			t.Errorf("%s is not in the example", key)
		}
	}
	// Commented settings differ from the defaults, so that reading them shows.
	filled := make(map[string]bool)
	fill(reflect.ValueOf(l), "Local", filled)
	for _, field := range slices.Sorted(maps.Keys(filled)) {
		if !filled[field] && !slices.Contains(emptyInExample, field) {
			t.Errorf("no key of the example fills %s", field)
		}
	}
}

// emptyInExample are the fields whose key is in the example with its zero value, as the default is.
var emptyInExample = []string{
	"HomeAssistant.TLS", "SIP.Extension", "SIP.Server", "SIP.TLS", "TLS.CAFile", "TLS.SkipVerify", "Incoming.Callers",
	"Lock.CodesFile", "Audio.GainDB", "Tamper.BlockLock", "Camera.Rotation", "Camera.Mirror", "Camera.Device", "Camera.Overlay", "Overlay.Text",
	"Overlay.Time", "Page.PasswordFile",
}

// fill notes for each field of each struct type whether some value of it is not zero.
func fill(v reflect.Value, name string, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), name, filled)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), name, filled)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Name() + "." + v.Type().Field(i).Name
			filled[field] = filled[field] || !v.Field(i).IsZero()
			fill(v.Field(i), field, filled)
		}
	}
}
