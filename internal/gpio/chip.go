package gpio

import "time"

// chip is the little the board needs of a machine's GPIO. Behind it are periph and the simulated chip.
type chip interface {
	// input takes a line as an input that tells edges.
	input(p Pin, pull Pull) (input, error)
	// output takes a line as an output that is at level high from the start.
	output(p Pin, high bool) (output, error)
}

// input is one line that is read by one goroutine.
type input interface {
	// wait waits for an edge, at most for limit, and tells whether there was one. Edges before the call count.
	wait(limit time.Duration) (edge bool, err error)
	// level reads the line.
	level() (high bool, err error)
	close() error
}

// output is one line that is driven.
type output interface {
	set(high bool) error
	close() error
}
