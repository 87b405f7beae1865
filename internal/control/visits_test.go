package control

import (
	"strings"
	"testing"
)

func TestVisitsText(t *testing.T) {
	golden(t, "visits.txt", talkingStatus().VisitsText())
	if got := (Status{Started: at(8, 0, 5)}).VisitsText(); !strings.Contains(got, "none since the start") {
		t.Errorf("without any: %q", got)
	}
}

// TestEveryOutcomeHasASentence: none says that the call failed but the one that did.
func TestEveryOutcomeHasASentence(t *testing.T) {
	seen := map[string]string{}
	for _, outcome := range []string{
		"talked", "no_answer", "busy", "declined", "not_registered", "unreachable", "offline", "stopped", "cancelled", "failed",
	} {
		text := PastVisit{Outcome: outcome, Called: []string{"101"}, AnsweredBy: "101"}.Sentence()
		if other := seen[text]; other != "" {
			t.Errorf("%s and %s are both %q", outcome, other, text)
		}
		seen[text] = outcome
	}
}
