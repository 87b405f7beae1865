package main

import (
	"fmt"
	"io"
	"log/slog"

	"doorstation/internal/settings"
)

// newLogger makes the logger the local file asks for. Where the journal takes what is written to w, log.format text means the
// journal's own fields: journalctl ROOM=sip finds what the text would hide.
func newLogger(w io.Writer, l settings.Log, inJournal bool) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	o := &slog.HandlerOptions{Level: level}
	switch {
	case l.Format == "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case inJournal:
		if h, err := newJournalHandler(level); err == nil {
			return slog.New(h), nil
		}
	}
	return slog.New(slog.NewTextHandler(w, o)), nil
}
