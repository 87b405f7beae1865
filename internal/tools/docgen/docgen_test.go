package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"doorstation/internal/health"
)

// root is the repository.
const root = "../../.."

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheGeneratedPartsAreFresh: what docs/ says of faults, keys and metrics is what the code says. It also holds the example file to the
// code, since each key of the one must be a key of the other.
func TestTheGeneratedPartsAreFresh(t *testing.T) {
	pages, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(pages)) {
		data, readErr := os.ReadFile(filepath.Join(root, path))
		if readErr != nil {
			t.Errorf("%v; make docs writes it", readErr)
			continue
		}
		if string(data) != pages[path] {
			t.Errorf("%s is stale: make docs writes it anew", path)
		}
	}
}

// TestEachFaultHasAPage: the catalogue and docs/faults list the same codes, and each page is written.
func TestEachFaultHasAPage(t *testing.T) {
	known := map[string]bool{"README.md": true}
	for _, f := range health.Catalogue() {
		known[string(f.Code)+".md"] = true
		data, err := os.ReadFile(filepath.Join(root, faultPage(f.Code)))
		if err != nil {
			t.Errorf("%s has no page: make docs begins one, and the sections are yours to write", f.Code)
			continue
		}
		page := string(data)
		if !strings.HasPrefix(page, "# "+string(f.Code)+"\n") {
			t.Errorf("%s: the page does not begin with its code", f.Code)
		}
		for _, words := range []string{f.Title, f.Remedy} {
			if !strings.Contains(page, words) {
				t.Errorf("%s: the page does not say %q", f.Code, words)
			}
		}
		for _, section := range sections() {
			const aSentence = 20
			if len(sectionText(page, section)) < aSentence {
				t.Errorf("%s: nothing is written under %q", f.Code, section)
			}
		}
	}
	pages, err := fs.ReadDir(os.DirFS(root), faultsDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if !known[page.Name()] {
			t.Errorf("%s/%s is no fault's", faultsDir, page.Name())
		}
	}
}

// sectionText is what stands between a heading and the next one.
func sectionText(page, heading string) string {
	_, rest, _ := strings.Cut(page, "\n"+heading+"\n")
	text, _, _ := strings.Cut(rest, "\n## ")
	return strings.TrimSpace(text)
}

// TestANewFaultGetsAPage: whoever adds a code finds the page begun.
func TestANewFaultGetsAPage(t *testing.T) {
	dir := t.TempDir()
	page, err := read(dir, faultPage("of_mine"), newFault("of_mine"))
	if err != nil {
		t.Fatal(err)
	}
	page, err = splice(page, "catalogue", "words\n")
	if err != nil || !strings.Contains(page, "words\n") || !strings.Contains(page, sectionDo) {
		t.Errorf("%v:\n%s", err, page)
	}
	if _, err = splice("# by hand\n", "catalogue", ""); err == nil {
		t.Error("a page without markers was taken")
	}
}
