package settings

import (
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

const callForms = `a list of extensions, such as ["101", "102"], or a list of steps, such as [["101"], ["102", "103"]]`

// steps reads whom a button calls: a list of extensions is one step, a list of lists several. What else the button says, it has
// said already.
func (r *reader) steps(n ast.Node, b Button) [][]string {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.expected(n, callForms)
		return nil
	}
	inSteps := slices.ContainsFunc(list.Values, isSequence)
	if !inSteps {
		if one := r.targets(n, nil); len(one) > 0 {
			return [][]string{one}
		}
		return nil
	}
	var steps [][]string
	var called []string // by the steps so far
	all := 0
	r.sequence(n, callForms, maxEntries, func(n ast.Node) {
		if !isSequence(n) {
			r.fault(n, "expected a list of extensions, as the other steps are: either all entries of call are lists, or none is")
			return
		}
		targets := r.targets(n, called)
		if len(n.(*ast.SequenceNode).Values) == 0 {
			r.fault(n, "expected at least one extension in a step")
		}
		if all += len(targets); all > maxEntries && len(targets) > 0 {
			r.fault(n, fmt.Sprintf("expected at most %d extensions in all steps together", maxEntries))
		}
		steps = append(steps, targets)
		if b.KeepRinging { // else a later step may ring an extension again
			called = append(called, targets...)
		}
	})
	if last := time.Duration(len(steps)-1) * b.Step; b.Step > 0 && b.Ring > 0 && last >= b.Ring {
		r.fault(n, fmt.Sprintf("step %d of %d would begin after %s, but ring ends after %s; expected a longer ring, a shorter step (now %s) or fewer steps",
			len(steps), len(steps), short(last), short(b.Ring), short(b.Step)))
	}
	return steps
}

// targets reads the extensions of one step; called are those that may not be named again.
func (r *reader) targets(n ast.Node, called []string) []string {
	var targets []string
	r.sequence(n, callForms, maxEntries, func(n ast.Node) {
		target := r.text(n, anExtension, isExtension)
		switch {
		case target == "":
		case slices.Contains(targets, target):
			r.fault(n, target+" is in the list already")
		case slices.Contains(called, target):
			r.fault(n, target+" rings already since an earlier step; expected it once, or keep_ringing: false")
		default:
			targets = append(targets, target)
		}
	})
	return targets
}

func isSequence(n ast.Node) bool {
	_, ok := bare(n).(*ast.SequenceNode)
	return ok
}
