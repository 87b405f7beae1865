package gpio

import (
	"context"
	"time"
)

// Board is the buttons and outputs.
type Board struct {
	config  Config
	presses chan Press
}

// Open makes a board.
func Open(c Config) *Board { return &Board{config: c, presses: make(chan Press, 16)} }

// Run works until ctx is done.
func (b *Board) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Presses delivers the presses.
func (b *Board) Presses() <-chan Press { return b.presses }

// Inject presses a button by name.
func (b *Board) Inject(button string) (Press, error) { return Press{}, ErrNoSuchButton }

// PulseLock opens the door.
func (b *Board) PulseLock(d time.Duration) error { return ErrStopped }

// SetLight switches the light.
func (b *Board) SetLight(on bool) error { return ErrStopped }

// Levels is the board as it stands.
func (b *Board) Levels() Levels { return Levels{} }

// Simulated is the simulated chip, nil when the machine's is used.
func (b *Board) Simulated() *SimulatedChip { return nil }
