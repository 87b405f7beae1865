package peer

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// quietLoggers hands pion's warnings and errors to slog, at debug level: they speak of single packets, and what matters of
// them comes back as an error or a state. Everything below a warning is dropped, because pion's ICE agent prints
// passwords there.
type quietLoggers struct{ log *slog.Logger }

func (q quietLoggers) NewLogger(scope string) logging.LeveledLogger {
	return quietLogger{log: q.log.With("part", scope)}
}

type quietLogger struct{ log *slog.Logger }

func (quietLogger) Trace(string)          {}
func (quietLogger) Tracef(string, ...any) {}
func (quietLogger) Debug(string)          {}
func (quietLogger) Debugf(string, ...any) {}
func (quietLogger) Info(string)           {}
func (quietLogger) Infof(string, ...any)  {}

func (q quietLogger) Warn(msg string)               { q.log.Debug(msg) }
func (q quietLogger) Warnf(format string, a ...any) { q.log.Debug(fmt.Sprintf(format, a...)) }
func (q quietLogger) Error(msg string)              { q.log.Debug(msg) }
func (q quietLogger) Errorf(format string, a ...any) {
	q.log.Debug(fmt.Sprintf(format, a...))
}
