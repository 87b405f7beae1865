package gpio

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"doorstation/internal/gpio/guard"
)

// pressQueue is how many presses may wait to be taken.
const pressQueue = 16

// Board is the buttons and outputs.
type Board struct {
	config    Config
	open      func() (chip, error)
	simulated *SimulatedChip
	presses   chan Press
	lock      *driver // nil: absent
	guards    guards  // of the lock
	light     *driver
	leds      []*led
	buttons   []*inputState // as configured
	inputs    []*inputState
	changes   chan Change

	mu     sync.Mutex
	chip   string // as in Levels
	noChip error  // why it is absent
	count  uint64 // of presses

	faultMu sync.Mutex // held while OnFault is told, so that it is told in order
	faults  map[faultKey]string
}

type faultKey struct {
	part Part
	name string
}

// Open makes a board. Nothing is touched before [Board.Run], and missing hardware is no error: it is told by OnFault and tried
// again while the board runs. On the machine's own GPIO there is at most one board in a process.
func Open(c Config) *Board {
	if c.Simulated {
		sim := newSimulatedChip()
		b := newBoard(c, func() (chip, error) { return sim, nil })
		b.simulated = sim
		return b
	}
	h := newHeader(devices, c.Log)
	return newBoard(c, h.open)
}

func newBoard(c Config, open func() (chip, error)) *Board {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Buttons, c.Inputs, c.LEDs = slices.Clone(c.Buttons), slices.Clone(c.Inputs), slices.Clone(c.LEDs)
	b := &Board{config: c, open: open, guards: guards{commands: c.Guard, log: c.Log}, presses: make(chan Press, pressQueue),
		changes: make(chan Change, changeQueue), chip: chipAbsent, faults: map[faultKey]string{}}
	for _, bc := range c.Buttons {
		b.buttons = append(b.buttons, &inputState{InputState: InputState{Name: bc.Name, Level: LevelFault, Edges: proofOpen.String()}})
	}
	for _, ic := range c.Inputs {
		b.inputs = append(b.inputs, &inputState{InputState: InputState{Name: ic.Name, Level: LevelFault, Edges: proofOpen.String()}})
	}
	for _, oc := range c.LEDs {
		b.leds = append(b.leds, newLED(newDriver(PartLED, oc, c.Log, func(part Part, err error) { b.fault(part, oc.Pin.String(), err) })))
	}
	report := func(part Part, err error) { b.fault(part, "", err) }
	if c.Lock != nil {
		b.lock = newDriver(PartLock, *c.Lock, c.Log, report)
		if c.CoilFile != "" {
			b.lock.coil = newCoilMemory(c.CoilFile, c.Log)
		}
		b.lock.take = func(chip chip) (relay, error) { return b.takeLock(chip, *c.Lock) }
	}
	if c.Light != nil {
		b.light = newDriver(PartLight, *c.Light, c.Log, report)
	}
	return b
}

// takeLock takes the lock's line, by a guard where there is one. It is called with the lock's mutex held.
func (b *Board) takeLock(c chip, o OutputConfig) (relay, error) {
	h, real := c.(*header)
	if !real || len(b.config.Guard) == 0 {
		return plain(c, o)
	}
	path, line, err := h.line(o.Pin)
	if err != nil {
		return nil, err
	}
	held := guard.Config{Device: path, Line: line, ActiveLow: o.ActiveLow, Limit: b.lock.burn.Limit(), Warm: b.lock.burn.Warmth(time.Now())}
	return b.guards.start(held, b.lock.wake)
}

const (
	chipAbsent    = "absent"
	chipHeader    = "header"
	chipSimulated = "simulated"
)

