package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"doorstation/internal/settings"
)

// documents are all pages of the repository, by their path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (p != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "dist" || d.Name() == "out") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(p, ".md") {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(root, p))
		pages[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const few = 20
	if len(pages) < few {
		t.Fatalf("only %d pages found", len(pages))
	}
	return pages
}

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	picture = regexp.MustCompile(`!\[([^]]*)\]\(([^)]+)\)`)
	imgTag  = regexp.MustCompile(`<img src="([^"]*)"(?: width="[0-9]+")? alt="([^"]*)">`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.*)$`)
	markup  = regexp.MustCompile("[`*\\\\]|\\[([^]]*)\\]\\([^)]*\\)")
)

// anchors are the names of a page's headings, as GitHub makes them.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		text := strings.ToLower(markup.ReplaceAllString(m[1], "$1"))
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return r
			default:
				return -1
			}
		}, text)
		all[name] = true
	}
	return all
}

// TestLinksLeadSomewhere: every relative link, and every anchor, is there. What is installed as documentation links to nothing that is not.
func TestLinksLeadSomewhere(t *testing.T) {
	pages := documents(t)
	for from, page := range pages {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
			target := m[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			to := from
			if file != "" {
				to = path.Join(path.Dir(from), file)
			}
			if strings.HasPrefix(from, "docs/") && !strings.HasPrefix(to, "docs/") {
				t.Errorf("%s links to %s, which the package does not install beside it", from, target)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s, which is not there", from, target)
				continue
			}
			if anchor != "" && !anchors(pages[to])[anchor] {
				t.Errorf("%s links to %s, and %s has no such heading", from, target, to)
			}
		}
	}
}

// TestPicturesHaveWords: whoever does not see a picture is told what is in it, and no picture is left lying about.
func TestPicturesHaveWords(t *testing.T) {
	used := map[string]bool{}
	for from, page := range documents(t) {
		for _, m := range picture.FindAllStringSubmatch(imgTag.ReplaceAllString(page, "![$2]($1)"), -1) {
			used[path.Join(path.Dir(from), m[2])] = true
			if m[1] == "" {
				t.Errorf("%s: the picture %s has no words", from, m[2])
			}
		}
	}
	pictures, err := fs.ReadDir(os.DirFS(root), "docs/images")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pictures {
		if name := "docs/images/" + p.Name(); !used[name] {
			t.Errorf("no page shows %s", name)
		}
	}
}

// TestKeysThatAreNamedExist: a key of the local file in a page's `code` is one.
func TestKeysThatAreNamedExist(t *testing.T) {
	example, err := completeExample(root)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := settings.Keys([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	known, groups := map[string]bool{}, map[string]bool{}
	for _, k := range keys {
		known[k.Path] = true
		group, _, _ := strings.Cut(strings.TrimSuffix(k.Path, "[]"), ".")
		groups[strings.TrimSuffix(group, "[]")] = true
	}
	span := regexp.MustCompile("`([a-z_]+(?:\\[\\])?(?:\\.[a-z_]+)+)(:[^`]*)?`")
	for from, page := range documents(t) {
		if !strings.HasPrefix(from, "docs/") && from != "README.md" || from == "docs/architecture.md" {
			continue
		}
		for _, m := range span.FindAllStringSubmatch(page, -1) {
			group, _, _ := strings.Cut(m[1], ".")
			if groups[strings.TrimSuffix(group, "[]")] && !known[m[1]] && m[1] != "config.yaml" {
				t.Errorf("%s: the local file has no key %s", from, m[1])
			}
		}
	}
}

// TestLocalFilesInThePagesAreRight: YAML blocks that begin like a local file are read as one.
func TestLocalFilesInThePagesAreRight(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	read := 0
	for from, page := range documents(t) {
		for _, m := range block.FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(m[1], "home_assistant:") {
				continue
			}
			read++
			if _, err := settings.ParseLocal(from, []byte(m[1])); err != nil {
				t.Error(err)
			}
		}
	}
	if read == 0 {
		t.Error("no page has a local file")
	}
}

// TestPagesNameNothingOfTheWorkshop: pages stand on their own.
func TestPagesNameNothingOfTheWorkshop(t *testing.T) {
	for from, page := range documents(t) {
		for _, word := range []string{"/tmp/", "/root/", "TODO", "FIXME"} {
			if strings.Contains(page, word) {
				t.Errorf("%s says %q", from, word)
			}
		}
		for i, line := range strings.Split(page, "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return r >= 0x1F000 }) {
				t.Errorf("%s:%d has an emoji", from, i+1)
			}
			if strings.HasSuffix(line, " ") {
				t.Errorf("%s:%d ends with a space", from, i+1)
			}
		}
	}
}
