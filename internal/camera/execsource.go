package camera

import (
	"errors"
	"slices"
)

// ErrNoCommand means that an exec source has no command to run.
var ErrNoCommand = errors.New("there is no command to run for the camera")

// NewExecSource returns a source that runs a command, with its arguments and without a shell, and takes H.264 (Annex B) from
// its standard output. The command is started when somebody watches, and is ended, with all processes it has started, when
// nobody does or when it stops delivering. It should write an IDR picture at least once a second: it cannot be asked for one.
//
// onFormat, which may be nil, is told when the stream is not what calls promise ([ErrFormat]), and nil when it is again; the
// pictures are sent in either case, because some far sides show them. It is called from within Run.
func NewExecSource(command []string, onFormat func(error)) Source {
	command = slices.Clone(command)
	return &child{
		name: "exec", onFormat: onFormat,
		argv: func(Params) ([]string, error) {
			if len(command) == 0 || command[0] == "" {
				return nil, ErrNoCommand
			}
			return command, nil
		},
	}
}
