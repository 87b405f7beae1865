package phone

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"doorstation/internal/sip"
	"doorstation/internal/station"
)

func TestWhatAFailedCallMeans(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		rang time.Duration
		want station.Outcome
	}{
		{"busy", &sip.RejectedError{Status: 486}, 0, station.OutcomeBusy},
		{"busy everywhere", &sip.RejectedError{Status: 600}, 0, station.OutcomeBusy},
		{"busy told by its cause", &sip.RejectedError{Status: 503, Q850: 17, Rang: true}, 3 * time.Second, station.OutcomeBusy},
		{"declined by the card (JsSIP says 480)", &sip.RejectedError{Status: 480, Rang: true}, 3 * time.Second, station.OutcomeDeclined},
		{"declined", &sip.RejectedError{Status: 603}, 0, station.OutcomeDeclined},
		{"declined told by its cause", &sip.RejectedError{Status: 503, Q850: 21, Rang: true}, 3 * time.Second, station.OutcomeDeclined},
		{"no such extension", &sip.RejectedError{Status: 404}, 0, station.OutcomeNotRegistered},
		{"extension offline at Asterisk", &sip.RejectedError{Status: 503, Q850: 34}, 0, station.OutcomeNotRegistered},
		{"rang out at Asterisk", &sip.RejectedError{Status: 503, Q850: 34, Rang: true}, time.Minute, station.OutcomeNoAnswer},
		{"a phone that gives up with 480", &sip.RejectedError{Status: 480, Q850: 19, Rang: true}, time.Minute, station.OutcomeNoAnswer},
		{"declined with 603, as Asterisk tells it", &sip.RejectedError{Status: 503, Q850: 34, Rang: true}, 3 * time.Second, station.OutcomeDeclined},
		{"declined with 480, as Asterisk tells it", &sip.RejectedError{Status: 480, Q850: 19, Rang: true}, 3 * time.Second, station.OutcomeDeclined},
		{"not there, as other PBXs tell it", &sip.RejectedError{Status: 480}, 0, station.OutcomeNotRegistered},
		{"subscriber absent", &sip.RejectedError{Status: 480, Q850: 20}, 0, station.OutcomeNotRegistered},
		{"timed out", &sip.RejectedError{Status: 408}, 0, station.OutcomeNoAnswer},
		{"gateway trouble", &sip.RejectedError{Status: 502}, 0, station.OutcomeUnreachable},
		{"not acceptable", &sip.RejectedError{Status: 488}, 0, station.OutcomeFailed},
		{"the door is offline", fmt.Errorf("x: %w", sip.ErrNotRegistered), 0, station.OutcomeOffline},
		{"the connection went", fmt.Errorf("x: %w", sip.ErrConnectionLost), 0, station.OutcomeUnreachable},
		{"nothing came back", fmt.Errorf("x: %w", sip.ErrNoAnswer), 0, station.OutcomeUnreachable},
		{"the ring limit", hungUp{station.OutcomeNoAnswer}, 0, station.OutcomeNoAnswer},
		{"the next step", errStepOver, 0, station.OutcomeNoAnswer},
		{"another one answered", errElsewhere, 0, station.OutcomeCancelled},
		{"anything else", errors.New("x"), 0, station.OutcomeFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcomeOf(c.err, c.rang); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestEveryStatusHasAnOutcomeWithATone(t *testing.T) {
	for status := 300; status < 700; status++ {
		for _, rang := range []bool{false, true} {
			if o := outcomeOfStatus(status, 0, rang, time.Second); o.Tone() == "" {
				t.Fatalf("status %d: outcome %q has no tone", status, o)
			}
		}
	}
}

func TestADigitThatComesBothWaysIsOneDigit(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := digitFilter{now: func() time.Time { return now }}
	type digit struct {
		after time.Duration
		kind  digitKind
		value rune
		want  bool
	}
	for i, d := range []digit{
		{0, digitINFO, '1', true},
		{20 * time.Millisecond, digitRTP, '1', false},              // its echo
		{200 * time.Millisecond, digitINFO, '1', true},             // typed again
		{10 * time.Millisecond, digitINFO, '1', true},              // and again, the same way: another digit
		{10 * time.Millisecond, digitRTP, '2', true},               // another key
		{digitEchoWindow + time.Millisecond, digitINFO, '2', true}, // too late for an echo
	} {
		now = now.Add(d.after)
		if got := f.accept(d.kind, d.value); got != d.want {
			t.Errorf("digit %d: got %v, want %v", i, got, d.want)
		}
	}
}
