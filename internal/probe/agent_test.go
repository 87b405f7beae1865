package probe

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorstation/internal/app"
	"doorstation/internal/control"
	"doorstation/internal/settings"
)

// runAgent runs an agent with a local file until the test ends, and gives its socket.
func runAgent(t *testing.T, file string) (config, socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ds") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err = os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	config, socket = filepath.Join(dir, "config.yaml"), filepath.Join(dir, "s")
	if err = os.WriteFile(config, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	local, err := settings.LoadLocal(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Local: local, Socket: socket, StateDir: dir, Version: "test", Log: slog.New(slog.DiscardHandler),
			Getenv: func(string) string { return "" }, Now: time.Now,
		})
	}()
	t.Cleanup(func() {
		cancel()
		if endErr := <-ended; endErr != nil {
			t.Error(endErr)
		}
	})
	for {
		if _, err = control.NewClient(socket).Status(ctx); err == nil {
			return config, socket
		}
		select {
		case err = <-ended:
			ended <- err
			t.Fatalf("the agent: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
