package sip

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// minSession is the shortest interval RFC 4028 section 5 allows, and what we ask for: a door that dies leaves its
	// call standing in the PBX no longer than that.
	minSession = 90 * time.Second
	// maxSession is the longest interval followed; a peer may write any number.
	maxSession = 24 * time.Hour
	// refreshAgain is the pause after a refresh that was refused for now.
	refreshAgain = 5 * time.Second
)

// sessionTimer keeps a session from expiring, or ends it (RFC 4028). It belongs to its leg and its leg's lock.
type sessionTimer struct {
	interval        time.Duration
	raised          bool
	round           int // counts runs, so that a timer that was stopped too late knows
	refresh, expiry *time.Timer
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

func sessionExpires(d time.Duration, refresher string) string {
	return seconds(d) + ";refresher=" + refresher
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
	}
	if s.expiry != nil {
		s.expiry.Stop()
	}
}

// again refreshes after d, if refreshing is still ours to do.
func (s *sessionTimer) again(d time.Duration) {
	if s.refresh != nil {
		s.refresh.Reset(d)
	}
}

// beginSession reads the peer's decision in a 2xx to our INVITE or refresh. Without one the session has no limit.
func (l *Leg) beginSession(res *sipmsg.Response) {
	interval, refresher, ok := parseSession(headerValue(res, "Session-Expires", "x"))
	if !ok {
		l.session.stop()
		return
	}
	l.runSession(interval, refresher != "uas")
}

// runSession starts the clock anew: refresh by us at half time, the end a little before the interval is over (RFC 4028
// section 10). l.mu is held.
func (l *Leg) runSession(interval time.Duration, ours bool) {
	l.session.stop()
	l.session.interval = interval
	l.session.refresh = nil
	if ours {
		l.session.refresh = time.AfterFunc(interval/2, l.refresh)
	}
	l.session.round++
	round := l.session.round
	l.session.expiry = time.AfterFunc(interval-min(32*time.Second, interval/3), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if round == l.session.round { // else a refresh was quicker to take the lock
			l.bye(End{By: EndedByTimer})
		}
	})
}

// refresh asks the peer whether the session still stands: by UPDATE without a body where it may, because that touches no
// media, and else by re-INVITE with the description that holds.
func (l *Leg) refresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != stateEstablished {
		return
	}
	if l.offering || l.pending != nil {
		l.session.again(time.Second)
		return
	}
	method, sdp := sipmsg.UPDATE, ""
	if !l.updates {
		method, sdp = sipmsg.INVITE, l.local
		l.offering = true
	}
	err := l.ask(method, []sipmsg.Header{
		l.dlg.id.contact(l.c),
		sipmsg.NewHeader("Allow", allowed),
		sipmsg.NewHeader("Supported", "timer"),
		sipmsg.NewHeader("Session-Expires", sessionExpires(l.session.interval, "uac")),
		sipmsg.NewHeader("Min-SE", seconds(minSession)),
	}, sdp, l.refreshed)
	if err != nil {
		l.log.Debug("session refresh not sent", "error", err)
	}
}

// refreshed takes the answer to a refresh.
func (l *Leg) refreshed(req *sipmsg.Request, res *sipmsg.Response, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if req.IsInvite() {
		l.offering = false
		if res != nil && res.IsSuccess() {
			l.acknowledge(&l.dlg, req)
		}
	}
	if l.state != stateEstablished {
		return
	}
	if err != nil {
		l.log.Warn("session refresh unanswered", "error", err)
		l.bye(End{By: EndedByTimer})
		return
	}
	switch status := res.StatusCode; {
	case res.IsSuccess():
		l.dlg.refreshTarget(res)
		l.beginSession(res)
	case status == 408 || status == 481: // the peer has no such call (RFC 3261 section 12.2.1.2)
		l.bye(End{By: EndedByTimer})
	case status == 422:
		if d, _, ok := parseSession(headerValue(res, "Min-SE", "")); ok {
			l.session.interval = max(d, l.session.interval)
		}
		l.session.again(0)
	case (status == 405 || status == 501) && req.Method == sipmsg.UPDATE:
		l.updates = false
		l.session.again(0)
	case status == 491: // section 14.1, for the owner of the Call-ID
		l.session.again(2100*time.Millisecond + time.Duration(rand.IntN(190))*10*time.Millisecond)
	default:
		l.log.Debug("session refresh refused", "status", status)
		l.session.again(refreshAgain)
	}
}

// peerSession answers the session timer part of a re-INVITE or UPDATE: the interval they ask for, refreshed by whom they
// say, and by who does it already where they say nothing (RFC 4028 section 9). l.mu is held.
func (l *Leg) peerSession(req *sipmsg.Request) []sipmsg.Header {
	interval, refresher, ok := parseSession(headerValue(req, "Session-Expires", "x"))
	if !ok {
		return nil
	}
	if refresher == "" {
		refresher = "uac"
		if l.session.refresh != nil {
			refresher = "uas"
		}
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
