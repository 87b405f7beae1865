package setup_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorstation/internal/setup"
)

// asleep is a person who does not answer a question that begins so.
type asleep struct {
	*person
	at string
}

func (p *asleep) Confirm(ctx context.Context, q setup.Confirm) (bool, error) {
	if !strings.HasPrefix(q.Question, p.at) {
		return p.person.Confirm(ctx, q)
	}
	<-ctx.Done()
	return false, setup.ErrStopped
}

// TestNobodysSilenceKeepsTheBellDead: the line to the terminal may be dead without a sign; the agent is not stopped for the night.
func TestNobodysSilenceKeepsTheBellDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := pi()
		m.running = true
		p := &asleep{&person{t: t, answers: usual()}, "Is there a relay"}
		began := time.Now()
		err := setup.Run(t.Context(), parts(p, household(), m), setup.Options{})
		if waited := time.Since(began); waited != 20*time.Minute {
			t.Errorf("it waited %v", waited)
		}
		if !errors.Is(err, setup.ErrStopped) || len(m.written) > 0 || !slices.Equal(m.log, []string{"stop", "start"}) {
			t.Errorf("%v; %q; written: %+v", err, m.log, m.written)
		}
		if !p.heard("Nobody has answered for 20 minutes") || !p.heard("started again") {
			t.Errorf("it says %q", p.told)
		}
	})
}
