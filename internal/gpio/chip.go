package gpio

import (
	"time"

	"doorstation/internal/gpio/guard"
)

// chip is the little the board needs of a machine's GPIO. Behind it are the kernel's character device and the simulated chip.
type chip interface {
	// input takes a line as an input that tells edges.
	input(p Pin, pull Pull) (input, error)
	// output takes a line as an output that is at level high from the start.
	output(p Pin, high bool) (output, error)
}

// edge is a change of a line's level.
type edge struct {
	at time.Time // when it happened, not when it was read
	// high is the level after it, as near as the kernel knows: two edges in quick succession may tell the same.
	high bool
	lost bool // edges before it were not kept
}

// proof is what is known of a line's edges.
type proof int

const (
	// proofOpen: nothing could be found out without a finger, as with a resistor outside.
	proofOpen proof = iota
	// proofGiven: an edge was made and arrived.
	proofGiven
	// proofFailed: the level changed and no edge was told.
	proofFailed
)

// input is one line that is read by one goroutine.
type input interface {
	// wait waits for an edge, at most for limit. Edges before the call count.
	wait(limit time.Duration) error
	// edges takes those there are, in order, without waiting.
	edges() ([]edge, error)
	// level reads the line.
	level() (high bool, err error)
	// prove finds out whether an edge arrives. Edges meanwhile may be lost; it is called before the line is watched.
	prove() (proof, error)
	close() error
}

// output is one line that is driven.
type output interface{ guard.Line }
