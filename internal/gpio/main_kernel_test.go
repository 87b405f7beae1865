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
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// roleVariable makes the test program another one: the agent, or its lock's guard.
const roleVariable = "DOORSTATION_TEST_ROLE"

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
		Lock: &lock, Guard: []string{"/usr/bin/env", roleVariable + "=guard", os.Args[0]},
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
	var c GuardConfig
	for i := 1; i+1 < len(os.Args); i += 2 {
		switch value := os.Args[i+1]; os.Args[i] {
		case "--device":
			c.Device = value
		case "--line":
			c.Line, _ = strconv.Atoi(value)
		case "--active":
			c.ActiveLow = value == "low"
		case "--limit":
			c.Limit, _ = time.ParseDuration(value)
		}
	}
	fmt.Fprintln(os.Stderr, "guard", strings.Join(os.Args[1:], " "))
	err := runGuard(c, os.Stdin, os.Stdout, func() (output, error) {
		fd, err := outputLine(c.Device, c.Line, c.ActiveLow)
		return &lingering{&lineOutput{fd}}, err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		return 1
	}
	return 0
}

// lingering keeps a line.
type lingering struct{ output }

func (l *lingering) close() error {
	time.Sleep(2 * time.Second)
	return l.output.close()
}
