package app

import (
	"log/slog"
	"path/filepath"
	"time"

	"doorstation/internal/health"
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
		return removeState(a.path)
	}
	kept := make([]standingAlarm, 0, len(standing))
	for _, s := range standing {
		kept = append(kept, standingAlarm{string(s.Alarm), s.Since})
	}
	return writeLines(a.path, kept)
}

// recall is what was kept. A file that can't be read is told, and nothing is kept of it.
func (a alarms) recall() []station.StandingAlarm {
	all, err := recall(a.path, alarmsLargest, func(k standingAlarm) station.StandingAlarm {
		return station.StandingAlarm{Alarm: station.Alarm(k.Alarm), Since: k.Since}
	})
	if err != nil {
		a.log.Error("alarms from before the start are forgotten", "error", err)
	}
	return all
}
