// Package gpio reads the bell buttons and drives the lock and the light, on the kernel's GPIO character device through
// periph, or on a simulated chip for machines without GPIO.
//
// Hardware that is missing is a state and no failure to start: it is told by [Config.OnFault] and tried again.
package gpio

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"doorstation/internal/gpio/guard"
)

var (
	// ErrNoSuchButton is given for a press of a button that is not configured.
	ErrNoSuchButton = errors.New("gpio: there is no such button")
	// ErrNoChip says that the machine's GPIO cannot be used at all.
	ErrNoChip = errors.New("gpio: no GPIO chip can be used")
	// ErrNoPin says that the chip has no such line.
	ErrNoPin = errors.New("gpio: there is no such line")
	// ErrAbsent is given for an output that is not configured.
	ErrAbsent = errors.New("gpio: this output is not configured")
	// ErrLimit is given for a pulse while the lock has to rest.
	ErrLimit = guard.ErrLimit
	// ErrStopped is given for an output when the board is not running (any more).
	ErrStopped = errors.New("gpio: the board is not running")
	// ErrStuck is the fault of a button that is held longer than anybody presses a bell.
	ErrStuck = errors.New("gpio: the button is stuck: it has been held for more than 30 seconds")
	// ErrNoEdges is the fault of a line whose level changes without an edge: it is read many times a second instead.
	ErrNoEdges = errors.New("gpio: the kernel tells no edges of this line; it is read every few milliseconds instead")
	// ErrNoisy is the fault of a line that changes as no contact does.
	ErrNoisy = errors.New("gpio: the line changes thousands of times a second: a cable without its pull, or a source of interference")
	// ErrQueueFull says that nobody takes the presses.
	ErrQueueFull = errors.New("gpio: too many presses wait to be handled")
)

// Pull is the bias of an input.
type Pull int

const (
	// PullUp draws an open line high.
	PullUp Pull = iota
	// PullDown draws an open line low.
	PullDown
	// PullNone leaves it to the circuit.
	PullNone
)

// Pin names a line: by the kernel's name or the Pi's BCM name in Name ("GPIO17"), or by Chip ("gpiochip0" or a chip's label)
// and Line.
type Pin struct {
	Name string
	Chip string
	Line int
}

// String is the pin as a person would write it.
func (p Pin) String() string {
	if p.Name != "" {
		return p.Name
	}
	return fmt.Sprintf("%s:%d", p.Chip, p.Line)
}

// ButtonConfig is one bell button.
type ButtonConfig struct {
	Name string
	Pin  Pin
	// ActiveLow: the line is low while the button is pressed.
	ActiveLow bool
	Pull      Pull
	// Debounce is how long the level must stay before it counts, Hold how long a press must last at least (to within a fifth).
	Debounce, Hold time.Duration
}

// OutputConfig is the lock or the light.
type OutputConfig struct {
	Pin Pin
	// ActiveLow: the line is low while the output is on.
	ActiveLow bool
	// Limit is the longest time at a stretch that the lock is on, however it is asked for; not positive: a minute.
	Limit time.Duration
}

// GuardCommands are commands that run [guard.Run] when they are given the flags of a [guard.Config]: the preferred one first. Another
// one is taken when those before it can't be run or are no guards.
type GuardCommands [][]string

// Config is the whole board.
type Config struct {
	// Simulated takes the simulated chip instead of the machine's.
	Simulated   bool
	Buttons     []ButtonConfig
	Inputs      []InputConfig
	Lock, Light *OutputConfig // nil: absent
	LEDs        []OutputConfig
	// Guard is what holds the lock's line of the machine's own GPIO; empty: this process does.
	Guard GuardCommands
	// CoilFile is where the next board finds how long the lock was energised altogether, so that its coil rests after a restart, too. It
	// is to be in a directory that the machine's start empties, like /run; empty: each board begins with a cold coil.
	CoilFile string
	Log      *slog.Logger
	// OnFault is told of every change, one at a time, from the board's goroutines; it must not call the board. May be nil.
	OnFault func(Fault)
}

// Part is what a fault is about.
type Part string

const (
	// PartChip is the machine's GPIO as a whole.
	PartChip Part = "chip"
	// PartButton is one button; the fault's Name says which.
	PartButton Part = "button"
	// PartLock is the lock's output.
	PartLock Part = "lock"
	// PartLight is the light's output.
	PartLight Part = "light"
	// PartLED is the output of an LED; the fault's Name is its pin.
	PartLED Part = "LED"
	// PartInput is one input; the fault's Name says which.
	PartInput Part = "input"
)

// Fault is a part that does not work, or, with Err nil, works again.
type Fault struct {
	Part Part
	Name string
	Err  error
}

// Source is where a press came from.
type Source string

const (
	// SourceGPIO is a finger on the button.
	SourceGPIO Source = "gpio"
	// SourceControl is the control socket.
	SourceControl Source = "control"
)

// Press is one press of a button. IDs count up from 1 over all buttons.
type Press struct {
	ID     uint64
	Button string
	// At is when the button went down, as near as can be known.
	At     time.Time
	Source Source
}

// Level is the state of an output.
type Level string

const (
	// LevelOn means energised.
	LevelOn Level = "on"
	// LevelOff means not energised.
	LevelOff Level = "off"
	// LevelAbsent means not configured.
	LevelAbsent Level = "absent"
	// LevelFault means that the line cannot be driven.
	LevelFault Level = "fault"
)

// Levels is the board at one moment.
type Levels struct {
	// Chip is "header", "simulated" or, while no chip can be used, "absent".
	Chip        string
	Lock, Light Level
	// LockOpenings counts the pulses that were asked for and begun.
	LockOpenings int
	// Buttons and Inputs as configured.
	Buttons, Inputs []InputState
	// LEDs as configured: on or off at this moment.
	LEDs []Level
}
