package main

import (
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/gpio/guard"
)

// TestWhomItServes: an agent of its own protocol. To any other it says nothing, and that agent guards its lock otherwise.
func TestWhomItServes(t *testing.T) {
	line := guard.Config{Device: "/dev/null", Line: 3, Limit: time.Second}.Args()
	for _, c := range []struct {
		what           string
		args           []string
		stdout, stderr string
	}{
		{"its agent", append([]string{guard.Protocol}, line...), "error /dev/null line 3", ""}, // which is no chip
		{"an agent that is newer", append([]string{guard.Protocol + "1"}, line...), "", "its protocol is"},
		{"an agent of another mind", append([]string{guard.Protocol, "--colour", "red"}, line...), "", "colour"},
		{"a person", nil, "", "its agent starts"},
		{"nobody's line", []string{guard.Protocol}, "", "--device"},
	} {
		var stdout, stderr strings.Builder
		status := execute(slices.Clone(c.args), strings.NewReader(""), &stdout, &stderr)
		if status == 0 || !strings.HasPrefix(stdout.String(), c.stdout) || (c.stdout == "") != (stdout.String() == "") ||
			!strings.Contains(stderr.String(), c.stderr) || (c.stderr == "") != (stderr.String() == "") {
			t.Errorf("%s: %d, %q, %q", c.what, status, stdout.String(), stderr.String())
		}
	}
}

// TestItStaysSmall: the guard is there for as long as the door, so it links none of what the agent is made of.
func TestItStaysSmall(t *testing.T) {
	seen := map[string]bool{"doorstation/cmd/lock-guard": true}
	for left := []string{"doorstation/cmd/lock-guard"}; len(left) > 0; left = left[1:] {
		files, err := filepath.Glob(filepath.Join("../..", strings.TrimPrefix(left[0], "doorstation/"), "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files: %v", left[0], err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, parseErr := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			for _, i := range parsed.Imports {
				path := strings.Trim(i.Path.Value, `"`)
				first, _, _ := strings.Cut(path, "/")
				if own := first == "doorstation"; !seen[path] && (own || strings.Contains(first, ".")) {
					seen[path] = true
					if own {
						left = append(left, path)
					}
				}
			}
		}
	}
	want := []string{"doorstation/cmd/lock-guard", "doorstation/internal/gpio/guard", "doorstation/internal/gpio/uapi", "golang.org/x/sys/unix"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("it is made of %q", got)
	}
}
