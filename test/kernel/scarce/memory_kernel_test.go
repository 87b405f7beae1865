//go:build kernel

package scarce

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/machine"
	"doorstation/internal/probe"
)

// left is how much memory the test leaves, so that it can go on itself: less than a door needs.
const left = 44 << 20

// TestKernelMemoryIsUsedUp by somebody, and given back.
func TestKernelMemoryIsUsedUp(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=100%"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	config := filepath.Join(os.Getenv("HOME"), "config.yaml")
	text := "home_assistant: {url: 'http://127.0.0.1:1'}\ngpio: simulated\nbuttons: [{name: Front, pin: GPIO17, call: ['100']}]\ncamera: {source: test}\naudio: {device: none}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := memory(t, config); f.Code != "" || f.Outcome != check.OK {
		t.Fatalf("at first: %+v", f)
	}
	hoard := filepath.Join(dir, "hoard")
	fill(t, hoard)
	f := memory(t, config)
	if f.Code != health.CodeMemoryLow || !strings.HasPrefix(f.Remedy, "End what else runs on this machine") || f.Docs == "" {
		t.Errorf("used up: %+v", f)
	}
	if err := os.Remove(hoard); err != nil {
		t.Fatal(err)
	}
	if f = memory(t, config); f.Code != "" {
		t.Errorf("given back: %+v", f)
	}
}

// fill writes a file in memory until little of that is left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 1<<20)
	for err == nil {
		now, lookErr := machine.Machine{}.Memory()
		if lookErr != nil || now.Available < left {
			err = lookErr
			break
		}
		_, err = f.Write(piece)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// memory is what doorstation check says of the machine's memory.
func memory(t *testing.T, config string) check.Finding {
	t.Helper()
	scene := probe.New(probe.Options{
		Config: config, StateDir: os.TempDir(), Socket: "/nowhere/doorstation.sock", Getenv: func(string) string { return "" }, Now: time.Now,
	})
	defer scene.Close()
	links, err := check.Select(scene.Links(), []string{"machine"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range check.Walk(t.Context(), links, time.Now, nil).Findings {
		if f.Link == "machine.memory" {
			t.Logf("%s %s %s", f.Outcome, f.Code, f.Found)
			return f
		}
	}
	t.Fatal("nothing is said of the memory")
	return check.Finding{}
}
