package sip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// longestRetryAfter is the longest pause that a peer may ask for with a 500 (RFC 3261 section 14.2).
const longestRetryAfter = 10 * time.Second

// outcome of one re-INVITE.
type reinvited struct {
	res *sipmsg.Response
	err error
}

// Reinvite offers the peer another session description and returns its answer, the ACK sent. While the connection is away, or another
// re-INVITE or refresh is open, it waits; so it may not be called from within Handler.Reoffer. A 491 is met by another try after the
// time of RFC 3261 section 14.1.
//
// When an error is returned the session stays as it was: a *RejectedError, or one that wraps ErrCancelled (ctx ended), ErrNoAnswer or
// ErrEnded. A peer that may have taken the offer all the same, because its 200 came too late or was lost with a connection, is then
// offered the description that holds again.
func (l *Leg) Reinvite(ctx context.Context, offer string) (answer string, err error) {
	uncertain := false // an offer was lost on its way there or back
	defer func() {
		if err != nil && uncertain {
			l.mu.Lock()
			l.mend()
			l.mu.Unlock()
		}
	}()
	for {
		ch, result, failed := l.openOffer(ctx, offer)
		if failed != nil {
			return "", failed
		}
		var r reinvited
		select {
		case r = <-result:
		case <-ctx.Done():
			l.abandon(ch)
			select {
			case r = <-result: // it was quicker
			default: // whatever it will be, the change knows that nobody waits
				return "", cancelledError(context.Cause(ctx))
			}
		}
		pause := time.Duration(0)
		switch res := r.res; {
		case errors.Is(r.err, ErrConnectionLost):
			uncertain = true
			continue // and wait for the next one
		case r.err != nil:
			return "", fmt.Errorf("re-INVITE: %w", r.err)
		case res.IsSuccess():
			return string(res.Body()), nil
		case res.StatusCode == 491:
			pause = l.glare()
		case res.StatusCode == 500 && retryAfter(res) > 0:
			pause = retryAfter(res)
		default:
			return "", rejected(res, nil)
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return "", cancelledError(context.Cause(ctx))
		case <-l.done:
			again.Stop()
			return "", ErrEnded
		}
	}
}

// openOffer sends the re-INVITE as soon as nothing is in its way.
func (l *Leg) openOffer(ctx context.Context, offer string) (*change, <-chan reinvited, error) {
	for {
		if ctx.Err() != nil {
			return nil, nil, cancelledError(context.Cause(ctx))
		}
		l.mu.Lock()
		if l.state != stateEstablished {
			l.mu.Unlock()
			return nil, nil, ErrEnded
		}
		if l.open == nil && l.pending == nil && !l.away() && !l.anchor {
			result := make(chan reinvited, 1)
			ch := &change{method: sipmsg.INVITE, offer: offer, gone: EndedByFar}
			ch.settled = func(res *sipmsg.Response, err error) { result <- reinvited{res, err} }
			l.begin(ch)
			l.mu.Unlock()
			return ch, result, nil
		}
		news := l.news
		l.mu.Unlock()
		select {
		case <-news:
		case <-l.done:
		case <-ctx.Done():
		}
	}
}

// retryAfter reads Retry-After as far as it is followed.
func retryAfter(res *sipmsg.Response) time.Duration {
	v := headerValue(res, "Retry-After", "")
	if i := strings.IndexAny(v, " ;("); i >= 0 {
		v = v[:i]
	}
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || time.Duration(n)*time.Second > longestRetryAfter {
		return 0
	}
	return time.Duration(n) * time.Second
}
