package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var errNoMarkers = errors.New("the markers of a generated part are missing")

func begin(name string) string {
	return "<!-- generated: " + name + " (make docs writes this part; change the code instead) -->\n"
}

func end(name string) string { return "<!-- end of " + name + " -->\n" }

// splice puts a generated part between its markers in a page.
func splice(page, name, part string) (string, error) {
	before, rest, ok := strings.Cut(page, begin(name))
	_, after, ended := strings.Cut(rest, end(name))
	if !ok || !ended {
		return "", fmt.Errorf("%w: %s", errNoMarkers, name)
	}
	return before + begin(name) + part + end(name) + after, nil
}

// read is a page as it is; one that is not there yet is the template.
func read(root, path, template string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, path))
	if errors.Is(err, fs.ErrNotExist) && template != "" {
		return template, nil
	}
	return string(data), err
}

// cell makes a text fit for a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
