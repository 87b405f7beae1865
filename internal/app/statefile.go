package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"doorstation/internal/settings"
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

// recall gives what [writeLines] has kept, each as what it is in memory. Nothing was kept where there is no file, or no path to one. The error
// is what kept it from being read.
func recall[K, M any](path string, largest int64, of func(K) M) ([]M, error) {
	if path == "" {
		return nil, nil
	}
	kept, err := readLines[K](path, largest)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []M
	for _, k := range kept {
		all = append(all, of(k))
	}
	return all, nil
}

// writeLines keeps a list in a file of the state directory, as [readLines] reads it.
func writeLines[T any](path string, kept []T) error {
	data, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return writeState(path, append(data, '\n'))
}

// writeState keeps data in a file of the state directory: it is on the disk when it returns.
func writeState(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return settings.ReplaceFile(path, data)
}

// removeState takes a file of the state directory away, if it is there.
func removeState(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
