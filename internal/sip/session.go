package sip

import (
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// minSession is the shortest interval RFC 4028 section 5 allows, and what we ask for: a door that dies leaves its
	// call standing in the PBX no longer than that.
	minSession = 90 * time.Second
	// leastSession is the shortest interval followed, shorter ones being what no peer may agree to: refreshes are no storm.
	leastSession = 20 * time.Second
	// maxSession is the longest interval followed; a peer may write any number.
	maxSession = 24 * time.Hour
	// refreshAgain is the pause after a refresh that was refused for now.
	refreshAgain = 5 * time.Second
)

// sessionTimer keeps a session from expiring, or ends it (RFC 4028). It belongs to its leg and its leg's lock.
type sessionTimer struct {
	interval        time.Duration
	raised          bool
	running         bool // there is a limit
	ours            bool // to refresh
	round           int  // counts runs, so that a timer that was stopped too late knows
	refresh, expiry *time.Timer
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

func sessionExpires(d time.Duration, refresher string) string {
	return seconds(max(d, minSession)) + ";refresher=" + refresher
}

// parseSession reads Session-Expires or Min-SE: an interval, and who refreshes ("uac", "uas" or "").
func parseSession(v string) (time.Duration, string, bool) {
	number, rest, _ := strings.Cut(v, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
	if err != nil || n == 0 {
		return 0, "", false
	}
	refresher := ""
	for p := range strings.SplitSeq(rest, ";") {
		k, who, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(who))
		}
	}
	return min(time.Duration(n)*time.Second, maxSession), refresher, true
}

// raise takes the Min-SE of a 422, once per call.
func (s *sessionTimer) raise(minSE string) bool {
	d, _, ok := parseSession(minSE)
	if !ok || s.raised || d <= s.interval {
		return false
	}
	s.interval, s.raised = d, true
	return true
}

func (s *sessionTimer) stop() {
	if s.refresh != nil {
		s.refresh.Stop()
		s.refresh = nil
	}
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.running, s.ours = false, false
	s.round++
}

// refresher is what a request of ours says of who refreshes: as it is (RFC 4028 section 7.4), and we where it is open.
func (s *sessionTimer) refresher() string {
	if s.running && !s.ours {
		return "uas"
	}
	return "uac"
}

// beginSession reads the peer's decision in a 2xx to our INVITE or refresh. Without one the session has no limit.
func (l *Leg) beginSession(res *sipmsg.Response) {
	interval, refresher, ok := parseSession(headerValue(res, "Session-Expires", "x"))
	if !ok {
		l.session.stop()
		l.refreshIfOwed()
		return
	}
	l.runSession(interval, refresher != "uas")
}

// refreshIfOwed refreshes soon when there is more cause to than the clock. l.mu is held.
func (l *Leg) refreshIfOwed() {
	if l.anchor || l.restore {
		l.refreshIn(0)
	}
}

// runSession starts the clock anew: refresh by us at half time, the end a little before the interval is over (RFC 4028
// section 10). l.mu is held.
func (l *Leg) runSession(interval time.Duration, ours bool) {
	interval = max(interval, leastSession)
	l.session.stop()
	l.session.interval, l.session.running, l.session.ours = interval, true, ours
	if ours {
		l.refreshIn(interval / 2)
	}
	l.refreshIfOwed()
	round, early := l.session.round, min(32*time.Second, interval/3)
	l.session.expiry = time.AfterFunc(interval-early, func() { l.expired(round, early) })
}

// expired ends a session that was not refreshed. A leg that has no connection could not say so early, and has until the peer ends
// it: it may be back in time.
func (l *Leg) expired(round int, left time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case round != l.session.round: // a refresh was quicker to take the lock
	case l.away() && left > 0:
		l.session.expiry = time.AfterFunc(left, func() { l.expired(round, 0) })
	case l.away():
		l.bye(End{By: EndedByConnection})
	default:
		l.bye(End{By: EndedByTimer})
	}
}

