package page

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

const (
	// beatEvery is how often a page hears something when nothing happens, so that it notices a door that is gone.
	beatEvery = 10 * time.Second
	// writeLimit is how long a page may take to take something.
	writeLimit = 10 * time.Second
)

// tokenHeader carries a page's token.
const tokenHeader = "X-Page-Token"

// greeting is the first event of a page.
type greeting struct {
	Token string `json:"token"`
}

// events tells a page what happens (server-sent events, HTML Living Standard section 9.2): hello with its token, view with everything
// there is to show whenever it has changed, sound with the levels, picture_ended when the door has ended the picture, beat when nothing happens. The picture that the page is shown
// ends with it.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	reader := s.feed.open()
	if reader == nil {
		s.refuse(w, http.StatusServiceUnavailable, "This page is open too often. Close it elsewhere.")
		return
	}
	defer s.viewers.closeAll(reader.token)
	defer s.feed.close(reader)
	conn := http.NewResponseController(w)
	// The request has been read; from here on each write has its own limit.
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		s.log.Debug("status page: events", "error", err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	send := func(events ...[]byte) bool {
		err := conn.SetWriteDeadline(time.Now().Add(writeLimit))
		for _, e := range events {
			if err == nil && e != nil {
				_, err = w.Write(e)
			}
		}
		if err == nil {
			err = conn.Flush()
		}
		if err != nil {
			s.log.Debug("status page: events", "error", err)
		}
		return err == nil
	}
	hello, err := json.Marshal(greeting{reader.token})
	if err != nil || !send(event("hello", hello)) {
		return
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	var ended <-chan struct{} // of the picture
	for {
		select {
		case shown := <-reader.shown:
			ended = shown.Done()
		case <-ended:
			ended = nil
			if s.viewers.ended(reader.token) && !send(event("picture_ended", []byte("{}"))) {
				return
			}
		case <-r.Context().Done():
			return
		case <-beat.C:
			if !send(event("beat", []byte("{}"))) {
				return
			}
		case <-reader.news:
			view, sound := s.feed.news(reader)
			if !send(event("view", view), event("sound", sound)) {
				return
			}
		}
	}
}

// event writes one; nothing for no data.
func event(name string, data []byte) []byte {
	if data == nil {
		return nil
	}
	return bytes.Join([][]byte{[]byte("event: " + name), []byte("\ndata: "), data, []byte("\n\n")}, nil)
}

// ofAPage is the page whose token a request carries; nil: there is none, and the request is refused.
func (s *server) ofAPage(w http.ResponseWriter, r *http.Request) *reader {
	page := s.feed.of(r.Header.Get(tokenHeader))
	if page == nil {
		s.refuse(w, http.StatusForbidden, "This request comes from no page that is open. Load the page anew.")
	}
	return page
}
