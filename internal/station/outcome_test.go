package station

import "testing"

// TestOutcomes walks the one table: every outcome has a tone, and a group says what its strongest member says.
func TestOutcomes(t *testing.T) {
	tones := map[Outcome]Tone{
		OutcomeTalked: ToneEnded, OutcomeStopped: ToneEnded, OutcomeCancelled: ToneEnded,
		OutcomeBusy: ToneBusy, OutcomeDeclined: ToneBusy,
		OutcomeNoAnswer: ToneNobody, OutcomeNotRegistered: ToneNobody,
		OutcomeUnreachable: ToneFault, OutcomeOffline: ToneFault, OutcomeFailed: ToneFault,
	}
	if len(outcomes()) != len(tones) {
		t.Fatalf("%d outcomes, %d are known here", len(outcomes()), len(tones))
	}
	for _, row := range outcomes() {
		if want := tones[row.outcome]; row.outcome.Tone() != want {
			t.Errorf("%s sounds %q, want %q", row.outcome, row.outcome.Tone(), want)
		}
		if got := Combine([]Outcome{row.outcome}); got != row.outcome {
			t.Errorf("%s alone gives %s", row.outcome, got)
		}
		h := newHouse(home()).ring("Front door").forget().do(CallEnded{1, row.outcome})
		if got, want := h.heard[len(h.heard)-1], "hear "+string(tones[row.outcome]); got != want {
			t.Errorf("%s: the visitor gets %q, want %q", row.outcome, got, want)
		}
	}
	if got := Outcome("?").Tone(); got != ToneFault {
		t.Errorf("an unknown outcome sounds %q", got)
	}
	order := []Outcome{OutcomeBusy, OutcomeDeclined, OutcomeNoAnswer, OutcomeFailed, OutcomeUnreachable, OutcomeNotRegistered, OutcomeOffline}
	for i, strong := range order {
		for _, weak := range order[i:] {
			if got := Combine([]Outcome{weak, strong, weak}); got != strong {
				t.Errorf("%s and %s give %s", weak, strong, got)
			}
		}
	}
	if got := Combine(nil); got != OutcomeFailed {
		t.Errorf("nothing gives %s", got)
	}
	if got := Combine([]Outcome{"?", OutcomeOffline}); got != OutcomeFailed {
		t.Errorf("an unknown one gives %s", got)
	}
}
