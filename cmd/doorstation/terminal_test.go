package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pair of ends: what a person types is written to the first, the second is a program's standard input.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	check(t, err)
	raw, err := person.SyscallConn()
	check(t, err)
	number := 0
	check(t, raw.Control(func(fd uintptr) {
		err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		if err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}))
	check(t, err)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	return person, program
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	check(t, err)
	return state.Lflag&unix.ECHO != 0
}

// prompted is a standard error that tells when a code is asked for.
type prompted struct {
	bytes.Buffer
	asked chan struct{}
}

// Write implements io.Writer.
func (p *prompted) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), ": ") {
		p.asked <- struct{}{}
	}
	return p.Buffer.Write(b)
}

// TestACodeIsTypedUnseen: twice the same; whoever gives up, or types another one, has the terminal back as it was.
func TestACodeIsTypedUnseen(t *testing.T) {
	for _, c := range []struct {
		name  string
		typed []string // at each prompt; fewer: then Ctrl-C
		code  string
		want  error
	}{
		{"twice the same", []string{"2580\n", "2580\n"}, "2580", nil},
		{"two codes", []string{"2580\n", "2581\n"}, "", errNotTheSame},
		{"given up", nil, "", errInterrupted},
		{"given up at the second prompt", []string{"2580\n"}, "", errInterrupted},
	} {
		t.Run(c.name, func(t *testing.T) {
			person, program := terminal(t)
			ctx, interrupt := context.WithCancel(context.Background())
			defer interrupt()
			stderr := &prompted{asked: make(chan struct{})}
			type result struct {
				code string
				err  error
			}
			done := make(chan result, 1)
			go func() {
				code, err := askCode(&env{ctx: ctx, stdin: program, stderr: stderr})
				done <- result{code, err}
			}()
			for n := range 2 {
				<-stderr.asked
				if echoes(t, program) {
					t.Error("the terminal shows what is typed")
				}
				if n == len(c.typed) {
					interrupt()
					break
				}
				_, err := io.WriteString(person, c.typed[n])
				check(t, err)
			}
			select {
			case got := <-done:
				if got.code != c.code || !errors.Is(got.err, c.want) {
					t.Errorf("%q, %v", got.code, got.err)
				}
			case <-time.After(time.Minute):
				t.Error("it goes on asking")
			}
			if !echoes(t, program) {
				t.Error("the terminal is left without echo")
			}
			check(t, errors.Join(person.Close(), program.Close())) // ends what still reads
		})
	}
}
