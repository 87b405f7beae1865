package gpio

import "time"

// relay is an output as its driver sees it: energised or not.
type relay interface {
	// on energises it; whatever stands behind may see to it that it is off again after limit.
	on(limit time.Duration) error
	off() error
	// failed tells of a relay that broke by itself since.
	failed() error
	close() error
}

// plainRelay is a line of this process.
type plainRelay struct {
	line      output
	activeLow bool
}

func (r *plainRelay) on(time.Duration) error { return r.line.Set(!r.activeLow) }
func (r *plainRelay) off() error             { return r.line.Set(r.activeLow) }
func (r *plainRelay) failed() error          { return nil }
func (r *plainRelay) close() error           { return r.line.Close() }

// plain takes a line of this process, off.
func plain(c chip, o OutputConfig) (relay, error) {
	line, err := c.output(o.Pin, o.ActiveLow)
	if err != nil {
		return nil, err
	}
	return &plainRelay{line, o.ActiveLow}, nil
}
