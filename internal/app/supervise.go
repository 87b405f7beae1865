package app

import (
	"context"
	"fmt"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/health"
	"doorstation/internal/monitor"
	"doorstation/internal/watchdog"
)

// Service is the service manager that runs the agent; the zero value is none.
type Service struct {
	// Notify tells it a state, in the words of sd_notify(3). Nil: there is nobody to tell.
	Notify func(state string)
	// Watchdog is within what time it wants to hear WATCHDOG=1 (WatchdogSec); 0: it does not.
	Watchdog time.Duration
}

func (s Service) notify(state string) {
	if s.Notify != nil {
		s.Notify(state)
	}
}

const (
	// roundEvery is how often the loops are asked whether they live, where no service manager says how often it wants to know, and
	// roundLimit how long they may take: opening a lock is the slowest they do, and takes milliseconds.
	roundEvery = 10 * time.Second
	roundLimit = 5 * time.Second
	// lookEvery is how often it is looked whether the door stands ready, and statusEvery whether there is news, of which the service
	// manager shows the newest.
	lookEvery   = 100 * time.Millisecond
	statusEvery = 5 * time.Second
	// readyLimit is when the agent counts as started whatever it knows: less than systemd's own limit (90 s).
	readyLimit = time.Minute
)

// newDog watches the loops without which the door is dead to the visitor.
func (a *App) newDog() *watchdog.Dog {
	// Three rounds fit into the time: one that is late does not yet end the agent.
	every := roundEvery
	if w := a.opt.Service.Watchdog; w > 0 {
		every = min(every, w/3)
	}
	return watchdog.New([]watchdog.Check{
		{Name: "station", Alive: a.station.Alive},
		{Name: "sip", Alive: a.sipAlive},
		{Name: "camera", Alive: a.camera.Alive},
	}, watchdog.Options{
		Interval: every, Limit: min(roundLimit, every), Log: a.opt.Log.With("room", "watchdog"),
		Feed: func() { a.opt.Service.notify("WATCHDOG=1") },
	})
}

// sipAlive asks the line that is up; a door that has none yet, or is changing it, is no dead one.
func (a *App) sipAlive(ctx context.Context) error {
	if l := a.home.lines.current(); l != nil {
		return l.agent.Alive(ctx)
	}
	return nil
}

// Alive is nil while every loop of the agent answers, else which do not.
func (a *App) Alive() error { return a.dog.Alive() }

// tellService tells the service manager when the door is ready, and later how it does in one line. Ready is when the door is registered
// or it is known that it can't be: a service that waits for the door waits for no server that is away.
func (a *App) tellService(ctx context.Context) error {
	if a.opt.Service.Notify == nil {
		return nil
	}
	limit := time.NewTimer(readyLimit)
	defer limit.Stop()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	told, ready := "", false
	for {
		s := a.Status()
		if !ready && settled(s) {
			ready = true
			a.opt.Service.notify("READY=1")
			ticker.Reset(statusEvery)
		}
		if line := summary(s); line != told {
			told = line
			a.opt.Service.notify("STATUS=" + line)
		}
		select {
		case <-ctx.Done():
			if !a.loans.lends() {
				a.opt.Service.notify("STOPPING=1")
				return nil
			}
			// To the service manager it goes on; it would end a loan that it took for a slow start or a slow stop.
			if !ready {
				a.opt.Service.notify("READY=1")
			}
			a.opt.Service.notify("STATUS=the hardware is lent to doorstation setup, and the bell is dead until it is given back")
			return nil
		case <-limit.C:
			if !ready {
				ready = true
				a.opt.Service.notify("READY=1")
				ticker.Reset(statusEvery)
			}
		case <-ticker.C:
		}
	}
}

// settled reports whether it is known how the door stands at the PBX.
func settled(s control.Status) bool {
	switch s.Registration.State {
	case "registered", "refused", "unreachable":
		return true
	case "offline": // there are no settings to register with; a fault says why
		for _, f := range s.Faults {
			if f.Severity == string(health.SeverityError) {
				return true
			}
		}
	}
	return false
}

// summary is the door in one line.
func summary(s control.Status) string {
	line := s.Registration.State
	if s.Registration.Extension != "" {
		line += " as " + s.Registration.Extension
	}
	if s.Visit.State != "idle" && s.Visit.State != "" {
		line += ", " + s.Visit.State
	}
	if len(s.Faults) > 0 {
		line += fmt.Sprintf(", %d fault(s): %s", len(s.Faults), s.Faults[0].Title)
	}
	return line
}

// serveMonitor tells machines how the door does.
func (a *App) serveMonitor(ctx context.Context) error {
	address := a.opt.Local.Monitor.Listen
	if address == "" {
		return nil
	}
	return monitor.Serve(ctx, monitor.Options{
		Address: address, Station: a, Log: a.opt.Log.With("room", "monitor"),
		OnFault: func(err error) { faults{a.health}.standing(health.CodeMonitorUnavailable, err != nil, errorText(err)) },
	})
}
