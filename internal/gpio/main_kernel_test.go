//go:build kernel

package gpio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorstation/internal/gpio/guard"
	"doorstation/internal/gpio/uapi"
)

// roleVariable makes the test program another one: the agent, or its lock's guard.
const roleVariable = "DOORSTATION_TEST_ROLE"

// coilVariable names the file with the count of the agent's coil, if it has one.
const coilVariable = "DOORSTATION_TEST_COIL"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "agent":
		os.Exit(agentMain())
	case "guard":
		os.Exit(guardMain())
	}
}

// agentLock is the lock of agentMain.
func agentLock() OutputConfig {
	return OutputConfig{Pin: Pin{Name: "GPIO27"}, Limit: 4 * time.Second}
}

// agentMain is an agent with nothing but a lock. It says "ready", opens the lock for each length of time that it reads, and answers.
func agentMain() int {
	lock := agentLock()
	b := Open(Config{
		Lock: &lock, Guard: GuardCommands{{"/nonexistent"}, {"/usr/bin/env", roleVariable + "=guard", os.Args[0]}}, CoilFile: os.Getenv(coilVariable),
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	for b.Levels().Lock != LevelOff {
		time.Sleep(ms)
	}
	fmt.Println("ready")
	for {
		var line string
		if _, err := fmt.Scanln(&line); errors.Is(err, io.EOF) {
			break
		}
		d, err := time.ParseDuration(line)
		if err == nil {
			_, err = b.PulseLock(d)
		}
		fmt.Println("answer", err)
	}
	cancel()
	if err := <-ended; err != nil {
		fmt.Println("ended", err)
	}
	return 0
}

// guardMain is the guard, as doorstation lock-guard is, but that it keeps the line for a while after it has done its duty, so that a
// test can see how it left it: once the line is given back, gpio-sim shows what pulls it from outside.
func guardMain() int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	c, err := guard.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		return 1
	}
	fmt.Fprintln(os.Stderr, "guard", strings.Join(os.Args[1:], " "))
	err = guard.Hold(c, os.Stdin, os.Stdout, func() (guard.Line, error) {
		line, takeErr := uapi.TakeOutput(c.Device, c.Line, c.ActiveLow)
		return &lingering{line}, takeErr
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		return 1
	}
	return 0
}

// linger is how long a guard keeps its line after its duty.
const linger = 2 * time.Second

// lingering keeps a line.
type lingering struct{ guard.Line }

func (l *lingering) Close() error {
	time.Sleep(linger)
	return l.Line.Close()
}
