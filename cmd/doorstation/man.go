package main

import (
	"fmt"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/muesli/roff"
)

// manCmd prints the manual page; the package is built with it.
type manCmd struct{}

// Run prints doorstation(1).
func (manCmd) Run(e *env, k *kong.Kong) error {
	page := mangokong.NewManPage(1, k.Model).
		WithSection("Files", "/etc/doorstation/config.yaml\n  The local file: everything the door alone can know. "+
			"/usr/share/doc/doorstation/examples/doorstation.example.yaml lists every key.\n\n"+
			"/etc/doorstation/token\n  The long-lived access token of the door's Home Assistant user, mode 0600, owner root.\n\n"+
			"/var/lib/doorstation\n  The last good settings, for a start without Home Assistant.\n\n"+
			"/run/doorstation/control.sock\n  The control socket of the running agent, for the group doorstation.").
		WithSection("Exit status", "0 when all went well, 1 when the command could not do its work, "+
			"78 when the command line or the local file is wrong.").
		WithSection("Environment", "DOORSTATION_TOKEN\n  The access token, looked at last.\n\n"+
			"CREDENTIALS_DIRECTORY, STATE_DIRECTORY, RUNTIME_DIRECTORY, NOTIFY_SOCKET, WATCHDOG_USEC\n  Set by systemd.").
		WithSection("Health", "With monitor.listen in the local file (127.0.0.1:9517 by default) the agent serves /healthz, /readyz and /metrics.")
	_, err := fmt.Fprint(e.stdout, page.Build(roff.NewDocument()))
	return err
}
