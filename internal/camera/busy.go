package camera

import (
	"errors"
	"fmt"
	"strings"
)

// Explain gives an error of a run its name where only the words of a camera's program have it: libcamera's programs say nothing by their
// exit status.
func Explain(err error) error {
	if err == nil || errors.Is(err, ErrCameraBusy) || errors.Is(err, ErrNoCamera) || errors.Is(err, ErrCameraPermission) {
		return err
	}
	text := strings.ToLower(err.Error())
	for _, row := range []struct {
		says  string
		means error
	}{
		{"in use by another process", ErrCameraBusy}, {"failed to acquire camera", ErrCameraBusy}, {"device or resource busy", ErrCameraBusy},
		{"no cameras available", ErrNoCamera},
	} {
		if strings.Contains(text, row.says) {
			return fmt.Errorf("%w: %w", row.means, err)
		}
	}
	return err
}
