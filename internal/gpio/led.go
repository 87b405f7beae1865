package gpio

import (
	"context"
	"time"
)

// Pattern is what an LED does: on and off for these times in turn, beginning with on, again and again. None: it is off; one: it is on.
type Pattern []time.Duration

// PatternOff is dark.
func PatternOff() Pattern { return nil }

// PatternOn is lit.
func PatternOn() Pattern { return Pattern{time.Second} }

// led blinks an output.
type led struct {
	driver *driver
	change chan Pattern // has room for one, the newest
}

func newLED(d *driver) *led { return &led{driver: d, change: make(chan Pattern, 1)} }

// show changes the pattern. Only one goroutine may call it.
func (l *led) show(p Pattern) {
	select {
	case <-l.change: // one that was not begun
	default:
	}
	l.change <- p
}

// run blinks until ctx is done.
func (l *led) run(ctx context.Context) {
	var p Pattern
	for step := 0; ; step++ {
		on := len(p) > 0 && step%2 == 0
		// A line that cannot be driven is told by its driver, and made right as soon as it can.
		_ = l.driver.hold(on)
		var next <-chan time.Time
		t := time.NewTimer(time.Hour)
		if len(p) > 1 {
			t.Reset(p[step%len(p)])
			next = t.C
		}
		select {
		case p = <-l.change:
			step = -1
		case <-next:
		case <-ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}
