package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Program is the whole of a program that does one piece of work in the lab, until SIGTERM or SIGINT: see [Enter] and [Run]. It returns the
// exit status.
func Program(name, out string, work func(T), parts ...Part) int {
	code, inside := Enter(out, parts...)
	if !inside {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := Run(ctx, name, os.Stderr, work); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// Shots is the whole of a program that takes pictures for the docs of a household with a popup. Its one argument is the directory for them,
// which is made. It needs parts, by default Asterisk and the popup.
func Shots(name string, take func(t T, dir string), parts ...Part) int {
	if len(os.Args) != 2 {
		fmt.Fprintf(os.Stderr, "usage: %s DIR\n", name)
		return 2
	}
	dir, err := filepath.Abs(os.Args[1])
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	if len(parts) == 0 {
		parts = []Part{PartAsterisk, PartPopup}
	}
	return Program(name, filepath.Join(os.TempDir(), "doorstation-"+name), func(t T) { take(t, dir) }, parts...)
}
