package setup

import (
	"context"
	"errors"
	"fmt"
	"image"
)

var (
	// ErrStopped says that the person gave up (Ctrl-C, or the end of the input).
	ErrStopped = errors.New("setup was stopped")
	// ErrSkipped is what [Person.Wait] returns when the person did not want to wait any longer.
	ErrSkipped = errors.New("skipped")
	// ErrMissing says that nobody is there to answer a question that has no default. It is wrapped by a [MissingError].
	ErrMissing = errors.New("an answer is missing")
)

// MissingError names what was not said on the command line.
type MissingError struct {
	// Question is what a person would have been asked.
	Question string
	// Flag is what to add, such as "--call 101,102".
	Flag string
}

// Error implements error.
func (e *MissingError) Error() string { return fmt.Sprintf("%s Say it with %s.", e.Question, e.Flag) }

// Unwrap makes it an ErrMissing.
func (e *MissingError) Unwrap() error { return ErrMissing }

// Style is how a line is meant.
type Style int

// The styles.
const (
	Plain   Style = iota
	Heading       // of a step
	Good          // something works
	Warning       // something is worth a thought
	Bad           // something does not work
	Faint         // by the way
	Copy          // to be copied as it is: never broken, nothing before it
	Added         // a line of a file that comes
	Removed       // a line of a file that goes
)

// Ask is a question that is answered by a line of text.
type Ask struct {
	// Question ends with a question mark or a full stop.
	Question string
	// Default is the answer to an empty line.
	Default string
	// Secret is typed unseen, and never shown.
	Secret bool
	// Optional lets the answer be empty.
	Optional bool
	// Check says what is wrong with an answer; nil: nothing is.
	Check func(string) error
	// Flag says it on the command line; see MissingError.
	Flag string
}

// Choice is a question with listed answers.
type Choice struct {
	Question string
	Options  []string
	// Default is the index of the answer to an empty line, or NoDefault.
	Default int
	Flag    string
}

// NoDefault is the Default of a Choice that the person must make.
const NoDefault = -1

// Several is a question with listed answers of which any number may be taken.
type Several struct {
	Question string
	Options  []string
	// Chosen are the answers to an empty line.
	Chosen []bool
	// Least is how many must be taken.
	Least int
	Flag  string
}

// Confirm is a question for yes or no.
type Confirm struct {
	Question string
	Default  bool
}

// Person answers. Every method returns [ErrStopped], or the context's error, when the conversation is over.
type Person interface {
	// Tell shows a text of one or more lines.
	Tell(style Style, text string)
	// Ask returns a line without spaces around it.
	Ask(ctx context.Context, q Ask) (string, error)
	// Choose returns an index of Options.
	Choose(ctx context.Context, q Choice) (int, error)
	// ChooseSeveral returns ascending indexes of Options.
	ChooseSeveral(ctx context.Context, q Several) ([]int, error)
	// Confirm returns true for yes.
	Confirm(ctx context.Context, q Confirm) (bool, error)
	// Wait does work while text stands there. What work shows replaces what it has shown before, on one line. With a hint, such as "Enter:
	// leave it out", the person may end the work: its context ends, and when it has returned, Wait returns ErrSkipped. Else it returns
	// work's error.
	Wait(ctx context.Context, text, hint string, work func(ctx context.Context, show func(string)) error) error
	// Picture shows a picture as well as can be, and reports whether it could.
	Picture(img image.Image) bool
}
