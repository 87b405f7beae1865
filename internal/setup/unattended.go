package setup

import (
	"context"
	"image"
)

// Unattended is the person who is not there: every question is answered by its default, and one without is a [MissingError].
type Unattended struct {
	// Show prints what is told; nil prints nothing.
	Show func(style Style, text string)
}

var _ Person = Unattended{}

// Tell implements Person.
func (u Unattended) Tell(style Style, text string) {
	if u.Show != nil {
		u.Show(style, text)
	}
}

// Ask implements Person.
func (u Unattended) Ask(ctx context.Context, q Ask) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if q.Default == "" && !q.Optional {
		return "", &MissingError{q.Question, q.Flag}
	}
	if q.Check != nil && q.Default != "" {
		if err := q.Check(q.Default); err != nil {
			return "", err
		}
	}
	return q.Default, nil
}

// Choose implements Person.
func (u Unattended) Choose(ctx context.Context, q Choice) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if q.Default == NoDefault {
		return 0, &MissingError{q.Question, q.Flag}
	}
	return q.Default, nil
}

// ChooseSeveral implements Person.
func (u Unattended) ChooseSeveral(ctx context.Context, q Several) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var chosen []int
	for i, is := range q.Chosen {
		if is {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) < q.Least {
		return nil, &MissingError{q.Question, q.Flag}
	}
	return chosen, nil
}

// Confirm implements Person.
func (u Unattended) Confirm(ctx context.Context, q Confirm) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return q.Default, nil
}

// Wait implements Person.
func (u Unattended) Wait(ctx context.Context, text, hint string, work func(ctx context.Context, show func(string)) error) error {
	u.Tell(Faint, text)
	return work(ctx, func(string) {})
}

// Picture implements Person.
func (Unattended) Picture(image.Image) bool { return false }
