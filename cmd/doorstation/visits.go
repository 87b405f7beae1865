package main

import (
	"encoding/json"
	"fmt"

	"doorstation/internal/control"
)

type visitsCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the visits that the running agent remembers.
func (c *visitsCmd) Run(e *env) error {
	s, err := control.NewClient(c.path(e)).Status(e.ctx)
	if err != nil {
		return err
	}
	if !c.JSON {
		_, err = fmt.Fprint(e.stdout, s.VisitsText())
		return err
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(s.Visits)
}
