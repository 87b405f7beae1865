package gpio

import (
	"errors"
	"fmt"
)

// Safe drives outputs of the machine's GPIO off, once. What another program holds, the agent for instance, is left alone and is an error,
// as is whatever else went wrong; the others are off all the same.
func Safe(outputs []OutputConfig) error {
	if len(outputs) == 0 {
		return nil
	}
	c, err := newHeader(devices, nil).open()
	if err != nil {
		return err
	}
	for _, o := range outputs {
		line, takeErr := c.output(o.Pin, o.ActiveLow)
		if takeErr == nil {
			takeErr = line.Close()
		}
		if takeErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", o.Pin, takeErr))
		}
	}
	return err
}
