package main

import (
	"github.com/coreos/go-systemd/v22/daemon"

	"doorstation/internal/app"
)

// service is systemd, when it started the agent and listens (sd_notify(3), sd_watchdog_enabled(3)). What can't be told is lost: the
// agent's duty is the bell.
func service(getenv func(string) string) app.Service {
	if getenv("NOTIFY_SOCKET") == "" {
		return app.Service{}
	}
	s := app.Service{Notify: func(state string) { _, _ = daemon.SdNotify(false, state) }}
	if d, err := daemon.SdWatchdogEnabled(false); err == nil {
		s.Watchdog = d
	}
	return s
}
