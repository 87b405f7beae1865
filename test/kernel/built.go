package kernel

import (
	"fmt"
	"os"
	"path/filepath"
)

// Built is the User-Mode Linux program that test/kernel/build.sh made, in the cache directory.
func Built() (string, error) {
	cache := os.Getenv("DOORSTATION_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(base, "doorstation-lab")
	}
	program := filepath.Join(cache, "kernel", "linux")
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("the kernel isn't built, test/kernel/build.sh does: %w", err)
	}
	return filepath.EvalSymlinks(program)
}
