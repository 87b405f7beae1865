package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/journal"
	slogjournal "github.com/systemd/slog-journal"
)

// journalHandler sends records to the systemd journal with their attributes twice: as fields, for journalctl ROOM=sip, and behind the
// message, because journalctl shows a person nothing but the message.
type journalHandler struct {
	fields slog.Handler
	text   slog.Handler // writes into line
	line   *line
}

// line is where one record at a time becomes text.
type line struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer for the text handler; the caller holds mu.
func (l *line) Write(p []byte) (int, error) { return l.buf.Write(p) }

// toJournal reports whether standard error goes to the journal and the journal can be reached.
func toJournal() bool {
	is, err := journal.StderrIsJournalStream()
	return err == nil && is && journal.Enabled()
}

func newJournalHandler(level slog.Level) (slog.Handler, error) {
	fields, err := slogjournal.NewHandler(&slogjournal.Options{
		Level:        level,
		ReplaceAttr:  func(_ []string, a slog.Attr) slog.Attr { a.Key = fieldName(a.Key); return a },
		ReplaceGroup: fieldName,
	})
	if err != nil {
		return nil, err
	}
	return withText(fields, level), nil
}

// withText puts the attributes behind the message of what fields is given.
func withText(fields slog.Handler, level slog.Level) *journalHandler {
	h := &journalHandler{fields: fields, line: &line{}}
	h.text = slog.NewTextHandler(h.line, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{} // the journal has them
		}
		return a
	}})
	return h
}

// Enabled implements [slog.Handler].
func (h *journalHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.fields.Enabled(ctx, l)
}

// Handle implements [slog.Handler].
func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	h.line.buf.Reset()
	err := h.text.Handle(ctx, r)
	attrs := strings.TrimSpace(h.line.buf.String())
	h.line.mu.Unlock()
	if err == nil && attrs != "" {
		message := r.Message + " " + attrs
		r = r.Clone()
		r.Message = message
	}
	return h.fields.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{fields: h.fields.WithAttrs(attrs), text: h.text.WithAttrs(attrs), line: h.line}
}

// WithGroup implements [slog.Handler].
func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{fields: h.fields.WithGroup(name), text: h.text.WithGroup(name), line: h.line}
}

// fieldName makes a field of the journal of a key: capitals, digits and underscores, a letter first (systemd.journal-fields(7)).
// A field that begins with an underscore would be the journal's own.
func fieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, key)
	name = strings.TrimLeft(name, "_0123456789")
	if name == "" {
		return "FIELD"
	}
	return name
}
