package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// errLimit says that a link took too long.
var errLimit = errors.New("it took too long")

// Walk looks at one link after the other. show may be nil; it is called from this goroutine. When ctx ends, the links that are left are
// skipped.
func Walk(ctx context.Context, links []Link, now func() time.Time, show func(Event)) Report {
	if show == nil {
		show = func(Event) {}
	}
	w := walk{now: now, show: show, broken: map[string]bool{}, titles: map[string]string{}, report: Report{Began: now(), Outcome: OK, Findings: []Finding{}}}
	for _, l := range links {
		w.titles[l.Name] = l.Title
	}
	for _, l := range links {
		w.link(ctx, l)
	}
	w.report.Interrupted = w.interrupted
	w.report.TookMS = now().Sub(w.report.Began).Milliseconds()
	return w.report
}

// walk is a walk under way.
type walk struct {
	now    func() time.Time
	titles map[string]string // by link
	show   func(Event)
	broken map[string]bool // by link that was walked: others may not build on it
	report Report
	// interrupted: something was left out because ctx had ended.
	interrupted bool
}

func (w *walk) link(ctx context.Context, l Link) {
	began := w.now()
	said := false
	say := func(f Finding) {
		said = true
		if ctx.Err() != nil {
			f = w.cut(l, f)
		}
		w.found(l, f, w.now().Sub(began))
	}
	w.broken[l.Name] = false
	if missing := w.missing(l); len(missing) > 0 {
		w.broken[l.Name] = true
		say(Finding{Outcome: Skipped, Found: "not looked at without " + strings.Join(missing, ", ")})
		return
	}
	if ctx.Err() != nil {
		w.broken[l.Name], w.interrupted = true, true
		say(Finding{Outcome: Skipped, Found: "not looked at: interrupted"})
		return
	}
	w.show(Event{Link: l.Name, Title: l.Title})
	limit := l.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	within, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: more than %s", errLimit, limit))
	defer cancel()
	l.Run(within, say)
	if !said { // a mistake of whoever made the link: to be seen, not to be taken for success
		say(Finding{Outcome: Error, Found: "nothing was said about it"})
	}
}

// cut is what was found after the walk had been interrupted: a fault may be the interruption's own.
func (w *walk) cut(l Link, f Finding) Finding {
	if o := describe(l, f, 0).Outcome; o != Error && o != Warning {
		return f
	}
	w.interrupted = true
	return Finding{Link: f.Link, Title: f.Title, Outcome: Skipped, Found: "not looked at to the end: interrupted"}
}

// missing are the titles of what a link needs and does not have; of what was left out, the names.
func (w *walk) missing(l Link) []string {
	var missing []string
	for _, name := range l.Needs {
		if broken, there := w.broken[name]; broken || !there {
			missing = append(missing, cmp.Or(w.titles[name], name))
		}
	}
	return missing
}

func (w *walk) found(l Link, f Finding, took time.Duration) {
	f = describe(l, f, took)
	r := &w.report
	switch f.Outcome {
	case Error:
		r.Errors++
		w.broken[l.Name] = true
	case Warning:
		r.Warnings++
	case Note:
		r.Notes++
	case Skipped:
		w.broken[l.Name] = w.broken[l.Name] || f.Link == l.Name
	case OK:
	}
	if rank(f.Outcome) > rank(r.Outcome) {
		r.Outcome = f.Outcome
	}
	r.Findings = append(r.Findings, f)
	w.show(Event{Link: l.Name, Title: l.Title, Finding: &f})
}

// rank orders outcomes from good to bad; what was not looked at is no worse than what is well.
func rank(o Outcome) int {
	return max(0, slices.Index([]Outcome{Note, Warning, Error}, o)+1)
}

// ErrNoSuchLink says that --only or --skip names no link.
var ErrNoSuchLink = errors.New("there is no such link")

// Select leaves only those links that are asked for, those that they need and those that they use, or all but those that are not wanted: what needs one of these is
// skipped by Walk, and what only uses one of these does without it and without what that needs. Both may be empty. The error is ErrNoSuchLink, with the names there are.
func Select(links []Link, only, skip []string) ([]Link, error) {
	byName := map[string]Link{}
	for _, l := range links {
		byName[l.Name] = l
	}
	for _, name := range slices.Concat(only, skip) {
		if _, there := byName[name]; !there {
			return nil, fmt.Errorf("%w: %q; there are %s", ErrNoSuchLink, name, strings.Join(Names(links), ", "))
		}
	}
	wanted := map[string]bool{}
	var want func(name string)
	want = func(name string) {
		if !wanted[name] {
			wanted[name] = true
			for _, needed := range byName[name].Needs {
				want(needed)
			}
			for _, used := range byName[name].Uses {
				if !slices.Contains(skip, used) {
					want(used)
				}
			}
		}
	}
	for _, name := range only {
		want(name)
	}
	return slices.DeleteFunc(slices.Clone(links), func(l Link) bool {
		return len(only) > 0 && !wanted[l.Name] || slices.Contains(skip, l.Name)
	}), nil
}

// Names are the names of links, in their order.
func Names(links []Link) []string {
	names := make([]string, len(links))
	for i, l := range links {
		names[i] = l.Name
	}
	return names
}
