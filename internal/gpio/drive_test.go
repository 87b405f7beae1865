package gpio

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// lockIs asserts what the door's electrician would measure and what status tells.
func (b *bench) lockIs(t *testing.T, on bool) {
	t.Helper()
	synctest.Wait()
	want := map[bool]Level{true: LevelOn, false: LevelOff}[on]
	if l := b.Levels(); b.sim.Level("GPIO27") != on || l.Lock != want {
		t.Errorf("the lock's line is high: %v, status says %s; want on: %v", b.sim.Level("GPIO27"), l.Lock, on)
	}
}

func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		b.lockIs(t, false)
		if _, err := b.PulseLock(3 * time.Second); err != nil {
			t.Fatal(err)
		}
		b.lockIs(t, true)
		time.Sleep(3*time.Second - 1)
		b.lockIs(t, true)
		time.Sleep(time.Nanosecond)
		b.lockIs(t, false)
		time.Sleep(time.Hour)
		b.lockIs(t, false)
		if n := b.Levels().LockOpenings; n != 1 {
			t.Errorf("%d openings", n)
		}
	})
}

func TestPulseAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		for range 5 {
			if _, err := b.PulseLock(3 * time.Second); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			b.lockIs(t, true)
		}
		if _, err := b.PulseLock(200 * ms); err != nil { // the last one counts, also when it is shorter
			t.Fatal(err)
		}
		time.Sleep(200*ms - 1)
		b.lockIs(t, true)
		time.Sleep(time.Nanosecond)
		b.lockIs(t, false)
		if n := b.Levels().LockOpenings; n != 6 {
			t.Errorf("%d openings", n)
		}
	})
}

func TestPulseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		for _, d := range []time.Duration{0, -time.Second} {
			if _, err := b.PulseLock(d); err == nil {
				t.Errorf("a pulse of %s", d)
			}
		}
		b.lockIs(t, false)
		if _, err := b.PulseLock(24 * time.Hour); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.lockIs(t, false)
	})
}

func TestStopWhileTheDoorIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		if _, err := b.PulseLock(time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := b.SetLight(true); err != nil {
			t.Fatal(err)
		}
		if b.sim.Level("GPIO5") { // active low
			t.Error("the light is not on")
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		if b.sim.Level("GPIO27") || !b.sim.Level("GPIO5") {
			t.Error("an output is on after the end")
		}
		if _, err := b.PulseLock(time.Second); !errors.Is(err, ErrStopped) {
			t.Errorf("a pulse after the end: %v", err)
		}
		if err := b.SetLight(true); !errors.Is(err, ErrStopped) {
			t.Errorf("light after the end: %v", err)
		}
		if b.sim.Level("GPIO27") || !b.sim.Level("GPIO5") {
			t.Error("an output is on after the end")
		}
	})
}

// TestALockThatDoesNotClose: the write is repeated until it works, and everybody is told.
func TestALockThatDoesNotClose(t *testing.T) {
	for name, broken := range map[string]time.Duration{"for a moment": 300 * ms, "for a while": 30 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, door())
				if _, err := b.PulseLock(time.Second); err != nil {
					t.Fatal(err)
				}
				b.sim.Break("GPIO27", errGone)
				time.Sleep(time.Second)
				expect(t, "faults", b.told(), "lock : driving lock on GPIO27: no such device")
				if l := b.Levels(); l.Lock != LevelFault {
					t.Errorf("lock is %s", l.Lock)
				}
				if _, err := b.PulseLock(time.Second); !errors.Is(err, errGone) {
					t.Errorf("a pulse meanwhile: %v", err)
				}
				time.Sleep(broken)
				b.told() // the words may change when the line is taken anew
				b.sim.Break("GPIO27", nil)
				time.Sleep(retakeEvery)
				b.lockIs(t, false)
				expect(t, "faults", b.told(), "lock : mended")
				if _, err := b.PulseLock(time.Second); err != nil {
					t.Error(err)
				}
				b.lockIs(t, true)
				time.Sleep(time.Second)
				b.lockIs(t, false)
			})
		})
	}
}

// TestAPulseThatFails: a write that failed may have moved the line all the same, so it is switched off.
func TestAPulseThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		b.sim.Break("GPIO27", errGone)
		if _, err := b.PulseLock(time.Second); !errors.Is(err, errGone) {
			t.Errorf("pulse: %v", err)
		}
		b.sim.Break("GPIO27", nil)
		time.Sleep(hardPause)
		b.lockIs(t, false)
		if n := b.Levels().LockOpenings; n != 0 {
			t.Errorf("%d openings", n)
		}
	})
}

func TestALockThatDoesNotCloseAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		if _, err := b.PulseLock(time.Minute); err != nil {
			t.Fatal(err)
		}
		b.sim.Break("GPIO27", errGone)
		begin := time.Now()
		go func() {
			time.Sleep(500 * ms)
			b.sim.Break("GPIO27", nil)
		}()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		if b.sim.Level("GPIO27") {
			t.Error("the door stands open after the end")
		}
		if took := time.Since(begin); took > hardTries*hardPause {
			t.Errorf("the end took %s", took)
		}
	})
}

func TestALightWithoutItsLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		c := door()
		b.prepare(&c)
		b.Board = Open(c)
		b.sim = b.Simulated()
		b.sim.Break("GPIO5", errGone)
		b.start(t)
		expect(t, "faults", b.told(), "light : taking light on GPIO5: no such device")
		if err := b.SetLight(true); !errors.Is(err, errGone) {
			t.Errorf("light: %v", err)
		}
		b.sim.Break("GPIO5", nil)
		time.Sleep(retakeEvery)
		expect(t, "faults", b.told(), "light : mended")
		if b.sim.Level("GPIO5") {
			t.Error("the light that was wished for is not on")
		}
	})
}

// TestALockThatGoesWhileItRests is known before somebody stands at the door.
func TestALockThatGoesWhileItRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		time.Sleep(time.Hour + 500*ms) // between two refreshes
		b.sim.Break("GPIO27", errGone)
		time.Sleep(refreshEvery)
		expect(t, "faults", b.told(), "lock : driving lock on GPIO27: no such device")
		if l := b.Levels(); l.Lock != LevelFault {
			t.Errorf("lock is %s", l.Lock)
		}
		b.sim.Break("GPIO27", nil)
		time.Sleep(retakeEvery)
		b.lockIs(t, false)
		expect(t, "faults", b.told(), "lock : mended")
	})
}
