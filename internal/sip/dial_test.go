package sip

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// dialTest opens a socket as an agent does.
func dialTest(ctx context.Context, e Endpoint, alive func()) (socket, error) {
	return newDialer(nil, discard()).dial(ctx, e, alive)
}

// inTimeOverUDP runs a scenario with a fake clock over a network that loses every datagram once.
func inTimeOverUDP(t *testing.T, scenario func(t *testing.T, w *world, lost func() int)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lose, lost := loseEachOnce()
		w := newWorldBy(t, func(p *pbx) dialFunc { return p.dialLossy(lose) }, func(c *Config, p *pbx) { at("udp://pbx.example", nil)(c, p) })
		scenario(t, w, lost)
	})
}
