package hardware

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Quietly does work while file descriptor 2 leads nowhere: sound system and encoders, which are C, complain there, in the midst of a
// question or a report. Nothing of this program's own is said there meanwhile.
func Quietly(work func() error) (err error) {
	const stderr = 2
	kept, err := unix.FcntlInt(stderr, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return work() // nobody listens there anyway
	}
	defer func() {
		if backErr := errors.Join(unix.Dup3(kept, stderr, 0), unix.Close(kept)); backErr != nil {
			err = errors.Join(err, fmt.Errorf("the standard error: %w", backErr))
		}
	}()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return work() //nolint:nilerr // without it there is noise, no more
	}
	err = unix.Dup3(int(null.Fd()), stderr, 0)
	return errors.Join(err, work(), null.Close())
}
