package sip

import (
	"context"
	"log/slog"
)

// dialTest opens a socket as an agent does.
func dialTest(ctx context.Context, e Endpoint, alive func()) (socket, error) {
	return newDialer(nil, slog.New(slog.DiscardHandler)).dial(ctx, e, alive)
}
