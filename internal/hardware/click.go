package hardware

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorstation/internal/gpio"
	"doorstation/internal/settings"
)

// Output is an output of the local file, or one that is to be in it.
type Output struct {
	Pin settings.Pin
	// Active is the level that switches it on, "low" or "high".
	Active string
	// Limit is the longest time that it may be on; not positive: a minute.
	Limit time.Duration
	// Guard is how the process is started that holds the line and switches off whatever becomes of this one;
	// empty: this process holds it.
	Guard gpio.GuardCommands
}

const (
	// ShortClick shows that a relay moves or a lamp is lit.
	ShortClick = time.Second
	// mostClick bounds a click: it shows that the relay moves, and opens no door for long.
	mostClick = 10 * time.Second
	// clickReady is how long the line may take to be taken.
	clickReady = 5 * time.Second
	clickLook  = 10 * time.Millisecond
)

// ErrNotSwitched means that an output could not be switched; the reason follows.
var ErrNotSwitched = errors.New("the output was not switched")

// Click switches an output on for a time, at most ten seconds, and off again; it returns when it is off, as it is when ctx ends before. Who
// calls it has asked a person first.
func Click(ctx context.Context, out Output, length time.Duration) error {
	length = min(length, mostClick)
	if out.Limit > 0 {
		length = min(length, out.Limit)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var fault lastFault
	board := gpio.Open(gpio.Config{
		Lock:  &gpio.OutputConfig{Pin: gpio.Pin(out.Pin), ActiveLow: out.Active == "low", Limit: out.Limit},
		Guard: out.Guard, OnFault: fault.take,
	})
	ended := make(chan error, 1)
	go func() { ended <- board.Run(run) }()
	err := click(ctx, board, &fault, length)
	cancel() // the board switches off what is still on
	return errors.Join(err, <-ended)
}

// click waits for the line, switches and waits for the end.
func click(ctx context.Context, board *gpio.Board, fault *lastFault, length time.Duration) error {
	until := func(limit time.Duration, done func() bool) error {
		end := time.NewTimer(limit)
		defer end.Stop()
		look := time.NewTicker(clickLook)
		defer look.Stop()
		for !done() {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-end.C:
				return fmt.Errorf("%w: %w", ErrNotSwitched, fault.get())
			case <-look.C:
				if err := fault.get(); !errors.Is(err, errNoAnswer) {
					return fmt.Errorf("%w: %w", ErrNotSwitched, err)
				}
			}
		}
		return nil
	}
	if err := until(clickReady, func() bool { return board.Levels().Lock == gpio.LevelOff }); err != nil {
		return err
	}
	if _, err := board.PulseLock(length); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSwitched, err)
	}
	return until(length+clickReady, func() bool { return board.Levels().Lock == gpio.LevelOff })
}
