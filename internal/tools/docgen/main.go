// Command docgen writes the parts of docs/ that the code knows better: what the catalogue says of each fault, the reference of the local
// file, and the list of metrics. What people write stands beside those parts and is left alone. A test of this package fails while
// any of them is stale.
//
//	go run ./internal/tools/docgen     in the root of the repository, or: make docs
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := run(root); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// run brings the pages below root up to date and says which have changed.
func run(root string) error {
	pages, err := generate(root)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(pages)) {
		file := filepath.Join(root, path)
		old, readErr := os.ReadFile(file)
		if readErr == nil && string(old) == pages[path] {
			continue
		}
		if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
			return readErr
		}
		if err = os.WriteFile(file, []byte(pages[path]), 0o644); err != nil {
			return err
		}
		fmt.Println("wrote", path)
	}
	return nil
}

// generate gives the text of each page that is made, in part or as a whole, by its path below root.
func generate(root string) (map[string]string, error) {
	pages := map[string]string{}
	for _, add := range []func(string, map[string]string) error{addFaults, addConfiguration, addMetrics, addSIPCore} {
		if err := add(root, pages); err != nil {
			return nil, err
		}
	}
	return pages, nil
}
