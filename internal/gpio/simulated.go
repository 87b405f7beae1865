package gpio

import (
	"fmt"
	"sync"
	"time"

	"doorstation/internal/gpio/uapi"
)

// SimulatedChip stands in for the machine's GPIO, for tests and for machines without any. Its lines have the names of their
// [Pin.String]; what nobody drives follows its pull. It is safe for concurrent use.
type SimulatedChip struct {
	mu    sync.Mutex
	lines map[string]*simLine
}

type simLine struct {
	high   bool
	driven bool // from outside
	taken  bool // by the board
	broken error
	edges  []edge
	lost   bool          // an edge found no room
	wake   chan struct{} // has room for one
}

func newSimulatedChip() *SimulatedChip { return &SimulatedChip{lines: map[string]*simLine{}} }

// SetLine sets the level that the outside gives to a line.
func (c *SimulatedChip) SetLine(name string, high bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.line(name)
	l.driven = true
	l.change(high)
}

// Level is the level of a line, whoever drives it.
func (c *SimulatedChip) Level(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.line(name).high
}

// Break makes every use of a line fail with err, as a cable or a chip that is gone; nil mends it.
func (c *SimulatedChip) Break(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.line(name)
	l.broken = err
	l.tell() // who waits notices
}

// line is called with the mutex held.
func (c *SimulatedChip) line(name string) *simLine {
	l := c.lines[name]
	if l == nil {
		l = &simLine{wake: make(chan struct{}, 1)}
		c.lines[name] = l
	}
	return l
}

func (l *simLine) change(high bool) {
	if l.high != high {
		l.high = high
		if len(l.edges) < uapi.EventBuffer {
			l.edges = append(l.edges, edge{at: time.Now(), high: high, lost: l.lost})
			l.lost = false
		} else {
			l.lost = true
		}
		l.tell()
	}
}

func (l *simLine) tell() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (c *SimulatedChip) take(p Pin) (*simLine, error) {
	l := c.line(p.String())
	switch {
	case l.broken != nil:
		return nil, l.broken
	case l.taken:
		return nil, fmt.Errorf("gpio: line %s is in use", p)
	}
	l.taken = true
	return l, nil
}

func (c *SimulatedChip) input(p Pin, pull Pull) (input, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := c.take(p)
	if err != nil {
		return nil, err
	}
	if !l.driven {
		l.high = pull == PullUp
	}
	l.edges = nil // a line that is requested anew begins without edges
	return &simPort{chip: c, line: l}, nil
}

func (c *SimulatedChip) output(p Pin, high bool) (output, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := c.take(p)
	if err != nil {
		return nil, err
	}
	l.change(high)
	return &simPort{chip: c, line: l}, nil
}

// simPort is the board's end of a line.
type simPort struct {
	chip *SimulatedChip
	line *simLine
}

func (p *simPort) wait(limit time.Duration) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		p.chip.mu.Lock()
		ready, err := len(p.line.edges) > 0, p.line.broken
		p.chip.mu.Unlock()
		if ready || err != nil {
			return err
		}
		select {
		case <-p.line.wake:
		case <-t.C:
			return nil
		}
	}
}

func (p *simPort) edges() ([]edge, error) {
	p.chip.mu.Lock()
	defer p.chip.mu.Unlock()
	all := p.line.edges
	p.line.edges = nil
	return all, p.line.broken
}

func (p *simPort) prove() (proof, error) { return proofGiven, nil }

func (p *simPort) level() (bool, error) {
	p.chip.mu.Lock()
	defer p.chip.mu.Unlock()
	return p.line.high, p.line.broken
}

// Set drives the line.
func (p *simPort) Set(high bool) error {
	p.chip.mu.Lock()
	defer p.chip.mu.Unlock()
	if p.line.broken != nil {
		return p.line.broken
	}
	p.line.change(high)
	return nil
}

// Close gives the line back.
func (p *simPort) Close() error { return p.close() }

func (p *simPort) close() error {
	p.chip.mu.Lock()
	defer p.chip.mu.Unlock()
	p.line.taken = false
	return nil
}
