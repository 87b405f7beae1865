package setup

import (
	"context"
	"errors"
	"time"
)

// unanswered is how long a question may stand while the agent is stopped for it: a line to a terminal may be dead for hours before the machine
// notices, and the bell with it.
const unanswered = 20 * time.Minute

var errNobody = errors.New("nobody answers")

// present is a person who is not waited for for ever while the bell is dead.
type present struct {
	Person
	dead func() bool // the agent is stopped
}

// limited asks something, for some time.
func limited[T any](p present, ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	if !p.dead() {
		return ask(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, unanswered, errNobody)
	defer cancel()
	answer, err := ask(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errNobody) {
		p.Tell(Warning, "Nobody has answered for 20 minutes, and the bell is dead meanwhile.")
		err = ErrStopped
	}
	return answer, err
}

// Ask implements Person.
func (p present) Ask(ctx context.Context, q Ask) (string, error) {
	return limited(p, ctx, func(ctx context.Context) (string, error) { return p.Person.Ask(ctx, q) })
}

// Choose implements Person.
func (p present) Choose(ctx context.Context, q Choice) (int, error) {
	return limited(p, ctx, func(ctx context.Context) (int, error) { return p.Person.Choose(ctx, q) })
}

// ChooseSeveral implements Person.
func (p present) ChooseSeveral(ctx context.Context, q Several) ([]int, error) {
	return limited(p, ctx, func(ctx context.Context) ([]int, error) { return p.Person.ChooseSeveral(ctx, q) })
}

// Confirm implements Person.
func (p present) Confirm(ctx context.Context, q Confirm) (bool, error) {
	return limited(p, ctx, func(ctx context.Context) (bool, error) { return p.Person.Confirm(ctx, q) })
}

// Wait implements Person. What has a hint waits for the person.
func (p present) Wait(ctx context.Context, text, hint string, work func(ctx context.Context, show func(string)) error) error {
	if hint == "" {
		return p.Person.Wait(ctx, text, hint, work)
	}
	_, err := limited(p, ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.Person.Wait(ctx, text, hint, work) })
	return err
}
