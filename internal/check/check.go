// Package check walks the chain from the local file to the picture, link by link: what was found at each of them, and what to do about it.
// It knows nothing of doors; the links are handed in (package probe has them), and faults are those of health's catalogue.
//
// # The report as JSON
//
// Report is one document and is kept stable: fields are added, never renamed. findings are in the order in which they were found;
// link names one ("token", "registration", "ice.turn:turn.example.com:3478"), outcome is one of Outcome's, code is a fault of the
// catalogue, and data has figures whose names say their unit. outcome of the report is the worst of its findings.
package check

import (
	"context"
	"time"

	"doorstation/internal/health"
)

// Outcome says how a link was found.
type Outcome string

// The outcomes, from good to bad. A note is worth knowing and needs nothing to be done. Skipped is a link that could not be looked at,
// because another one before it is broken or because nobody asked for it; it says nothing about the link and makes nothing worse.
const (
	OK      Outcome = "ok"
	Skipped Outcome = "skipped"
	Note    Outcome = "note"
	Warning Outcome = "warning"
	Error   Outcome = "error"
)

// Finding is what was found at a link. Its texts never hold a secret: whoever says it sees to that.
type Finding struct {
	// Link is a stable name: "token", "registration", "camera", "ice.stun:host:3478".
	Link string `json:"link"`
	// Title names the link for people: "Access token".
	Title   string  `json:"title"`
	Outcome Outcome `json:"outcome"`
	// Found is what was found, in one line or several.
	Found string `json:"found"`
	// Code is the fault of the catalogue, which gives Problem, Remedy and Docs.
	Code    health.Code `json:"code,omitempty"`
	Problem string      `json:"problem,omitempty"`
	// Remedy is what a person does about it.
	Remedy string `json:"remedy,omitempty"`
	// Docs is the page that says more: docs/faults/CODE.md of the repository, /usr/share/doc/doorstation/faults/CODE.md when installed.
	Docs string `json:"docs,omitempty"`
	// Data are figures for machines: a struct with JSON tags.
	Data any `json:"data,omitempty"`
	// TookMS is how long it was looked for, in milliseconds.
	TookMS int64 `json:"took_ms"`
}

// Link is one link of the chain.
type Link struct {
	// Name is stable and what --only and --skip take; Title is for people.
	Name, Title string
	// Needs are the links without whose success this one is skipped. A warning is a success.
	Needs []string
	// Uses are links that this one knows more by: asked for alone it brings them along, and does without what they do not find.
	Uses []string
	// Limit bounds Run; 0 is DefaultLimit.
	Limit time.Duration
	// Run looks and says what it finds, from this goroutine, in at least one finding. It fills in Outcome and Found, or Code and Found:
	// a code brings its severity, problem, remedy and page along, unless these are filled in. Link and Title are the link's own when
	// they are left empty. It ends soon when ctx does.
	Run func(ctx context.Context, say func(Finding))
}

// DefaultLimit bounds a link's Run that names no other limit.
const DefaultLimit = 30 * time.Second

// Report is what a walk gave.
type Report struct {
	Version string    `json:"version"`
	Began   time.Time `json:"began"`
	TookMS  int64     `json:"took_ms"`
	Outcome Outcome   `json:"outcome"`
	// Errors, Warnings and Notes count findings.
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
	// Interrupted: it was ended from outside before all was looked at.
	Interrupted bool      `json:"interrupted,omitempty"`
	Findings    []Finding `json:"findings"`
}

// The exit statuses of a report. 1 is any check that could not do its work, an interrupted one too, 2 is a Go program's own after a panic, and 78
// (EX_CONFIG) is a wrong local file or command line.
const (
	StatusOK          = 0
	StatusInterrupted = 1
	StatusWarnings    = 3
	StatusErrors      = 4
)

// Status is the exit status by the worst finding.
func (r Report) Status() int {
	switch {
	case r.Interrupted:
		return StatusInterrupted
	case r.Outcome == Error:
		return StatusErrors
	case r.Outcome == Warning:
		return StatusWarnings
	default:
		return StatusOK
	}
}

// Of returns what was found at a link, its parts ("ice" has "ice.stun:…") included.
func (r Report) Of(link string) []Finding {
	var of []Finding
	for _, f := range r.Findings {
		if f.Link == link || belongs(f.Link, link) {
			of = append(of, f)
		}
	}
	return of
}

// belongs says whether a finding's name is a part of a link.
func belongs(name, link string) bool {
	return len(name) > len(link)+1 && name[:len(link)] == link && name[len(link)] == '.'
}

// Event is told while a walk is under way: a link begins (Finding is nil), or has found something.
type Event struct {
	Link, Title string
	Finding     *Finding
}

// describe completes a finding of a link.
func describe(l Link, f Finding, took time.Duration) Finding {
	if f.Link == "" {
		f.Link = l.Name
	}
	if f.Title == "" {
		f.Title = l.Title
	}
	if f.TookMS == 0 {
		f.TookMS = took.Milliseconds()
	}
	if f.Code != "" {
		fault := health.Describe(f.Code)
		if f.Outcome == "" {
			f.Outcome = Error
			if fault.Severity == health.SeverityWarning {
				f.Outcome = Warning
			}
		}
		if f.Problem == "" {
			f.Problem = fault.Title
		}
		if f.Remedy == "" {
			f.Remedy = fault.Remedy
		}
		if f.Docs == "" {
			f.Docs = Docs(f.Code)
		}
	}
	if f.Outcome == "" {
		f.Outcome = OK
	}
	return f
}

// Docs is the page about a fault, from the root of the repository.
func Docs(code health.Code) string { return "docs/faults/" + string(code) + ".md" }
