package control

import (
	"context"
	"log/slog"
)

func Serve(ctx context.Context, path string, s Station, log *slog.Logger) error { return nil }
