package page

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// viewers are the pictures that are being shown, by page.
type viewers struct {
	mu  sync.Mutex
	all map[string]viewing // by id
}

type viewing struct {
	page   string // its token
	viewer Viewer
}

func newViewers() *viewers { return &viewers{all: map[string]viewing{}} }

// show makes a viewer the one of its page, and gives back those that were it before. The page is told which one it is.
func (v *viewers) show(id string, page *reader, viewer Viewer) (before []Viewer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for other, n := range v.all {
		if n.page == page.token {
			before = append(before, n.viewer)
			delete(v.all, other)
		}
	}
	v.all[id] = viewing{page: page.token, viewer: viewer}
	select {
	case <-page.shown: // one that it has not taken yet
	default:
	}
	page.shown <- viewer
	return before
}

// take takes one out; it is nil when there is none of this page.
func (v *viewers) take(id, page string) Viewer {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, is := v.all[id]
	if !is || n.page != page {
		return nil
	}
	delete(v.all, id)
	return n.viewer
}

// closeAll ends those of a page.
func (v *viewers) closeAll(page string) {
	var its []Viewer
	v.mu.Lock()
	for id, n := range v.all {
		if n.page == page {
			its = append(its, n.viewer)
			delete(v.all, id)
		}
	}
	v.mu.Unlock()
	for _, viewer := range its {
		viewer.Close()
	}
}

// ended forgets the pictures of a page that ended by themselves. It reports whether there are any.
func (v *viewers) ended(page string) bool {
	var over []Viewer
	v.mu.Lock()
	for id, n := range v.all {
		if n.page != page {
			continue
		}
		select {
		case <-n.viewer.Done():
			over = append(over, n.viewer)
			delete(v.all, id)
		default:
		}
	}
	v.mu.Unlock()
	for _, o := range over {
		o.Close()
	}
	return len(over) > 0
}

// watch begins to show the picture: a WebRTC offer comes, its answer goes back, in the manner of WHEP (draft-ietf-wish-whep). What is
// shown is ended by DELETE at the place that Location names, or by the end of the page.
func (s *server) watch(w http.ResponseWriter, r *http.Request) {
	page := s.ofAPage(w, r)
	if page == nil {
		return
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/sdp" {
		s.refuse(w, http.StatusUnsupportedMediaType, "A WebRTC offer is expected.")
		return
	}
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		s.refuse(w, http.StatusBadRequest, "The offer can't be read.")
		return
	}
	viewer, answer, err := s.opt.Station.Watch(r.Context(), string(offer))
	if err != nil {
		status := http.StatusServiceUnavailable
		if errors.Is(err, ErrNoPicture) {
			status = http.StatusNotAcceptable
		}
		s.log.Debug("status page: no picture", "error", err)
		s.refuse(w, status, sentence(watchError(err)))
		return
	}
	id := rand.Text()
	for _, before := range s.viewers.show(id, page, viewer) { // one to a page
		before.Close()
	}
	if s.feed.of(page.token) == nil { // closed meanwhile
		s.viewers.closeAll(page.token)
		return
	}
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "/api/picture/"+id)
	w.WriteHeader(http.StatusCreated)
	s.wrote(io.WriteString(w, answer))
}

// watchError is what a person is told: what a browser offered wrong is none of it.
func watchError(err error) error {
	for _, is := range []error{ErrTooManyViewers, ErrNoPicture} {
		if errors.Is(err, is) {
			return is
		}
	}
	return err
}

// unwatch ends the picture.
func (s *server) unwatch(w http.ResponseWriter, r *http.Request) {
	if s.ofAPage(w, r) == nil {
		return
	}
	viewer := s.viewers.take(r.PathValue("id"), r.Header.Get(tokenHeader))
	if viewer == nil {
		s.refuse(w, http.StatusNotFound, "This picture has ended already.")
		return
	}
	viewer.Close()
	w.WriteHeader(http.StatusNoContent)
}
