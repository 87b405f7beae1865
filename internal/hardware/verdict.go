package hardware

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"doorstation/internal/health"
	"doorstation/internal/machine"
)

// Verdict is how one part of the machine was found.
type Verdict struct {
	// Name is the part's: disk, memory, power, temperature, clock; Title is for people.
	Name, Title string
	// Code is what is wrong; empty: nothing. Note: nothing is wrong, and it is worth knowing all the same.
	Code health.Code
	Note bool
	// Found is what was found, Data the figures.
	Found string
	Data  any
}

// MachineOptions are what [LookAtMachine] may be given.
type MachineOptions struct {
	Machine machine.Machine
	// StateDir is where the agent keeps things; its file system is looked at. Empty: none is.
	StateDir string
}

// The limits of what is a fault.
const (
	leastDisk   = 64 << 20
	leastInodes = 1000
	// leastMemory is what must be available, and leastMemoryShare the part of all memory that is enough in any case.
	leastMemory      = 48 << 20
	leastMemoryShare = 0.1
	// hotDegrees is where a Raspberry Pi begins to slow its processor down, warmDegrees what is worth knowing.
	hotDegrees, warmDegrees = 80, 70
	// clockPatience is what a machine has after its start to set its clock.
	clockPatience = 15 * time.Minute
)

// LookAtMachine looks at power, temperature, clock, disk and memory. It costs a few reads of the kernel's files and writes nothing. What
// the machine does not tell is left out.
func LookAtMachine(o MachineOptions) []Verdict {
	var all []Verdict
	for _, look := range []func(MachineOptions) (Verdict, bool){lookPower, lookTemperature, lookClock, lookDisk, lookMemory} {
		if v, known := look(o); known {
			all = append(all, v)
		}
	}
	return all
}

// MachineCodes are the faults that [LookAtMachine] may find.
func MachineCodes() []health.Code {
	return []health.Code{
		health.CodeUnderVoltage, health.CodeTooHot, health.CodeClockWrong, health.CodeDiskFull, health.CodeDiskReadOnly, health.CodeDiskErrors,
		health.CodeMemoryLow,
	}
}

func lookPower(o MachineOptions) (Verdict, bool) {
	p, err := o.Machine.Power()
	return PowerVerdict(p), err == nil
}

// PowerVerdict judges how a Raspberry Pi is fed.
func PowerVerdict(p machine.Power) Verdict {
	v := Verdict{Name: "power", Title: "Power", Data: p, Found: "the supply is strong enough"}
	switch {
	case p.UnderVoltage:
		v.Code, v.Found = health.CodeUnderVoltage, "the voltage is below 4.63 V now, or was within the last seconds"
	case p.UnderVoltageSeen:
		v.Code, v.Found = health.CodeUnderVoltage, "the voltage was below 4.63 V at some time since the start"
	case p.Throttled:
		v.Note, v.Found = true, "the processor is slowed down now, as it does when it is hot"
	case p.ThrottledSeen:
		v.Note, v.Found = true, "the voltage is right; the processor was slowed down at some time since the start, as it does when it is hot"
	}
	if p.Bits > 0 {
		v.Found += fmt.Sprintf(" (get_throttled: 0x%x)", p.Bits)
	}
	return v
}

func lookTemperature(o MachineOptions) (Verdict, bool) {
	degrees, err := o.Machine.Temperature()
	type data struct {
		Celsius float64 `json:"celsius"`
	}
	v := Verdict{Name: "temperature", Title: "Temperature", Found: fmt.Sprintf("the processor has %.0f °C", degrees), Data: data{degrees}}
	switch {
	case degrees >= hotDegrees:
		v.Code = health.CodeTooHot
	case degrees >= warmDegrees:
		v.Note, v.Found = true, v.Found+fmt.Sprintf(": from %d °C on it is slowed down", hotDegrees)
	}
	return v, err == nil
}

func lookClock(o MachineOptions) (Verdict, bool) {
	c, err := o.Machine.Clock()
	v := Verdict{Name: "clock", Title: "Clock", Data: c, Found: "kept right by a time server"}
	if err != nil || c.Synchronised {
		return v, err == nil
	}
	v.Found = "no time server keeps it right"
	if up, upErr := o.Machine.Uptime(); upErr != nil || up >= clockPatience {
		v.Code = health.CodeClockWrong
	} else {
		v.Note, v.Found = true, v.Found+" yet"
	}
	return v, true
}

func lookDisk(o MachineOptions) (Verdict, bool) {
	if o.StateDir == "" {
		return Verdict{}, false
	}
	d, err := o.Machine.Disk(o.StateDir)
	if err != nil {
		return Verdict{}, false
	}
	v := Verdict{Name: "disk", Title: "Disk", Data: d, Found: fmt.Sprintf("%s free of %s (%s)", size(d.Free), size(d.Total), d.Dir)}
	worn := o.Machine.DiskErrors()
	switch {
	case d.ReadOnly:
		v.Code, v.Found = health.CodeDiskReadOnly, d.Dir+" is on a file system that cannot be written to"
	case d.Free < min(leastDisk, d.Total/10) || d.Inodes > 0 && d.Left < min(leastInodes, d.Inodes/10):
		v.Code = health.CodeDiskFull
		if d.Inodes > 0 {
			v.Found += fmt.Sprintf(", room for %d files", d.Left)
		}
	case len(worn) > 0:
		v.Code = health.CodeDiskErrors
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(worn)) {
			parts = append(parts, fmt.Sprintf("%d errors on %s", worn[name], name))
		}
		v.Found = "the kernel has counted " + strings.Join(parts, ", ")
	}
	return v, true
}

func lookMemory(o MachineOptions) (Verdict, bool) {
	m, err := o.Machine.Memory()
	v := Verdict{Name: "memory", Title: "Memory", Data: m, Found: fmt.Sprintf("%s available of %s", size(m.Available), size(m.Total))}
	if m.Available < leastMemory && float64(m.Available) < leastMemoryShare*float64(m.Total) {
		v.Code = health.CodeMemoryLow
	}
	return v, err == nil
}

// LoadVerdict judges how busy the processors are: it is worth knowing and no fault.
func LoadVerdict(m machine.Machine) (Verdict, bool) {
	l, err := m.Load(runtime.NumCPU())
	if err != nil {
		return Verdict{}, false
	}
	v := Verdict{Name: "load", Title: "Processor", Data: l, Found: fmt.Sprintf("load %.1f on %d processors", l.Five, l.Processors)}
	if l.Five > float64(l.Processors) {
		v.Note, v.Found = true, v.Found+": more is wanted of them than they have, which the picture will show"
	}
	return v, true
}

// size is a number of bytes for people.
func size(bytes uint64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GB", bytes>>30)
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(bytes)/(1<<30))
	default:
		return fmt.Sprintf("%d MB", bytes>>20)
	}
}
