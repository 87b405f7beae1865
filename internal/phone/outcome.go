package phone

import (
	"errors"
	"time"

	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// Q.850 cause values that say more than the SIP status they travel with (ITU-T Q.850 table 1, carried in
// the Reason header of RFC 3326).
const (
	q850Unallocated  = 1
	q850UserBusy     = 17
	q850Absent       = 20
	q850CallRejected = 21
	q850OutOfOrder   = 27
)

// phonesGiveUp is how long a phone rings at least before it ends an unanswered call by itself (JsSIP's
// no_answer_timeout is 60 s). Who ends it sooner has refused.
const phonesGiveUp = 55 * time.Second

// outcomeOf says what a failed call to one target means that rang for the given time (zero: it never rang).
// Asterisk folds several reasons into one answer: an offline extension, one that rang out and one that declined with 603 are
// all 503 with cause 34, a decline with 480 has cause 19 ("no answer"). So cause, ringing and its length decide together.
func outcomeOf(err error, rang time.Duration) station.Outcome {
	var rejected *sip.RejectedError
	var ended hungUp
	switch {
	case err == nil:
		return station.OutcomeTalked
	case errors.Is(err, sip.ErrConnectionLost): // before what the PBX may have said on its way down
		return station.OutcomeUnreachable
	case errors.As(err, &rejected):
		return outcomeOfStatus(rejected.Status, rejected.Q850, rejected.Rang, rang)
	case errors.As(err, &ended):
		return ended.outcome
	case errors.Is(err, errElsewhere):
		return station.OutcomeCancelled
	case errors.Is(err, errStepOver):
		return station.OutcomeNoAnswer
	case errors.Is(err, sip.ErrNotRegistered):
		return station.OutcomeOffline
	case errors.Is(err, sip.ErrNoAnswer):
		return station.OutcomeUnreachable
	default:
		return station.OutcomeFailed
	}
}

func outcomeOfStatus(status, q850 int, rang bool, rangFor time.Duration) station.Outcome {
	switch q850 {
	case q850UserBusy:
		return station.OutcomeBusy
	case q850CallRejected:
		return station.OutcomeDeclined
	case q850Absent, q850Unallocated:
		return station.OutcomeNotRegistered
	case q850OutOfOrder:
		return station.OutcomeUnreachable
	}
	switch status {
	case 486, 600:
		return station.OutcomeBusy
	case 603:
		return station.OutcomeDeclined
	case 480, 503:
		switch {
		case !rang:
			return station.OutcomeNotRegistered // RFC 3261 section 21.4.18: not logged in, or so
		case rangFor >= phonesGiveUp:
			return station.OutcomeNoAnswer
		default:
			return station.OutcomeDeclined
		}
	case 404, 410, 604:
		return station.OutcomeNotRegistered
	case 408, 487:
		return station.OutcomeNoAnswer
	case 500, 502, 504:
		return station.OutcomeUnreachable
	default:
		return station.OutcomeFailed
	}
}
