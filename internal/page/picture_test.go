package page

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestAPictureEndsWithItsPage(t *testing.T) {
	s := serve(t, nil)
	page, other := s.open(), s.open()
	look := func(p *open) string {
		status, answer, header := s.do("POST", "/api/picture", "offer", tokenHeader, p.token, "Content-Type", "application/sdp")
		if status != http.StatusCreated || answer != "answer to offer" || header.Get("Content-Type") != "application/sdp" {
			t.Fatalf("%d, %s", status, answer)
		}
		return header.Get("Location")
	}
	place := look(page)
	if status, _, _ := s.do("DELETE", place, "", tokenHeader, other.token); status != http.StatusNotFound {
		t.Errorf("another page ends it: %d", status)
	}
	if status, _, _ := s.do("DELETE", place, "", tokenHeader, page.token); status != http.StatusNoContent {
		t.Errorf("its page ends it: %d", status)
	}
	s.agent.viewers[0].wait(t)
	look(page)
	look(page) // one to a page
	s.agent.viewers[1].wait(t)
	look(other)
	close(s.agent.viewers[3].done)
	if other.next("picture_ended") == "" {
		t.Error("the page is not told of the end")
	}
	s.agent.viewers[3].wait(t)
	page.close()
	s.agent.viewers[2].wait(t)
	s.agent.mu.Lock()
	s.agent.watchErr = fmt.Errorf("%w: %w", ErrNoPicture, errors.New("m=secret"))
	s.agent.mu.Unlock()
	status, body, _ := s.do("POST", "/api/picture", "offer", tokenHeader, other.token, "Content-Type", "application/sdp")
	if status != http.StatusNotAcceptable || strings.Contains(body, "secret") {
		t.Errorf("%d, %s", status, body)
	}
}

// TestPicturesAskedForAtOnceAreOne: a page has one, however often it asks before it is answered, and is told of that one's end.
func TestPicturesAskedForAtOnceAreOne(t *testing.T) {
	s := serve(t, nil)
	page := s.open()
	const asked = 8
	s.agent.watching = &sync.WaitGroup{}
	s.agent.watching.Add(asked)
	var wg sync.WaitGroup
	for range asked {
		wg.Go(func() {
			if status, _, _ := s.do("POST", "/api/picture", "offer", tokenHeader, page.token, "Content-Type", "application/sdp"); status != http.StatusCreated {
				t.Errorf("%d", status)
			}
		})
	}
	wg.Wait()
	var shown []*viewer
	for _, v := range s.agent.viewers {
		select {
		case <-v.closed:
		default:
			shown = append(shown, v)
		}
	}
	if len(shown) != 1 {
		t.Fatalf("%d pictures go on", len(shown))
	}
	close(shown[0].done)
	if page.next("picture_ended") == "" {
		t.Error("the page is not told of the end")
	}
}
