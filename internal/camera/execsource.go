package camera

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// bitrateWord stands for the bit rate in the arguments of a command.
const bitrateWord = "{bitrate}"

// ErrNoCommand means that an exec source has no command to run.
var ErrNoCommand = errors.New("there is no command to run for the camera")

// NewExecSource returns a source that runs a command, with its arguments and without a shell, and takes H.264 (Annex B) from
// its standard output. The command is started when somebody watches, and is ended, with all processes it has started, when
// nobody does or when it stops delivering. It should write an IDR picture at least once a second: it cannot be asked for one.
//
// In its arguments {bitrate} stands for the bit rate of the run in bit/s; a command without it has one rate for ever.
//
// onFormat, which may be nil, is told when the stream is not what calls promise ([ErrFormat]), and nil when it is again; the
// pictures are sent in either case, because some far sides show them. It is called from within Run.
func NewExecSource(command []string, onFormat func(error)) Source {
	command = slices.Clone(command)
	return &child{
		name: "exec", onFormat: onFormat,
		oneBitrate: !slices.ContainsFunc(command, func(a string) bool { return strings.Contains(a, bitrateWord) }),
		argv: func(p Params) ([]string, error) {
			if len(command) == 0 || command[0] == "" {
				return nil, ErrNoCommand
			}
			argv := slices.Clone(command)
			for i := range argv {
				argv[i] = strings.ReplaceAll(argv[i], bitrateWord, strconv.Itoa(p.Bitrate))
			}
			return argv, nil
		},
	}
}
