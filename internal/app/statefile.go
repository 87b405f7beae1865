package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// readLines reads a list that was kept in a file of the state directory: JSON, at most so many bytes. Neither a link nor a pipe is
// followed or waited for. fs.ErrNotExist where nothing was kept.
func readLines[T any](path string, largest int64) ([]T, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, largest))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	var kept []T
	if err = json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return kept, nil
}
