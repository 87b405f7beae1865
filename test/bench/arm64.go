package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"

	"doorstation/test/lab"
)

const aboutARM64 = `The agent's own work built for the processors of the Raspberry Pi (arm64) and run by qemu, which counts instructions: time on an emulated
processor says nothing. Each line is the difference between two runs of different length, by the number of times. Times the rate of the work (30 pictures, 50
frames of sound, some 200 packets at 1.5 Mbit/s) it tells what a core must do in a second; that of a Zero 2 W has 1,000 million cycles. The chips
of the Pi 0 to 4 have no instructions for AES and SHA, that of the Pi 5 has.`

// errCount is what counting instructions fails with.
var errCount = errors.New("instructions can't be counted")

// armWork is a piece of work of program count, and how often it is done in the two runs.
type armWork struct {
	name, work  string
	short, long int
	plain       bool // without instructions for AES and SHA
}

// armWorks are what is counted.
func armWorks() []armWork {
	return []armWork{
		{"drawing a test card, 640x480", "draw-vga", 20, 100, false},
		{"drawing and encoding it, 640x480@15, 600 kbit/s", "vga", 15, 75, false},
		{"drawing a test card, 1280x720", "draw-hd", 20, 100, false},
		{"drawing and encoding it, 1280x720@30, 1500 kbit/s", "hd", 30, 120, false},
		{"20 ms of sound both ways, Opus", "opus", 100, 600, false},
		{"20 ms of sound both ways, Opus, echo and noise taken out", "echo", 100, 600, false},
		{"20 ms of sound both ways, PCMU", "PCMU", 100, 600, false},
		{"SRTP of a packet of 1,000 bytes, Pi 5", "srtp", 1000, 5000, false},
		{"SRTP of a packet of 1,000 bytes, Pi 0 to 4", "srtp", 1000, 5000, true},
	}
}

// measureARM64 counts instructions.
func measureARM64(t lab.T, _ plan, p *part) {
	dir := lab.Out(t)
	program, err := buildCount(t, dir)
	if err != nil {
		t.Fatalf("bench: %v", err)
	}
	plugin, err := buildPlugin(t, dir)
	if err != nil {
		t.Fatalf("bench: %v", err)
	}
	for _, w := range armWorks() {
		short, shortErr := countInstructions(t, plugin, program, w.work, w.short, w.plain)
		long, longErr := countInstructions(t, plugin, program, w.work, w.long, w.plain)
		if err = errors.Join(shortErr, longErr); err != nil {
			t.Errorf("bench: %v", err)
			continue
		}
		p.value(w.name, "million instructions", float64(long-short)/float64(w.long-w.short)/1e6)
	}
}

// buildCount builds program count for arm64, static: it needs no other system's files to run.
func buildCount(t lab.T, dir string) (string, error) {
	program, root := filepath.Join(dir, "count"), filepath.Join(lab.Cache(), "arm64")
	libraries := filepath.Join(root, "usr", "lib", "aarch64-linux-gnu")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-linkmode external -extldflags '-static -lm'", "-o", program,
		"doorstation/test/bench/count")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=1", "CC=aarch64-linux-gnu-gcc", "CXX=aarch64-linux-gnu-g++",
		"PKG_CONFIG_LIBDIR="+filepath.Join(libraries, "pkgconfig"), "PKG_CONFIG_SYSROOT_DIR="+root,
		"CGO_CFLAGS=-O2 -I"+filepath.Join(root, "usr", "include"), "CGO_LDFLAGS=-L"+libraries)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: building for arm64: %w\n%s", errCount, err, out)
	}
	return program, nil
}

// pluginVersions are the versions of qemu's plugin interface that the plugin can be built for: qemu 7 and 8, and later ones.
func pluginVersions() []string { return []string{"1", "2", "4"} }

// buildPlugin builds qemu's plugin for the first version that it takes.
func buildPlugin(t lab.T, dir string) (string, error) {
	var errs error
	for _, version := range pluginVersions() {
		plugin := filepath.Join(dir, "insns-"+version+".so")
		build := exec.CommandContext(t.Context(), "gcc", "-O2", "-Wall", "-shared", "-fPIC", "-DVERSION="+version, "-o", plugin,
			pluginSource())
		out, err := build.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%w: building qemu's plugin: %w\n%s", errCount, err, out)
		}
		if _, err = countInstructions(t, plugin, filepath.Join(dir, "count"), "srtp", 1, false); err == nil {
			return plugin, nil
		}
		errs = errors.Join(errs, err)
	}
	return "", errs
}

// pluginSource is the plugin's source, in the clone that the bench was built from.
func pluginSource() string {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "insns.c"
	}
	return filepath.Join(filepath.Dir(here), "count", "qemu", "insns.c")
}

var instructions = regexp.MustCompile(`(?m)^instructions (\d+)$`)

// countInstructions runs a piece of work so many times.
func countInstructions(t lab.T, plugin, program, work string, times int, plain bool) (int64, error) {
	run := exec.CommandContext(t.Context(), "qemu-aarch64", "-plugin", plugin, program, work, strconv.Itoa(times))
	run.Env = append(os.Environ(), "GOMAXPROCS=1")
	if plain {
		run.Env = append(run.Env, "GODEBUG=cpu.aes=off,cpu.pmull=off,cpu.sha1=off,cpu.sha2=off")
	}
	out, err := run.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w\n%s", errCount, work, err, lab.Tail(string(out), 5))
	}
	m := instructions.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%w: qemu prints none\n%s", errCount, lab.Tail(string(out), 5))
	}
	return strconv.ParseInt(string(m[1]), 10, 64)
}
