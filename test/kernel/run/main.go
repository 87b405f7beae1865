// Command run runs a program in a guest with the real drivers of test/kernel, and exits with its status:
//
//	go test -tags kernel,nolibopusfile -exec 'bin/kernel -append vivid.n_devs=2' ./internal/camera
//
// The same program is the guest's first process, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"doorstation/test/kernel"
	"doorstation/test/kernel/inside"
)

func main() {
	if os.Getpid() == 1 {
		inside.Main()
		return
	}
	os.Exit(run())
}

// failed is the exit status when there's none of the program.
const failed = 3

func run() int {
	image := flag.String("kernel", "", "the User-Mode Linux `program`; without it, that of test/kernel/build.sh")
	limit := flag.Duration("limit", 10*time.Minute, "how long it may take")
	words := flag.String("append", "", "more `words` for the kernel's command line, such as vivid.n_devs=2")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: run [flags] program [argument...]")
		return failed
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	defer stop()
	status, err := start(ctx, *image, *limit, strings.Fields(*words))
	if err != nil {
		fmt.Fprintf(os.Stderr, "test/kernel: %v\n", err)
		return failed
	}
	return status
}

// start runs the program of the command line.
func start(ctx context.Context, image string, limit time.Duration, words []string) (int, error) {
	init, err := os.Executable()
	if err != nil {
		return 0, err
	}
	if image == "" {
		if image, err = kernel.Built(); err != nil {
			return 0, err
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	args := flag.Args()
	if args[0], err = filepath.Abs(args[0]); err != nil {
		return 0, err
	}
	own, err := wordsOf(dir)
	if err != nil {
		return 0, err
	}
	m := kernel.Machine{Kernel: image, Init: init, Append: append(own, words...), Limit: limit}
	return m.Run(ctx, kernel.Job{Args: args, Dir: dir, Env: os.Environ()}, os.Stdout)
}

// wordsOf are the words that a package's tests want on the kernel's command line: those in its testdata/guest, which may have
// comments (#).
func wordsOf(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "testdata", "guest"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		words = append(words, strings.Fields(line)...)
	}
	return words, nil
}
