package gpio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/gpio/guard"
)

// coilMemory keeps a lock's count over a restart of the agent, in a small file that is written when an opening begins and when it ends. The
// file belongs into a directory in memory (/run): no disk is worn, and the machine's own start takes it away. What is not known counts as warm.
// A nil memory remembers nothing.
type coilMemory struct {
	read  func() ([]byte, error)
	write func([]byte) error
	up    func() time.Duration // since the machine's start
	log   *slog.Logger

	recalled bool // the file is ours from now on
	on       bool // as in the file
	stale    bool // the file must be written anew: what it says was true of another agent
	told     bool // of trouble with the file
}

// coilState is the file: how long the coil was energised, less what it had cooled, at a time since the machine's start, and whether it was
// energised from then on.
type coilState struct {
	Warm time.Duration `json:"warm_ns"`
	At   time.Duration `json:"at_ns"`
	On   bool          `json:"on"`
}

// errCoilFile is given for a file that holds no count.
var errCoilFile = errors.New("it does not hold the count of a coil")

func newCoilMemory(path string, log *slog.Logger) *coilMemory {
	return &coilMemory{
		read: func() ([]byte, error) { return os.ReadFile(path) },
		write: func(data []byte) error {
			// A whole file or none; that it lasts over a power cut is not wanted.
			beside := path + ".new"
			if err := os.WriteFile(beside, data, 0o600); err != nil {
				return err
			}
			return os.Rename(beside, path)
		},
		up: sinceBoot, log: log,
	}
}

// sinceBoot is the time since the machine's start.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0 // no Linux is without it; a coil counts as warm then
	}
	return time.Duration(t.Nano())
}

// recall makes a count that has just begun what it was, until the line is taken the first time. Without a file the coil was as warm as may be when
// the machine started: nobody knows what was before. A coil that was energised when its agent died counts as energised until now.
func (m *coilMemory) recall(b *guard.Burn, now time.Time) {
	if m == nil || m.recalled || b.Budget() == 0 {
		return
	}
	up := m.up()
	s, err := m.load(up)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s = coilState{Warm: b.Budget()}
	case err != nil:
		m.warn("how warm the lock's coil is is not known, so it counts as warm", err)
		s = coilState{Warm: b.Budget(), At: up}
		m.stale = true
	}
	s.Warm = min(s.Warm, b.Budget())
	m.on, m.stale = s.On, m.stale || s.On
	if s.On {
		s.Warm, s.At = min(s.Warm+up-s.At, b.Budget()), up
	}
	b.Recall(s.Warm, now.Add(s.At-up))
}

// load reads the file, at a time since the machine's start.
func (m *coilMemory) load(up time.Duration) (s coilState, err error) {
	data, err := m.read()
	if err != nil {
		return s, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err = d.Decode(&s); err != nil {
		return s, fmt.Errorf("%w: %w", errCoilFile, err)
	}
	if s.Warm < 0 || s.At < 0 || s.At > up {
		return s, fmt.Errorf("%w: %+v, %s after the machine's start", errCoilFile, s, up)
	}
	return s, nil
}

// keep writes what has to be known after a restart, if it is something else than before. A file that can't be written keeps nobody out.
func (m *coilMemory) keep(b *guard.Burn, now time.Time) {
	if m == nil || b.Budget() == 0 {
		return
	}
	m.recalled = true
	c := b.Count()
	if c.On == m.on && !m.stale {
		return
	}
	data, err := json.Marshal(coilState{Warm: c.Warm, At: max(0, m.up()-now.Sub(c.At)), On: c.On})
	if err == nil {
		err = m.write(data)
	}
	if err != nil {
		m.warn("how warm the lock's coil is is not known after a restart", err)
	}
	m.on, m.stale = c.On, err != nil
}

func (m *coilMemory) warn(text string, err error) {
	if !m.told {
		m.told = true
		m.log.Warn(text, "error", err)
	}
}
