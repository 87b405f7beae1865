package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorstation/internal/page"
)

// TestThePagesPassword: it is kept hashed, readable by its owner alone, also for a local file that is refused because there was none.
func TestThePagesPassword(t *testing.T) {
	dir := t.TempDir()
	config, file := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "password")
	check(t, os.WriteFile(config, []byte("home_assistant: {url: http://127.0.0.1:9}\nbuttons: [{name: a, pin: GPIO17, call: [101]}]\n"+
		"page: {listen: \"0.0.0.0:9518\"}\n"), 0o600))
	run := func(typed string, args ...string) (int, string) {
		var out strings.Builder
		status := execute(t.Context(), append([]string{"page", "password", "--config", config}, args...), strings.NewReader(typed), &out, &out, os.Getenv)
		return status, out.String()
	}
	if status, said := run("short\n", "--file", file); status != exitFailed || !strings.Contains(said, page.ErrPasswordLength.Error()) {
		t.Errorf("a short one: %d, %s", status, said)
	}
	const secret = "correct horse battery"
	status, said := run(secret+"\n", "--file", file)
	if status != exitOK || !strings.Contains(said, "write password_file: "+file) || strings.Contains(said, secret) {
		t.Errorf("%d, %s", status, said)
	}
	info, err := os.Stat(file)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	p, err := page.ReadPassword(file, true)
	check(t, err)
	if !p.Is(secret) || p.Is(secret+"!") {
		t.Error("it is another password")
	}
	check(t, os.WriteFile(config, []byte("home_assistant: {url: http://127.0.0.1:9}\nbuttons: [{name: a, pin: GPIO17, call: [101]}]\n"+
		"page: {listen: \"0.0.0.0:9518\", password_file: password}\n"), 0o600))
	if status, said = run("another password\n"); status != exitOK || strings.Contains(said, "does not ask") {
		t.Errorf("where the local file names it: %d, %s", status, said)
	}
}
