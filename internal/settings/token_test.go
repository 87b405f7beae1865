package settings

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestReadTokenTakesTheFirstOfThreePlaces(t *testing.T) {
	dir := t.TempDir()
	credentials := filepath.Join(dir, "credentials")
	if err := os.Mkdir(credentials, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(credentials, "home_assistant_token"), "from-systemd\n")
	none := filepath.Join(dir, "none")
	if err := os.Mkdir(none, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(none, "home_assistant_token"), "none")
	file := filepath.Join(dir, "token")
	write(t, file, "\ufeff  from-file \r\n\n")
	withFile := Local{HomeAssistant: HomeAssistant{TokenFile: file}}

	for _, tt := range []struct {
		name  string
		local Local
		env   map[string]string
		want  string
	}{
		{"systemd first", withFile, map[string]string{"CREDENTIALS_DIRECTORY": credentials, "DOORSTATION_TOKEN": "from-env"}, "from-systemd"},
		{"systemd without this credential", withFile, map[string]string{"CREDENTIALS_DIRECTORY": dir}, "from-file"},
		{"the unit's word for none", withFile, map[string]string{"CREDENTIALS_DIRECTORY": none}, "from-file"},
		{"file before environment", withFile, map[string]string{"DOORSTATION_TOKEN": "from-env"}, "from-file"},
		{"environment", Local{}, map[string]string{"DOORSTATION_TOKEN": " from-env\n"}, "from-env"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadToken(tt.local, env(tt.env))
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestReadTokenSaysWhereOneMayBePut(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	write(t, empty, "\n")
	config := filepath.Join(dir, "config")
	write(t, config, "home_assistant:\n  token: s3cret-in-a-config\n")
	for _, tt := range []struct{ name, file, want string }{
		{"nowhere", "", "DOORSTATION_TOKEN"},
		{"no such file", filepath.Join(dir, "none"), "no such file"},
		{"empty", empty, "is empty"},
		{"another file", config, "something else than one token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadToken(Local{HomeAssistant: HomeAssistant{TokenFile: tt.file}}, env(nil))
			if !errors.Is(err, ErrNoToken) || !strings.Contains(err.Error(), tt.want) ||
				!strings.Contains(err.Error(), "home_assistant.token_file") {
				t.Errorf("got %v, want ErrNoToken with %q and where a token may be put", err, tt.want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows what it read: %v", err)
			}
		})
	}
}

func TestTokenFileTooOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if TokenFileTooOpen(path) {
		t.Error("a file that is not there is too open")
	}
	write(t, path, "x")
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o660: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got := TokenFileTooOpen(path); got != want {
			t.Errorf("%o: %v, want %v", mode, got, want)
		}
	}
}
