package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// What a local program may cost the agent.
const (
	maxBody     = 4 << 10
	maxHeader   = 8 << 10
	maxConns    = 32
	headerLimit = 5 * time.Second
	bodyLimit   = 5 * time.Second
	idleLimit   = 30 * time.Second
	answerLimit = 10 * time.Second
	stopLimit   = time.Second
)

// Serve listens on a unix socket at path until ctx is done. The directory is made when it is missing (0750), the socket has
// the mode 0660 from its first moment, a socket left behind by an agent that died is replaced and [ErrInUse] is returned when
// a living one answers on it. At the end the socket is removed; the error is nil then.
func Serve(ctx context.Context, path string, s Station, log *slog.Logger) error {
	return listenAndServe(ctx, path, routes(s, log), log)
}

func listenAndServe(ctx context.Context, path string, h http.Handler, log *slog.Logger) error {
	l, err := listen(path)
	if err != nil {
		return err
	}
	defer l.remove(log)
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       headerLimit + bodyLimit,
		WriteTimeout:      answerLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(limitConns(l.UnixListener, maxConns)) }()
	log.Debug("control socket is open", "path", path)
	select {
	case err = <-ended:
		return fmt.Errorf("control: %w", err)
	case <-ctx.Done():
	}
	// The parent is done: the answers on their way get a moment of their own.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if err = srv.Shutdown(last); err != nil {
		if err = srv.Close(); err != nil {
			log.Debug("control socket: closing", "error", err)
		}
	}
	if err = <-ended; !errors.Is(err, http.ErrServerClosed) {
		log.Debug("control socket: at the end", "error", err)
	}
	return nil
}

// routes is the API.
func routes(s Station, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, s.Status().Tidy(), log)
	})
	mux.HandleFunc("POST /v1/press", func(w http.ResponseWriter, r *http.Request) {
		var req pressRequest
		if status, err := readBody(w, r, &req, `{"button": "Front door"}`); err != nil {
			reply(w, status, errorReply{Error: err.Error(), Code: codeBadRequest}, log)
			return
		}
		done, err := s.Press(req.Button)
		switch {
		case errors.Is(err, ErrNoSuchButton):
			reply(w, http.StatusNotFound, errorReply{Error: err.Error(), Code: codeNoSuchButton}, log)
		case err != nil:
			reply(w, http.StatusServiceUnavailable, errorReply{Error: err.Error(), Code: codeFailed}, log)
		default:
			reply(w, http.StatusOK, done, log)
		}
	})
	mux.HandleFunc("POST /v1/sound", func(w http.ResponseWriter, r *http.Request) {
		var req SoundChange
		if status, err := readBody(w, r, &req, `{"mute_microphone": true, "volume": 60}`); err != nil {
			reply(w, status, errorReply{Error: err.Error(), Code: codeBadRequest}, log)
			return
		}
		if v := req.Volume; v != nil && (*v < 0 || *v > 100) {
			reply(w, http.StatusBadRequest, errorReply{Error: "volume is a number from 0 to 100", Code: codeBadRequest}, log)
			return
		}
		now, err := s.ChangeSound(req)
		switch {
		case errors.Is(err, ErrNoCall):
			reply(w, http.StatusConflict, errorReply{Error: err.Error(), Code: codeNoCall}, log)
		case err != nil:
			reply(w, http.StatusServiceUnavailable, errorReply{Error: err.Error(), Code: codeFailed}, log)
		default:
			reply(w, http.StatusOK, now, log)
		}
	})
	mux.HandleFunc("POST /v1/restart", func(w http.ResponseWriter, _ *http.Request) {
		done, err := s.Restart()
		if err != nil {
			reply(w, http.StatusServiceUnavailable, errorReply{Error: err.Error(), Code: codeFailed}, log)
			return
		}
		reply(w, http.StatusOK, done, log)
	})
	lockRoutes(mux, s, log)
	if l, ok := s.(Lender); ok {
		loanRoute(mux, l, log)
	}
	if h, ok := s.(Hardware); ok {
		hardwareRoutes(mux, h, log)
	}
	return mux
}

// readBody takes one JSON object; an empty body is an empty object. example is one for the error. On an error it gives the HTTP status for it.
func readBody(w http.ResponseWriter, r *http.Request, into any, example string) (int, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, fmt.Errorf("the request is longer than %d bytes", maxBody)
	case err != nil:
		return http.StatusBadRequest, fmt.Errorf("the request could not be read: %w", err)
	case len(body) == 0:
		return 0, nil
	}
	if err = json.Unmarshal(body, into); err != nil {
		return http.StatusBadRequest, fmt.Errorf("want an object like %s: %w", example, err)
	}
	return 0, nil
}

func reply(w http.ResponseWriter, status int, body any, log *slog.Logger) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		log.Error("control socket: the answer cannot be written as JSON", "error", err)
		http.Error(w, `{"error": "the answer cannot be written", "code": "`+codeFailed+`"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err = w.Write(append(text, '\n')); err != nil {
		log.Debug("control socket: the answer was not taken", "error", err)
	}
}