// Run looks after the hardware until ctx is done and returns nil then. All outputs are off at that moment. It is called once.
func (b *Board) Run(ctx context.Context) error {
	c := b.findChip(ctx)
	if c == nil {
		return nil
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, o := range []*driver{b.lock, b.light} {
		if o != nil {
			all.Go(func() { o.run(ctx, c) })
		}
	}
	for _, l := range b.leds {
		all.Go(func() { l.driver.run(ctx, c) })
		all.Go(func() { l.run(ctx) })
	}
	for i, ic := range b.config.Inputs {
		all.Go(func() { b.watchInput(ctx, c, ic, b.inputs[i]) })
	}
	for i, bc := range b.config.Buttons {
		all.Go(func() { b.watchButton(ctx, c, bc, b.buttons[i]) })
	}
	<-ctx.Done()
	return nil
}

// findChip waits until there is a chip; nil: ctx was done before.
func (b *Board) findChip(ctx context.Context) chip {
	for {
		c, err := b.open()
		b.mu.Lock()
		b.noChip = err
		switch {
		case err != nil:
		case b.simulated != nil:
			b.chip = chipSimulated
		default:
			b.chip = chipHeader
		}
		b.mu.Unlock()
		b.fault(PartChip, "", err)
		if err == nil {
			return c
		}
		if !pause(ctx, retryEvery) {
			return nil
		}
	}
}

// Presses delivers the presses in the order they were made. The channel is never closed.
func (b *Board) Presses() <-chan Press { return b.presses }

// Changes delivers what the inputs say. The channel is never closed.
func (b *Board) Changes() <-chan Change { return b.changes }

// ShowLED lets an LED do something else, by its place in the configuration. One goroutine at a time may call it.
func (b *Board) ShowLED(i int, p Pattern) {
	if i >= 0 && i < len(b.leds) {
		b.leds[i].show(p)
	}
}

// Inject presses a button by its name, or with an empty name the first one, as the control socket does. It works without any
// hardware. [ErrNoSuchButton], [ErrQueueFull].
func (b *Board) Inject(button string) (Press, error) {
	for _, bc := range b.config.Buttons {
		if button == "" || bc.Name == button {
			return b.press(bc.Name, time.Now(), SourceControl)
		}
	}
	return Press{}, ErrNoSuchButton
}

// press numbers a press and hands it over.
func (b *Board) press(button string, at time.Time, from Source) (Press, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := Press{ID: b.count + 1, Button: button, At: at, Source: from}
	select {
	case b.presses <- p:
	default:
		return Press{}, ErrQueueFull
	}
	b.count++
	b.config.Log.Info("button pressed", "press", p.ID, "button", button, "source", from)
	return p, nil
}

// PulseLock energises the lock and returns at once; after d, or what it says instead, it is off again. Another pulse meanwhile begins anew.
// However many they are, the lock is never on for longer than its limit at a stretch, nor for more than a quarter of the time in the long
// run: it rests then ([ErrLimit]). [ErrAbsent], [ErrStopped], [ErrNoChip] or why the line cannot be driven.
func (b *Board) PulseLock(d time.Duration) (granted time.Duration, err error) {
	if b.lock == nil {
		return 0, ErrAbsent
	}
	granted, err = b.lock.pulse(d)
	return granted, b.why(err)
}

// ReleaseLock ends a pulse. Errors are those of PulseLock.
func (b *Board) ReleaseLock() error {
	if b.lock == nil {
		return ErrAbsent
	}
	return b.why(b.lock.release())
}

// SetLight switches the light. When its line cannot be driven now the wish is remembered and the error tells so.
// [ErrAbsent], [ErrStopped], [ErrNoChip] or why the line cannot be driven.
func (b *Board) SetLight(on bool) error {
	if b.light == nil {
		return ErrAbsent
	}
	return b.why(b.light.hold(on))
}

// why tells an output that waits for the chip from one that is not run.
func (b *Board) why(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(err, ErrStopped) && b.noChip != nil {
		return b.noChip
	}
	return err
}

// Levels is the board as it stands.
func (b *Board) Levels() Levels {
	b.mu.Lock()
	l := Levels{Chip: b.chip, Lock: LevelAbsent, Light: LevelAbsent}
	b.mu.Unlock()
	if b.lock != nil {
		l.Lock, l.LockOpenings = b.lock.state()
	}
	if b.light != nil {
		l.Light, _ = b.light.state()
	}
	for _, s := range b.buttons {
		l.Buttons = append(l.Buttons, s.get())
	}
	for _, s := range b.inputs {
		l.Inputs = append(l.Inputs, s.get())
	}
	for _, d := range b.leds {
		level, _ := d.driver.state()
		l.LEDs = append(l.LEDs, level)
	}
	return l
}

// Simulated is the simulated chip, nil when the machine's is used.
func (b *Board) Simulated() *SimulatedChip { return b.simulated }

// fault tells a change, once.
func (b *Board) fault(part Part, name string, err error) {
	b.faultMu.Lock()
	defer b.faultMu.Unlock()
	key := faultKey{part, name}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if b.faults[key] == text {
		return
	}
	b.faults[key] = text
	if err != nil {
		b.config.Log.Error("GPIO fault", "part", part, "name", name, "error", err)
	} else {
		b.config.Log.Info("GPIO works again", "part", part, "name", name)
	}
	if b.config.OnFault != nil {
		b.config.OnFault(Fault{Part: part, Name: name, Err: err})
	}
}
