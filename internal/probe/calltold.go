package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/peer"
	"doorstation/internal/sip"
)

// unanswered says how a call ended that nobody took.
func (s *Scene) unanswered(ctx context.Context, err error, data *testCall) check.Finding {
	var refused *sip.RejectedError
	f := check.Finding{Code: health.CodeCallFailed, Data: data}
	rang := fmt.Sprintf("rang after %.0f ms", data.RangMS)
	switch {
	case errors.As(err, &refused):
		data.Status = refused.Status
		f.Found = fmt.Sprintf("%d %s: %s", refused.Status, refused.Reason, meaning(refused.Status))
		switch {
		case data.Rang && declines(refused.Status):
			f.Outcome, f.Code = check.Note, ""
			f.Found = fmt.Sprintf("%s, and was declined (%d)", rang, refused.Status)
		case data.Rang:
			f.Problem = "The test call rang, and could not be taken."
			f.Found = rang + "\n" + f.Found
		}
	case data.Rang && ctx.Err() == nil && errors.Is(err, sip.ErrCancelled):
		f.Outcome, f.Code = check.Note, ""
		f.Found = fmt.Sprintf("%s for %s, and nobody answered", rang, ringLimit)
	case ctx.Err() == nil && errors.Is(err, sip.ErrCancelled):
		f.Found = fmt.Sprintf("the exchange has said nothing of a telephone that rings within %s", ringLimit)
	default:
		f.Found = err.Error()
	}
	return f
}

// declines says whether a status is that of a person, or of a telephone that rang for long enough. Exchanges pass on one for another:
// Asterisk makes 503 of a telephone's 603.
func declines(status int) bool {
	return slices.Contains([]int{408, 480, 486, 487, 503, 600, 603}, status)
}

// meaning is a status in a person's words.
func meaning(status int) string {
	switch status {
	case 404:
		return "the exchange has no such number"
	case 480, 503:
		return "nobody is registered with that extension now"
	case 486, 600:
		return "busy"
	case 488, 606:
		return "it cannot take this kind of call"
	case 403, 401, 407:
		return "the door's extension may not call it"
	default:
		return "the exchange would not"
	}
}

// answered says how a call went that somebody took; wrong is why there was no way for its sound.
func (s *Scene) answered(st peer.Stats, heard uint64, data *testCall, wrong string) check.Finding {
	data.Sent, data.Received, data.LostFar = st.AudioSent.Packets, heard, st.AudioSent.Lost
	data.Local, data.Remote = st.LocalCandidate, st.RemoteCandidate
	var lines []string
	if data.Rang {
		lines = append(lines, fmt.Sprintf("rang after %.0f ms, answered after %.1f s", data.RangMS, data.AnsweredMS/1000))
	} else {
		lines = append(lines, fmt.Sprintf("answered after %.1f s without ringing", data.AnsweredMS/1000))
	}
	f := check.Finding{Data: data}
	cut := data.EndedBy != sip.EndedByUs
	if data.MediaMS > 0 {
		lines = append(lines,
			fmt.Sprintf("sound (%s) from %.1f s on, between %s here and %s there", data.Codec, data.MediaMS/1000, data.Local, data.Remote),
			fmt.Sprintf("%s sent, %d of them reported lost; %s received", count(int(data.Sent), "packet"), data.LostFar, count(int(data.Received), "packet")))
	} else if !cut {
		lines = append(lines, wrong)
	}
	lines = append(lines, ending(data.EndedBy))
	switch {
	case data.MediaMS > 0 && data.Received > 0:
	case cut:
		f.Outcome = check.Warning
		f.Remedy = "Call again, and let whoever answers wait until the door hangs up: " + s.CallFor.String() + " after the answer, or --call-for."
		lines = append(lines, "that was before any sound came, which proves nothing")
	default:
		f.Code = health.CodeCallNoMedia
	}
	f.Found = strings.Join(lines, "\n")
	return f
}

// ending says who ended an answered call.
func ending(by string) string {
	switch by {
	case sip.EndedByUs:
		return "hung up by the door"
	case sip.EndedByConnection:
		return "ended because the connection to the exchange was lost"
	case sip.EndedByTimer:
		return "ended because the exchange did not refresh it"
	default:
		return "hung up by the far side"
	}
}