// refreshIn has the session refreshed after d, and not before. l.mu is held.
func (l *Leg) refreshIn(d time.Duration) {
	if l.session.refresh != nil {
		l.session.refresh.Stop()
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.session.refresh == timer { // else it was stopped too late
			l.refreshNow()
		}
	})
	l.session.refresh = timer
}

// refreshNow asks the peer whether the session still stands, and by that tells it where we are: by UPDATE without a body where it
// may, because that touches no media, and else by re-INVITE with the description that holds. It does nothing without a cause. l.mu is
// held.
func (l *Leg) refreshNow() {
	byUpdate := l.updates && !l.restore
	switch {
	case l.state != stateEstablished || l.away():
		return
	case !l.session.ours && !l.anchor && !l.restore:
		return
	case l.open != nil || l.pending != nil && !byUpdate:
		l.refreshIn(time.Second)
		return
	}
	ch := &change{method: sipmsg.UPDATE, gone: EndedByTimer}
	if !byUpdate {
		ch.method, ch.offer = sipmsg.INVITE, l.local
	}
	if l.anchor {
		ch.gone = EndedByConnection
	}
	ch.settled = func(res *sipmsg.Response, err error) { l.refreshed(ch, res, err) }
	l.begin(ch)
}

// refreshed takes the answer to a refresh. l.mu is held.
func (l *Leg) refreshed(ch *change, res *sipmsg.Response, err error) {
	if l.state != stateEstablished {
		return
	}
	if err != nil { // the connection is gone: the next one brings another refresh
		l.log.Debug("session refresh unanswered", "error", err)
		return
	}
	switch status := res.StatusCode; {
	case res.IsSuccess():
		l.anchor = false
		if ch.offer != "" {
			l.restore = false
		}
	case (status == 405 || status == 501) && ch.method == sipmsg.UPDATE:
		l.updates = false
		l.refreshIn(0)
	case status == 491:
		l.refreshIn(l.glare())
	case l.anchor && status < 500 && ch.method == sipmsg.UPDATE:
		l.updates = false
		l.refreshIn(0)
	case l.anchor && status < 500: // it has heard from us here, and a description it might take may wait (see openOffer)
		l.log.Debug("new connection not taken note of", "status", status)
		l.anchor = false
		l.refreshIn(refreshAgain)
	default:
		l.log.Debug("session refresh refused", "status", status)
		l.refreshIn(refreshAgain)
	}
}

// tooSmall is the answer to a request whose session interval is shorter than allowed (RFC 4028 section 9), if the one who made it can
// do something about it.
func tooSmall(req *sipmsg.Request) bool {
	interval, _, ok := parseSession(headerValue(req, "Session-Expires", "x"))
	return ok && interval < minSession && lists(req, "Supported", "k", "timer")
}

// peerSession answers the session timer part of an INVITE or UPDATE and starts the clock. The interval is the shortest that they
// allow, so that a door that dies leaves its call standing no longer. Who refreshes is who they say; where they leave it open, who
// does it already, and at first we do (RFC 4028 section 9). l.mu is held.
func (l *Leg) peerSession(req *sipmsg.Request) []sipmsg.Header {
	interval, refresher, ok := parseSession(headerValue(req, "Session-Expires", "x"))
	supported := lists(req, "Supported", "k", "timer")
	switch {
	case !ok && !supported:
		return nil // only we would keep such a session, and UPDATE may not even be allowed
	case !ok:
		interval = maxSession
	}
	least := minSession
	if d, _, given := parseSession(headerValue(req, "Min-SE", "")); given {
		least = max(least, d)
	}
	interval = max(min(interval, least), minSession)
	if refresher == "" {
		refresher = "uas"
		if l.session.running && !l.session.ours {
			refresher = "uac"
		}
	}
	if !supported {
		refresher = "uas"
	}
	l.runSession(interval, refresher == "uas")
	headers := []sipmsg.Header{
		sipmsg.NewHeader("Supported", "timer"),
		sipmsg.NewHeader("Session-Expires", sessionExpires(interval, refresher)),
	}
	if refresher == "uac" {
		headers = append(headers, sipmsg.NewHeader("Require", "timer"))
	}
	return headers
}
