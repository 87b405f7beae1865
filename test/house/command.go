package house

import (
	"os/exec"
	"path/filepath"
	"slices"
)

// Doorstation runs a command of doorstation beside the agent, with its local file, state and socket, and returns what it prints on its
// standard output, whatever its exit status.
func (d *Door) Doorstation(args ...string) string {
	cmd := exec.Command(d.binary, slices.Concat(args, []string{
		"--config", filepath.Join(d.dir, "config.yaml"), "--socket", d.socket, "--state-dir", d.state,
	})...)
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		d.t.Errorf("house: %s: %v", args[0], err)
	}
	return string(out)
}
