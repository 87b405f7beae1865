package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"doorstation/internal/codes"
	"doorstation/internal/gpio"
	"doorstation/internal/health"
	"doorstation/internal/settings"
	"doorstation/internal/station"
)

// The inputs' names at the board.
const (
	inputContact = "contact"
	inputTamper  = "tamper"
)

// codesCredential is the systemd credential that may hold the persons' codes.
const codesCredential = "door_codes"

// loadCodes reads the persons' codes: from the file that the local file names, else from systemd's credential.
func (a *App) loadCodes() *codes.Book {
	if a.opt.Local.Lock == nil {
		return nil
	}
	path, private := a.opt.Local.Lock.CodesFile, true
	if path == "" {
		dir := a.opt.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return nil
		}
		path, private = filepath.Join(dir, codesCredential), false
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	book, err := codes.Load(path, private)
	if err != nil {
		a.health.Raise(health.CodeCodesUnusable, err.Error())
		return nil
	}
	a.opt.Log.Info("codes read", "file", path, "codes", len(book.Names()))
	return book
}

// forwardInputs takes what contact and tamper switch say to the station.
func (a *App) forwardInputs(ctx context.Context) error {
	for {
		select {
		case c := <-a.board.Changes():
			switch c.Name {
			case inputContact:
				a.station.Post(station.ContactChanged{Open: c.On, At: c.At})
			case inputTamper:
				a.station.Post(station.TamperChanged{Active: c.On})
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// lockMemory remembers over a restart why the lock is blocked.
type lockMemory struct {
	path string // empty: nothing is remembered
	log  *slog.Logger
}

func newLockMemory(stateDir string, log *slog.Logger) *lockMemory {
	m := &lockMemory{log: log}
	if stateDir != "" {
		m.path = filepath.Join(stateDir, "lock_blocked")
	}
	return m
}

// recall is why the lock was blocked; empty: it was not.
func (m *lockMemory) recall() string {
	if m.path == "" {
		return ""
	}
	data, err := os.ReadFile(m.path)
	switch why := strings.TrimSpace(string(data)); {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err == nil && (why == station.BlockedByTamper || why == station.BlockedByBoth):
		return why
	default: // a file that is damaged or cannot be read was there for a reason
		return station.BlockedByOrder
	}
}

func (m *lockMemory) keep(why string) {
	if m.path == "" {
		return
	}
	var err error
	if why == "" {
		err = removeState(m.path)
	} else {
		err = writeState(m.path, []byte(why+"\n")) // whoever opens the door station may cut its power next: it has to be on the disk
	}
	if err != nil {
		m.log.Error("whether the lock is blocked is not remembered over a restart", "error", err)
	}
}

// Lock implements control.Station.
func (a *App) Lock(ctx context.Context, order string) error {
	if a.opt.Local.Lock == nil {
		return gpio.ErrAbsent
	}
	return a.station.Order(ctx, station.LockOrder(order))
}

// ClearAlarms implements control.Station.
func (a *App) ClearAlarms(ctx context.Context) error { return a.station.ClearAlarms(ctx) }

// ledRhythm is how often the LEDs are brought up to what the door does.
const ledRhythm = 100 * time.Millisecond

// showLEDs keeps the LEDs at what the door does.
func (a *App) showLEDs(ctx context.Context) error {
	leds := a.opt.Local.LEDs
	if len(leds) == 0 {
		<-ctx.Done()
		return nil
	}
	shown := make([]string, len(leds))
	t := time.NewTicker(ledRhythm)
	defer t.Stop()
	for {
		now := doing{
			state: a.station.Snapshot().State, open: a.board.Levels().Lock == gpio.LevelOn,
			look: a.station.Snapshot().Look.State != station.LookNone || a.watchers.any(), fault: len(a.health.Standing()) > 0,
		}
		for i, led := range leds {
			p := now.pattern(led.Show)
			if text := fmt.Sprint(p); text != shown[i] {
				shown[i] = text
				a.board.ShowLED(i, p)
			}
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// doing is what the door does, as far as an LED can tell.
type doing struct {
	state             station.State
	look, open, fault bool
}

// pattern is what an LED does. What is listed first matters most.
func (d doing) pattern(show string) gpio.Pattern {
	ringing := d.state == station.StateCalling || d.state == station.StateRinging
	talking := d.state == station.StateTalking || d.look
	is := map[string]bool{settings.ShowRinging: ringing, settings.ShowTalking: talking, settings.ShowOpen: d.open, settings.ShowFault: d.fault}
	if show != settings.ShowStatus {
		if is[show] {
			return gpio.PatternOn()
		}
		return gpio.PatternOff()
	}
	const ms = time.Millisecond
	switch {
	case d.open:
		return gpio.Pattern{60 * ms, 60 * ms}
	case talking:
		return gpio.PatternOn()
	case ringing:
		return gpio.Pattern{300 * ms, 300 * ms}
	case d.fault:
		return gpio.Pattern{100 * ms, 1900 * ms}
	default:
		return gpio.PatternOff()
	}
}
