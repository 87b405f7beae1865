package codes

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCodesOfAFamily(t *testing.T) {
	path := filepath.Join(t.TempDir(), "codes")
	var b Book
	check(t, errors.Join(b.Add("Anna", "2580"), b.Add("Bert Müller", "135790")))
	for _, c := range []struct {
		name, digits string
		want         error
	}{
		{"Anna", "9999", ErrNameTaken}, {"Carl", "2580", ErrCodeTaken}, {"Carl", "258", ErrDigits}, {"Carl", "12345678901234567", ErrDigits},
		{"Carl", "25*0", ErrDigits}, {"", "9999", ErrName}, {"a\nb", "9999", ErrName},
	} {
		if err := b.Add(c.name, c.digits); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.name, err, c.want)
		}
	}
	check(t, b.save(path))
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	data, err := os.ReadFile(path)
	check(t, err)
	if text := string(data); strings.Contains(text, "2580") || strings.Contains(text, "135790") {
		t.Errorf("the file tells a code: %s", text)
	}
	kept, err := Load(path, true)
	check(t, err)
	for digits, want := range map[string]string{"2580": "Anna", "135790": "Bert Müller", "2581": "", "": "", "25800": ""} {
		if name, is := kept.LookUp(digits); name != want || is != (want != "") {
			t.Errorf("%q is the code of %q", digits, name)
		}
	}
	if got := kept.Lengths(); !slices.Equal(got, []int{4, 6}) {
		t.Errorf("lengths %v", got)
	}
	check(t, errors.Join(kept.Remove("Anna"), kept.save(path)))
	if err = kept.Remove("Anna"); !errors.Is(err, ErrNobody) {
		t.Errorf("removed twice: %v", err)
	}
	if _, is := kept.LookUp("2580"); is {
		t.Error("a code that was removed opens")
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	check(t, err)
	if len(left) != 1 {
		t.Errorf("files are left: %v", left)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "codes")
	if _, err := Load(path, true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for _, text := range []string{"", "4711\n", `{"algorithm":"md5","codes":[]}`, `{"algorithm":"` + algorithm + `","codes":[{"name":"a","length":4}]}`} {
		check(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err := Load(path, true); !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "4711") {
			t.Errorf("%q: %v", text, err)
		}
	}
	check(t, new(Book).save(path))
	check(t, os.Chmod(path, 0o640))
	if _, err := Load(path, true); !errors.Is(err, ErrMode) {
		t.Errorf("others may read it: %v", err)
	}
	if _, err := Load(path, false); err != nil {
		t.Error(err)
	}
	check(t, os.WriteFile(path, []byte("none\n"), 0o600))
	b, err := Load(path, false)
	if err != nil || len(b.Names()) > 0 {
		t.Errorf("a credential that says that there are none: %v, %v", b, err)
	}
	check(t, os.Chmod(path, 0o600))
	if _, err = Load(path, true); !errors.Is(err, ErrFormat) {
		t.Errorf("a file that says that there are none: %v", err)
	}
}

func TestNoCodes(t *testing.T) {
	var b *Book
	if name, is := b.LookUp("1234"); is || name != "" || b.Lengths() != nil || b.Names() != nil {
		t.Error("codes from nowhere")
	}
}

// TestTwoChangesAtATime: none of them is lost, and what one removed the other does not bring back.
func TestTwoChangesAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "codes")
	check(t, Change(path, func(b *Book) error { return b.Add("Anna", "2580") }))
	inside, done := make(chan struct{}), make(chan error, 1)
	check(t, Change(path, func(b *Book) error {
		go func() {
			close(inside)
			done <- Change(path, func(b *Book) error { return b.Remove("Anna") })
		}()
		<-inside
		return b.Add("Bert", "135790")
	}))
	check(t, <-done)
	kept, err := Load(path, true)
	check(t, err)
	if names := kept.Names(); !slices.Equal(names, []string{"Bert"}) {
		t.Errorf("codes of %q", names)
	}
}

// TestAChangeThatFailsChangesNothing.
func TestAChangeThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "codes")
	if err := Change(path, func(b *Book) error { return b.Add("Anna", "12") }); !errors.Is(err, ErrDigits) {
		t.Errorf("a code of two digits: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	check(t, os.WriteFile(path, []byte("my notes\n"), 0o600))
	if err := Change(path, func(b *Book) error { return b.Add("Anna", "2580") }); !errors.Is(err, ErrFormat) {
		t.Errorf("a file of something else: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "my notes\n" {
		t.Errorf("it was overwritten: %q, %v", data, err)
	}
}
