package house

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"doorstation/test/lab"
)

// jumpEnv tells an agent of BuildJumping when its clock jumps and how far: nanoseconds since its start, a colon, seconds.
const jumpEnv = "DOORSTATION_LAB_CLOCK"

// Jump is the setting in the environment that lets the wall clock of an agent made by [BuildJumping] jump that long after its
// start; a negative jump is back in time.
func Jump(after, jump time.Duration) string {
	return fmt.Sprintf("%s=%d:%d", jumpEnv, after.Nanoseconds(), int64(jump.Seconds()))
}

// jumping is what is added to package time: the wall clock jumps, the monotonic one does not, as when the time is set.
const jumping = `package time

import "syscall"

var labAfter, labJump = labClock()

func labClock() (after, jump int64) {
	text, _ := syscall.Getenv("` + jumpEnv + `")
	for i := range len(text) {
		if text[i] == ':' {
			a, err1 := atoi(text[:i])
			j, err2 := atoi(text[i+1:])
			if err1 != nil || err2 != nil {
				panic("` + jumpEnv + `")
			}
			return int64(a), int64(j)
		}
	}
	return 0, 0
}

func labJumped(mono int64) int64 {
	if labJump != 0 && mono-startNano >= labAfter {
		return labJump
	}
	return 0
}
`

const (
	readsClock = "\tsec, nsec, mono := runtimeNow()\n"
	addsJump   = "\tsec += labJumped(mono)\n"
)

// BuildJumping builds the agent on a package time whose clock jumps: see [Jump]. The time of a machine cannot be set in a
// namespace, and a Go program asks the kernel without the C library, where the usual tools would come in between.
func BuildJumping(t lab.T) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("house: go env: %v", err)
	}
	timeDir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	original := filepath.Join(timeDir, "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatalf("house: %v", err)
	}
	if strings.Count(string(source), readsClock) < 1 {
		t.Fatalf("house: %s does not read the clock as it did: this Go needs another patch", original)
	}
	// Not in the test's own directory: that is in the module, whose packages are those of its Go files.
	dir := filepath.Join(lab.Cache(), "clock")
	if err = os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("house: %v", err)
	}
	replace := map[string]string{original: filepath.Join(dir, "time.go"), filepath.Join(timeDir, "lab_jump.go"): filepath.Join(dir, "lab_jump.go")}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatalf("house: %v", err)
	}
	for name, text := range map[string]string{
		"time.go":      strings.ReplaceAll(string(source), readsClock, readsClock+addsJump),
		"lab_jump.go":  jumping,
		"overlay.json": string(overlay),
	} {
		if err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatalf("house: %v", err)
		}
	}
	return build(t, "doorstation-jumping", "-overlay", filepath.Join(dir, "overlay.json"))
}
