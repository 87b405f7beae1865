package page

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"doorstation/internal/control"
)

type pressRequest struct {
	Button string `json:"button"`
}

// press presses a button as a visitor would.
func (s *server) press(w http.ResponseWriter, r *http.Request) {
	if s.ofAPage(w, r) == nil {
		return
	}
	var req pressRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Button == "" {
		s.refuse(w, http.StatusBadRequest, "Say which button.")
		return
	}
	done, err := s.opt.Station.Press(req.Button)
	switch {
	case errors.Is(err, control.ErrNoSuchButton):
		s.refuse(w, http.StatusNotFound, "There is no such button.")
	case err != nil:
		s.refuse(w, http.StatusServiceUnavailable, sentence(err))
	default:
		s.log.Info("status page: a test press", "button", done.Button, "press", done.ID)
		s.reply(w, http.StatusOK, done)
	}
}

// testSound plays a tone at the door and opens the microphone for a moment.
func (s *server) testSound(w http.ResponseWriter, r *http.Request) {
	if s.ofAPage(w, r) == nil {
		return
	}
	switch err := s.opt.Station.TestSound(); {
	case errors.Is(err, ErrBusy):
		s.refuse(w, http.StatusConflict, sentence(ErrBusy))
	case err != nil:
		s.refuse(w, http.StatusServiceUnavailable, sentence(err))
	default:
		s.reply(w, http.StatusOK, struct{}{})
	}
}

// help shows what is to be said about a fault.
func (s *server) help(w http.ResponseWriter, r *http.Request) {
	data, err := os.ReadFile(helpFile(s.opt.Help, r.PathValue("code")))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.log.Debug("status page: help", "error", err)
		}
		http.Error(w, "There is no page about this.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	s.wrote(w.Write(data))
}

// helpFile is the page about a fault; a name that is none gives a file that is not there.
func helpFile(dir, code string) string {
	if dir == "" || code == "" || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return ""
	}
	return filepath.Join(dir, code+".md")
}

// sentence is an error as people write.
func sentence(err error) string {
	text := err.Error()
	if text == "" {
		return "It did not work."
	}
	return capital(text) + "."
}
