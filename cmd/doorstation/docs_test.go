package main

import (
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestTheDocsNameRealCommands: each doorstation command in the pages, as code or in a block, is one that the program takes.
func TestTheDocsNameRealCommands(t *testing.T) {
	root := os.DirFS("../..")
	files := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/faults/*.md"} {
		found, err := fs.Glob(root, pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	span := regexp.MustCompile("`(?:sudo )?doorstation ([^`]+)`")
	line := regexp.MustCompile(`(?m)^ *(?:sudo )?doorstation ([a-z][^#|\n]*)`)
	fence := regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	seen := 0
	for _, file := range files {
		data, err := fs.ReadFile(root, file)
		if err != nil {
			t.Fatal(err)
		}
		page := string(data)
		commands := span.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1)
		for _, block := range fence.FindAllString(page, -1) {
			commands = append(commands, line.FindAllStringSubmatch(block, -1)...)
		}
		for _, m := range commands {
			seen++
			if err = parses(strings.Fields(m[1])); err != nil {
				t.Errorf("%s: doorstation %s: %v", file, m[1], err)
			}
		}
	}
	const few = 20
	if seen < few {
		t.Errorf("only %d commands found", seen)
	}
}

// parses tells whether a command line is one, without running it. A command named without its arguments, as in a sentence, is known all the same.
func parses(args []string) error {
	exited := false
	parser, err := kong.New(&cli{}, kong.Name("doorstation"), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) { exited = true }))
	if err != nil {
		return err
	}
	if strings.Contains(args[len(args)-1], "|") { // several orders at once
		args[len(args)-1], _, _ = strings.Cut(args[len(args)-1], "|")
	}
	_, err = parser.Parse(args)
	if exited || err == nil || strings.HasPrefix(err.Error(), "expected ") || strings.HasPrefix(err.Error(), "missing flags") {
		return nil
	}
	return err
}
