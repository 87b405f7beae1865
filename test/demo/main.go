// Command demo is a home in miniature around the real doorstation agent, for somebody who sees it for the first time:
// Home Assistant and the PBX are small servers in this process (test/lab/homestub, test/lab/registrar), and one web
// page has the front door with its bell on the left and the wall tablet that answers on the right.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// options are the command line.
type options struct {
	listen      string
	port        int
	portChosen  bool // --port was given: no other will do
	noOpen      bool
	doorstation string
	verbose     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs the demo until the context ends and returns the exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err = run(ctx, o, stdout); err != nil {
		fmt.Fprintf(stderr, "doorstation demo: %v\n", err)
		return 1
	}
	return 0
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.listen, "listen", "127.0.0.1", "address that the page is served at; 0.0.0.0 lets other machines in (without their microphones)")
	flags.IntVar(&o.port, "port", defaultPort, "port of the page; if not given and taken, the next free one")
	flags.BoolVar(&o.noOpen, "no-open", false, "do not open a browser")
	flags.StringVar(&o.doorstation, "doorstation", "", "agent to run instead of building this one")
	flags.BoolVar(&o.verbose, "verbose", false, "print the agent's log")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	flags.Visit(func(f *flag.Flag) { o.portChosen = o.portChosen || f.Name == "port" })
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "demo takes no arguments, only flags: %q\n", flags.Args())
		return o, errUsage
	}
	return o, nil
}

var errUsage = errors.New("wrong usage")

// run builds what is missing, starts the home and serves the page.
func run(ctx context.Context, o options, stdout io.Writer) error {
	say := func(format string, args ...any) { fmt.Fprintf(stdout, "doorstation demo: "+format+"\n", args...) }

	dir, err := os.MkdirTemp("", "doorstation-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	// The port is taken first: somebody whose port is taken need not wait for a build to hear it.
	listener, err := listen(o.listen, o.port, o.portChosen)
	if err != nil {
		return err
	}
	defer listener.Close()

	page, err := buildPage(ctx, say)
	if err != nil {
		return whenNotStopped(ctx, err)
	}
	agent := o.doorstation
	if agent == "" {
		if agent, err = buildAgent(ctx, dir, say); err != nil {
			return whenNotStopped(ctx, err)
		}
	}

	h, err := openHome(dir)
	if err != nil {
		return err
	}
	defer h.close()
	a, err := startAgent(ctx, agent, h, agentLog(o.verbose))
	if err != nil {
		return err
	}
	server := servePage(listener, page, h, a)
	defer server.close()

	address := pageAddress(listener.Addr())
	say("open %s", address)
	fmt.Fprint(stdout, "\n    Press the bell, answer on the tablet, open the door. Several tabs ring together.\n"+
		"    Ctrl-C ends everything.\n\n")
	if !o.noOpen {
		openBrowser(ctx, address)
	}

	err = a.wait() // until Ctrl-C, or until it breaks
	if ctx.Err() != nil && err == nil {
		say("ended")
	}
	return err
}

// whenNotStopped hides the error of something that Ctrl-C has interrupted.
func whenNotStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// openBrowser shows the page where there is a desktop to show it on. Where there is none, the printed address does.
func openBrowser(ctx context.Context, address string) {
	opener := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		opener = "open"
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return
	}
	path, err := exec.LookPath(opener)
	if err != nil {
		return
	}
	cmd := exec.CommandContext(ctx, path, address)
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // it returns as soon as the browser has the address
	}
}
