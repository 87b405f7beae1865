package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestAlertsNameMetricsThatAreServed: each figure an alert of the page is written against is in a real scrape.
func TestAlertsNameMetricsThatAreServed(t *testing.T) {
	all, err := scrape()
	if err != nil {
		t.Fatal(err)
	}
	const few = 20
	if len(all) < few {
		t.Errorf("only %d metrics were scraped", len(all))
	}
	for name, m := range all {
		if m.help == "" || m.kind == "" {
			t.Errorf("%s has no help or no type: %+v", name, m)
		}
	}
	for _, path := range []string{metricsPage, "README.md"} {
		data, readErr := os.ReadFile(filepath.Join(root, path))
		if readErr != nil {
			t.Error(readErr)
			continue
		}
		for _, name := range regexp.MustCompile(`\bdoorstation_[a-z_]+\b`).FindAllString(string(data), -1) {
			if _, served := all[name]; !served {
				t.Errorf("%s: no metric is called %s", path, name)
			}
		}
	}
}
