//go:build !kernel

package probe

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestAProgramThatLeavesSomethingBehind: what it started holds its output open for ever, and is not waited for.
func TestAProgramThatLeavesSomethingBehind(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "pid")
	if err := os.WriteFile(filepath.Join(dir, "lsusb"), []byte("#!/bin/sh\nsleep infinity &\necho $! >"+left+"\necho a camera\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Cleanup(func() {
		data, err := os.ReadFile(left)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		if err = syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	})
	if got := string(outputs(t.Context(), []string{"lsusb"})); !strings.Contains(got, "$ lsusb\na camera\n") {
		t.Errorf("%q", got)
	}
}
