package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lockOrders gives the running agent all orders for its lock, in a row that shows what each does to the next.
func lockOrders(ctx context.Context, t *testing.T, socket string) {
	t.Helper()
	for _, c := range []struct {
		order          string
		status         int
		stdout, stderr string
	}{
		{"open", 0, "the lock is open", ""}, {"hold", 0, "held open", ""}, {"release", 0, "codes open the door", ""},
		{"block", 0, "nothing opens the door", ""}, {"open", 1, "", "doorstation lock release"}, {"hold", 1, "", "doorstation lock release"},
		{"release", 0, "codes open the door", ""}, {"open", 0, "the lock is open", ""},
	} {
		status, out, stderr := run(ctx, "lock", c.order, "--socket", socket)
		if status != c.status || !strings.Contains(out, c.stdout) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("lock %s: %d, %q, %q", c.order, status, out, stderr)
		}
	}
	if status, out, stderr := run(ctx, "alarm", "clear", "--socket", socket); status != 0 || out != "the alarms are cleared\n" {
		t.Errorf("alarm clear: %d, %q, %q", status, out, stderr)
	}
}

// TestCodesOnTheCommandLine: a person's code is made, listed, checked and removed, and never shown.
func TestCodesOnTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "codes")
	local := filepath.Join(dir, "config.yaml")
	check(t, os.WriteFile(local, []byte("home_assistant: {url: http://127.0.0.1:9, token_file: "+write(t, "token", "x")+"}\ngpio: simulated\n"+
		"buttons: [{name: Front door, pin: GPIO17, call: [101]}]\nlock: {pin: GPIO27, codes_file: codes}\ncamera: {source: test}\naudio: {device: test}\n"), 0o600))
	other := filepath.Join(dir, "other")
	for _, c := range []struct {
		name           string
		stdin          string
		args           []string
		status         int
		stdout, stderr []string // nil: nothing at all
	}{
		{"nobody yet", "", []string{"code", "list", "--config", local}, 0, nil, nil},
		{"checked before there is a file", "", []string{"check", "--only", "codes", "--config", local, "--state-dir", dir}, 4, []string{"codes_unusable", "doorstation code add"}, nil},
		{"removed before there is a file", "", []string{"code", "remove", "Anna", "--config", local}, 1, nil, []string{"Anna", "no code"}},
		{"added", "2580\n", []string{"code", "add", "Anna", "--config", local}, 0, []string{"Anna", "doorstation restart"}, nil},
		{"twice", "135790\n", []string{"code", "add", "Anna", "--config", local}, 1, nil, []string{"Anna", "remove it first"}},
		{"somebody else's", "2580\n", []string{"code", "add", "Bert", "--config", local}, 1, nil, []string{"Bert", "somebody else's"}},
		{"too short", "258\n", []string{"code", "add", "Bert", "--config", local}, 1, nil, []string{"4 to 16 digits"}},
		{"nothing typed", "", []string{"code", "add", "Bert", "--config", local}, 1, nil, []string{"4 to 16 digits"}},
		{"on the command line, where everybody sees it", "", []string{"code", "add", "Bert", "135790", "--config", local}, exitUsage, nil, []string{"unexpected"}},
		{"without a line's end", "135790", []string{"code", "add", "Bert", "--config", local}, 0, []string{"Bert"}, nil},
		{"listed", "", []string{"code", "list", "--config", local}, 0, []string{"Anna\nBert\n"}, nil},
		{"checked", "", []string{"check", "--only", "codes", "--config", local, "--state-dir", dir}, 0, []string{"2 person(s) in " + file}, nil},
		{"removed", "", []string{"code", "remove", "Anna", "--config", local}, 0, []string{"Anna", "doorstation restart"}, nil},
		{"listed again", "", []string{"code", "list", "--config", local}, 0, []string{"Bert\n"}, nil},
		{"in another file, for a credential", "4711\n", []string{"code", "add", "Carl", "--file", other}, 0, []string{"Carl"}, nil},
		{"listed there", "", []string{"code", "list", "--file", other}, 0, []string{"Carl\n"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, stdout, stderr := runWith(context.Background(), c.stdin, c.args...)
			if status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			contains(t, "stdout", stdout, c.stdout)
			contains(t, "stderr", stderr, c.stderr)
			for _, code := range []string{"2580", "135790", "4711"} {
				if strings.Contains(stdout, code) || strings.Contains(stderr, code) && c.status != exitUsage {
					t.Errorf("it shows a code: %s%s", stdout, stderr)
				}
			}
		})
	}
	check(t, os.Chmod(file, 0o644))
	for _, args := range [][]string{{"check", "--only", "codes", "--config", local, "--state-dir", dir}, {"code", "add", "Dora", "--config", local}} {
		_, stdout, stderr := run(context.Background(), args...)
		contains(t, "what is said of a file that others may read", stdout+stderr, []string{"chmod 600", "change the codes"})
	}
}
