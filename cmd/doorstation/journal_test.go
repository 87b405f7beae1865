package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
)

// kept keeps the last message.
type kept struct {
	slog.Handler
	message *string
}

func (k kept) Handle(_ context.Context, r slog.Record) error { *k.message = r.Message; return nil }
func (k kept) WithAttrs([]slog.Attr) slog.Handler            { return k }
func (k kept) WithGroup(string) slog.Handler                 { return k }

func TestTheJournalShowsAPersonWhatTheFieldsHold(t *testing.T) {
	var message string
	log := slog.New(withText(kept{slog.NewTextHandler(io.Discard, nil), &message}, slog.LevelDebug)).With("room", "sip")
	log.Warn("not connected to the PBX", "error", errors.New("no route to host"), "retry_in", "3s")
	if want := `not connected to the PBX room=sip error="no route to host" retry_in=3s`; message != want {
		t.Errorf("%q, want %q", message, want)
	}
	slog.New(withText(kept{slog.NewTextHandler(io.Discard, nil), &message}, slog.LevelDebug)).Info("doorstation starts")
	if message != "doorstation starts" {
		t.Errorf("%q", message)
	}
}

func TestFieldsOfTheJournal(t *testing.T) {
	for key, want := range map[string]string{
		"room": "ROOM", "call_id": "CALL_ID", "again in": "AGAIN_IN", "_pid": "PID", "3rd": "RD", "größe": "GR__E", "": "FIELD", "__": "FIELD",
	} {
		if got := fieldName(key); got != want {
			t.Errorf("%q becomes %q, want %q", key, got, want)
		}
	}
}
