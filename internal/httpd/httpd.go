// Package httpd keeps a web server of the agent's up: it answers until it is told to stop, and an address that can't be had is tried again,
// as the bell does not depend on it. What is served, and to whom, is for its users to say.
package httpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// again is how long after a failure the next attempt comes.
	again = 10 * time.Second
	// stopLimit is how long requests may take when the server stops.
	stopLimit = time.Second
)

// KeepUp calls serve again and again until ctx ends. It should not return before that: what it returns is told, and it is called again after
// a while.
func KeepUp(ctx context.Context, serve func(context.Context) error, tell func(error)) {
	for {
		err := serve(ctx)
		if ctx.Err() != nil {
			return
		}
		tell(err)
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
	}
}

// Answer answers on a listener until ctx ends, or the listener breaks, which is the error. The requests that are under way then have a second.
func Answer(ctx context.Context, srv *http.Server, l net.Listener, log *slog.Logger) error {
	srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if err := srv.Shutdown(last); err != nil {
		if err = srv.Close(); err != nil {
			log.Debug("closing a web server", "address", l.Addr().String(), "error", err)
		}
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
