package app

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"doorstation/internal/health"
	"doorstation/internal/settings"
	"doorstation/internal/station"
)

const (
	alarmsFile    = "alarms"
	alarmsLargest = 4 << 10
)

// alarms turns the station's alarms into standing faults, and remembers over a restart those that stand until they are cleared.
type alarms struct {
	health *health.Register
	path   string // empty: nothing is remembered
	log    *slog.Logger
}

func newAlarms(register *health.Register, stateDir string, log *slog.Logger) alarms {
	a := alarms{health: register, log: log}
	if stateDir != "" {
		a.path = filepath.Join(stateDir, alarmsFile)
	}
	return a
}

func (a alarms) Alarm(which station.Alarm, on bool, detail string) {
	code, known := map[station.Alarm]health.Code{
		station.AlarmGuessing: health.CodeWrongCodes, station.AlarmLeftOpen: health.CodeDoorLeftOpen,
		station.AlarmForced: health.CodeDoorForced, station.AlarmTamper: health.CodeTamper, station.AlarmBlocked: health.CodeLockBlocked,
	}[which]
	if !known {
		code = health.Code(which)
	}
	faults{a.health}.standing(code, on, detail)
}

// standingAlarm is an alarm of the file.
type standingAlarm struct {
	Alarm string    `json:"alarm"`
	Since time.Time `json:"since"`
}

// Keep writes what stands. Whoever forces a door may cut the power next: it is on the disk when Keep returns.
func (a alarms) Keep(standing []station.StandingAlarm) {
	if a.path == "" {
		return
	}
	if err := a.write(standing); err != nil {
		a.log.Error("the alarms that stand are not remembered over a restart", "error", err)
	}
}

func (a alarms) write(standing []station.StandingAlarm) error {
	if len(standing) == 0 {
		if err := os.Remove(a.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	var kept []standingAlarm
	for _, s := range standing {
		kept = append(kept, standingAlarm{string(s.Alarm), s.Since})
	}
	data, err := json.Marshal(kept)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(a.path), 0o700)
	}
	if err != nil {
		return err
	}
	return settings.ReplaceFile(a.path, append(data, '\n'))
}

// recall is what was kept. A file that can't be read is told, and nothing is kept of it.
func (a alarms) recall() []station.StandingAlarm {
	if a.path == "" {
		return nil
	}
	kept, err := readLines[standingAlarm](a.path, alarmsLargest)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Error("alarms from before the start are forgotten", "error", err)
	}
	var all []station.StandingAlarm
	for _, k := range kept {
		all = append(all, station.StandingAlarm{Alarm: station.Alarm(k.Alarm), Since: k.Since})
	}
	return all
}
