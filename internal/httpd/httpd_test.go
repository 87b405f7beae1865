package httpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWhatFailsIsTriedAgain, and told each time, until the end.
func TestWhatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began, broken := time.Now(), errors.New("the address is taken")
		var tries []time.Duration
		told := 0
		KeepUp(ctx, func(ctx context.Context) error {
			tries = append(tries, time.Since(began))
			if len(tries) == 3 {
				cancel()
				return ctx.Err()
			}
			return broken
		}, func(err error) {
			if told++; !errors.Is(err, broken) {
				t.Errorf("told %v", err)
			}
		})
		if len(tries) != 3 || tries[2] != 2*again || told != 2 {
			t.Errorf("tried at %v, told %d times", tries, told)
		}
	})
}

// TestARequestThatHangsDoesNotHoldUpTheEnd, nor does a listener that breaks go unseen.
func TestARequestThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	listen := net.ListenConfig{}
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	arrived, gone := make(chan struct{}), make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done() // the connection is closed
		close(gone)
	}), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- Answer(ctx, srv, l, slog.New(slog.DiscardHandler)) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: door\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-arrived
	cancel()
	if err = <-ended; err != nil {
		t.Error(err)
	}
	<-gone
	broken, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err = broken.Close(); err != nil {
		t.Fatal(err)
	}
	if err = Answer(t.Context(), &http.Server{ReadHeaderTimeout: time.Minute}, broken, slog.New(slog.DiscardHandler)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that is broken: %v", err)
	}
}
