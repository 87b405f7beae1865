package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/codes"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// TestCodesFromSystemd: the credential of the packaged unit is read by its name; where there is no file for it the unit says "none", which is no
// fault.
func TestCodesFromSystemd(t *testing.T) {
	unit, err := os.ReadFile("../../systemd/doorstation.service")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(unit), "\n")
	without, found := "", false
	for _, line := range lines {
		if text, is := strings.CutPrefix(line, "SetCredential="+codesCredential+":"); is {
			without, found = text, true
		}
	}
	if !found || !slices.Contains(lines, "LoadCredential="+codesCredential+":/etc/doorstation/codes") {
		t.Fatal("the unit does not load the codes, or fails where there are none (systemd.exec(5), SetCredential=)")
	}
	for _, c := range []struct {
		name  string
		make  func(path string) error
		names []string
		fault bool
	}{
		{"no credential", func(string) error { return nil }, nil, false},
		{"the unit's own", func(path string) error { return os.WriteFile(path, []byte(without), 0o440) }, nil, false},
		{"a file of codes", func(path string) error {
			add := func(b *codes.Book) error { return b.Add("Anna", "2580") }
			return errors.Join(codes.Change(path, add), os.Chmod(path, 0o440)) // as systemd gives it
		}, []string{"Anna"}, false},
		{"another file", func(path string) error { return os.WriteFile(path, []byte("2580"), 0o440) }, nil, true},
	} {
		dir := t.TempDir()
		if err = c.make(filepath.Join(dir, codesCredential)); err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		a := &App{health: health.NewRegister(time.Now, log), opt: Options{
			Log: log, Local: settings.Local{Lock: &settings.Lock{}},
			Getenv: func(name string) string { return map[string]string{"CREDENTIALS_DIRECTORY": dir}[name] },
		}}
		if got := a.loadCodes().Names(); !slices.Equal(got, c.names) {
			t.Errorf("%s: codes of %q", c.name, got)
		}
		if got := len(a.health.Standing()) > 0; got != c.fault {
			t.Errorf("%s: a fault is %v", c.name, got)
		}
	}
}
