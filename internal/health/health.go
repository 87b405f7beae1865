// Package health keeps the standing faults of a door station: what is wrong right now, how bad it is and what a person
// can do about it. Every fault that can be raised is known beforehand (see Catalogue), so that the status text, the log,
// later metrics and the documentation say the same sentence for the same thing.
package health

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Code names a fault. It is stable: scripts and dashboards may be written against it.
type Code string

// Severity says how much of the door station a fault takes away.
type Severity string

// The two severities. An error means that some of the station's duty is not done, a warning that it works, but not as
// it should.
const (
	SeverityWarning Severity = "warning"
	SeverityError   Severity = "error"
)

// Fault is one standing fault.
type Fault struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Title is one sentence: what is wrong.
	Title string `json:"title"`
	// Detail is what was seen this time, for instance an error's text or a button's name. It never holds a secret:
	// whoever raises the fault sees to that.
	Detail string `json:"detail,omitempty"`
	// Remedy is what a person does about it, naming the very setting or command.
	Remedy string `json:"remedy"`
	// Since is when the fault was first raised without having been cleared.
	Since time.Time `json:"since"`
}

// Register holds the faults that stand. All methods may be called from any goroutine.
type Register struct {
	now func() time.Time
	log *slog.Logger

	mu       sync.Mutex
	standing map[Code]Fault
}

// NewRegister makes an empty register. Times come from now; each change is logged once to log.
func NewRegister(now func() time.Time, log *slog.Logger) *Register {
	return &Register{now: now, log: log, standing: make(map[Code]Fault)}
}

// Raise makes the fault stand. Raising what stands already with the same detail does nothing; another detail replaces
// the old one and keeps Since. A code that is not in the catalogue stands as an error without a remedy: a fault is never
// swallowed.
func (r *Register) Raise(code Code, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, stood := r.standing[code]
	if stood && old.Detail == detail {
		return
	}
	f := Describe(code)
	f.Detail = detail
	f.Since = r.now()
	if stood {
		f.Since = old.Since
	}
	r.standing[code] = f

	level := slog.LevelError
	if f.Severity == SeverityWarning {
		level = slog.LevelWarn
	}
	attrs := []any{slog.String("code", string(code)), slog.String("remedy", f.Remedy)}
	if detail != "" {
		attrs = append(attrs, slog.String("detail", detail))
	}
	r.log.Log(context.Background(), level, "fault: "+f.Title, attrs...)
}

// Clear ends the faults with the given codes. Codes that do not stand are passed over.
func (r *Register) Clear(codes ...Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, code := range codes {
		f, stood := r.standing[code]
		if !stood {
			continue
		}
		delete(r.standing, code)
		r.log.Info("fault mended: "+f.Title,
			slog.String("code", string(code)), slog.Duration("stood", r.now().Sub(f.Since)))
	}
}

// Standing returns the faults that stand: errors before warnings, older before younger.
func (r *Register) Standing() []Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	faults := make([]Fault, 0, len(r.standing))
	for _, f := range r.standing {
		faults = append(faults, f)
	}
	slices.SortFunc(faults, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(rank(a.Severity), rank(b.Severity)),
			a.Since.Compare(b.Since),
			cmp.Compare(a.Code, b.Code))
	})
	return faults
}

// Has says whether the fault stands.
func (r *Register) Has(code Code) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, stands := r.standing[code]
	return stands
}

func rank(s Severity) int {
	if s == SeverityError {
		return 0
	}
	return 1
}
