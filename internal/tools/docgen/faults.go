package main

import (
	"fmt"
	"strings"

	"doorstation/internal/health"
)

// The sections of a fault's page, each written by hand.
const (
	sectionMeaning = "## What it means"
	sectionShows   = "## How it shows"
	sectionWhy     = "## Why it happens"
	sectionDo      = "## What to do"
)

func sections() []string { return []string{sectionMeaning, sectionShows, sectionWhy, sectionDo} }

const (
	faultsDir  = "docs/faults"
	faultIndex = faultsDir + "/README.md"
)

func faultPage(code health.Code) string { return faultsDir + "/" + string(code) + ".md" }

// addFaults puts the catalogue's words into the page of each fault, and makes their index.
func addFaults(root string, pages map[string]string) error {
	var index strings.Builder
	index.WriteString("\n| code | severity | what is wrong |\n| --- | --- | --- |\n")
	for _, f := range health.Catalogue() {
		page, err := read(root, faultPage(f.Code), newFault(f.Code))
		if err != nil {
			return err
		}
		page = marked(page)
		part := fmt.Sprintf("\n**%s.** %s\n\n> %s\n\n", severity(f), f.Title, f.Remedy)
		if pages[faultPage(f.Code)], err = splice(page, "catalogue", part); err != nil {
			return fmt.Errorf("%s: %w", faultPage(f.Code), err)
		}
		fmt.Fprintf(&index, "| [`%s`](%s.md) | %s | %s |\n", f.Code, f.Code, f.Severity, cell(f.Title))
	}
	index.WriteString("\n")
	page, err := read(root, faultIndex, "")
	if err == nil {
		pages[faultIndex], err = splice(page, "index", index.String())
	}
	return err
}

// marked gives a page that somebody has begun by hand a place for the catalogue's words, below its heading.
func marked(page string) string {
	heading, rest, ok := strings.Cut(page, "\n")
	if !ok || strings.Contains(page, begin("catalogue")) {
		return page
	}
	return heading + "\n\n" + begin("catalogue") + end("catalogue") + rest
}

func severity(f health.Fault) string {
	if f.Severity == health.SeverityError {
		return "Error"
	}
	return "Warning"
}

// newFault is a page that somebody has to write.
func newFault(code health.Code) string {
	page := "# " + string(code) + "\n\n" + begin("catalogue") + end("catalogue")
	for _, section := range sections() {
		page += "\n" + section + "\n"
	}
	return page
}
