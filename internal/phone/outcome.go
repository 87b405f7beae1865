package phone

import (
	"errors"

	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// Q.850 cause values that say more than the SIP status they travel with (ITU-T Q.850 table 1, carried in
// the Reason header of RFC 3326).
const (
	q850Unallocated  = 1
	q850UserBusy     = 17
	q850NoResponse   = 18
	q850NoAnswer     = 19
	q850Absent       = 20
	q850CallRejected = 21
	q850OutOfOrder   = 27
)

// outcomeOf says what a failed call to one target means. Asterisk folds several reasons into one status
// (an offline extension and one that rang out are both 503), so the Q.850 cause and whether it rang decide first.
func outcomeOf(err error) station.Outcome {
	var rejected *sip.RejectedError
	var ended hungUp
	switch {
	case err == nil:
		return station.OutcomeTalked
	case errors.As(err, &rejected):
		return outcomeOfStatus(rejected.Status, rejected.Q850, rejected.Rang)
	case errors.As(err, &ended):
		return ended.outcome
	case errors.Is(err, errElsewhere):
		return station.OutcomeCancelled
	case errors.Is(err, sip.ErrNotRegistered):
		return station.OutcomeOffline
	case errors.Is(err, sip.ErrConnectionLost), errors.Is(err, sip.ErrNoAnswer):
		return station.OutcomeUnreachable
	default:
		return station.OutcomeFailed
	}
}

func outcomeOfStatus(status, q850 int, rang bool) station.Outcome {
	switch q850 {
	case q850UserBusy:
		return station.OutcomeBusy
	case q850CallRejected:
		return station.OutcomeDeclined
	case q850NoResponse, q850NoAnswer:
		if rang {
			return station.OutcomeNoAnswer
		}
	case q850Absent, q850Unallocated:
		return station.OutcomeNotRegistered
	case q850OutOfOrder:
		return station.OutcomeUnreachable
	}
	switch status {
	case 486, 600:
		return station.OutcomeBusy
	case 480, 603:
		// SIP Core's card says 480 when a person declines and when its one session is taken (JsSIP's default).
		return station.OutcomeDeclined
	case 404, 410, 604:
		return station.OutcomeNotRegistered
	case 408, 487:
		return station.OutcomeNoAnswer
	case 503:
		if rang {
			return station.OutcomeNoAnswer
		}
		return station.OutcomeNotRegistered
	case 500, 502, 504:
		return station.OutcomeUnreachable
	default:
		return station.OutcomeFailed
	}
}
