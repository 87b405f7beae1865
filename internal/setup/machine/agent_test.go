package machine

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"doorstation/internal/control"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lender is an agent that lends its hardware at once.
type lender struct {
	control.Station
	back chan struct{} // closed when it is given back
}

func (*lender) Status() control.Status { return control.Status{} }

func (l *lender) Lend(take func() (*control.Loan, error)) error {
	loan, err := take()
	if err != nil {
		return err
	}
	go func() {
		defer close(l.back)
		if loan.Begin() == nil {
			loan.Wait(context.Background())
		}
		_ = loan.Close()
	}()
	return nil
}

// TestTheAgentIsNotStoppedButLends: what it lent is with it again when this process lets go of it, without systemctl.
func TestTheAgentIsNotStoppedButLends(t *testing.T) {
	dir, err := os.MkdirTemp("", "ds") // short enough for a socket
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	socket, served := filepath.Join(dir, "s"), make(chan error, 1)
	l := &lender{back: make(chan struct{})}
	go func() { served <- control.Serve(ctx, socket, l, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		must(t, errors.Join(<-served, os.RemoveAll(dir)))
	})
	for client := control.NewClient(socket); ; {
		if _, err = client.Status(ctx); !errors.Is(err, control.ErrNotRunning) {
			break
		}
	}
	must(t, err)
	t.Setenv("PATH", "") // no systemctl
	a := &Agent{Socket: socket}
	must(t, a.Stop(ctx))
	select {
	case <-l.back:
		t.Error("it has it back at once")
	default:
	}
	must(t, a.borrowed.Close()) // as the end of the process does
	<-l.back
}
