package gpio

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func (b *bench) changed() (all []string) {
	synctest.Wait()
	for {
		select {
		case c := <-b.Changes():
			all = append(all, fmt.Sprintf("%s %v", c.Name, c.On))
		default:
			return all
		}
	}
}

func porch() Config {
	c := door()
	c.Inputs = []InputConfig{{Name: "contact", Pin: Pin{Name: "GPIO24"}, Debounce: 100 * ms}}
	c.LEDs = []OutputConfig{{Pin: Pin{Name: "GPIO23"}}}
	return c
}

func TestAContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, porch())
		time.Sleep(time.Second)
		expect(t, "at the start", b.changed(), "contact true") // nothing pulls it down
		b.sim.SetLine("GPIO24", false)
		time.Sleep(99 * ms)
		b.sim.SetLine("GPIO24", true)
		time.Sleep(time.Second)
		expect(t, "a crackle", b.changed())
		b.sim.SetLine("GPIO24", false)
		at := time.Now()
		time.Sleep(100 * ms)
		synctest.Wait()
		if c := <-b.Changes(); c.On || !c.At.Equal(at) {
			t.Errorf("%+v, want it off since %v", c, at)
		}
		b.sim.Break("GPIO24", errGone)
		time.Sleep(time.Minute)
		expect(t, "faults", b.told(), "input contact: contact on GPIO24: no such device")
		if l := b.Levels().Inputs[0].Level; l != LevelFault {
			t.Errorf("it is %s", l)
		}
		b.sim.Break("GPIO24", nil)
		b.sim.SetLine("GPIO24", true)
		time.Sleep(retryEvery)
		expect(t, "faults", b.told(), "input contact: mended")
		time.Sleep(time.Second)
		expect(t, "what changed meanwhile", b.changed(), "contact true")
	})
}

func TestAnLED(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, porch())
		lit := func(want bool) {
			t.Helper()
			synctest.Wait()
			if b.sim.Level("GPIO23") != want {
				t.Errorf("lit: %v", !want)
			}
		}
		lit(false)
		b.ShowLED(0, PatternOn())
		lit(true)
		time.Sleep(time.Hour)
		lit(true)
		b.ShowLED(0, Pattern{100 * ms, 900 * ms})
		for range 10 {
			lit(true)
			time.Sleep(100 * ms)
			lit(false)
			time.Sleep(900 * ms)
		}
		b.ShowLED(0, PatternOff())
		lit(false)
		b.ShowLED(7, PatternOn()) // there is none
		b.ShowLED(0, PatternOn())
		lit(true)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		lit(false)
	})
}
