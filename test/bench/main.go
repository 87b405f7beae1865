// Command bench presses the bell again and again in a household of real parts and prints what a person waits for: it is
// `make bench`. The figures are of one machine in one run; compare ratios, not absolute times.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"doorstation/test/lab"
)

// plan is how much is measured.
type plan struct {
	presses, dead, loss int
	lossPercent         float64

	returns, holes, changes int
}

func main() {
	var p plan
	flag.IntVar(&p.presses, "presses", 200, "presses that are answered")
	flag.IntVar(&p.dead, "dead", 50, "presses with every STUN and TURN server dead")
	flag.IntVar(&p.loss, "loss", 10, "answered presses at packet loss, 12 s each")
	flag.Float64Var(&p.lossPercent, "loss-percent", 5, "packets lost on the way to the PBX's media ports, in percent")
	flag.IntVar(&p.returns, "returns", 20, "times that the PBX is stopped or killed and comes back")
	flag.IntVar(&p.holes, "holes", 5, "times that nothing passes on the wire")
	flag.IntVar(&p.changes, "changes", 20, "changes of SIP Core's settings")
	flag.Parse()
	os.Exit(run(p))
}

func run(p plan) int {
	code, inside := lab.Enter("out")
	if !inside {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var r report
	for _, part := range []struct {
		name string
		work func(lab.T, plan, *report)
	}{
		{"registration", measureRegistration},
		{"presses", measurePresses},
		{"dead", measureDeadServers},
		{"loss", measureLoss},
		{"return", measureReturn},
		{"change", measureChange},
	} {
		fmt.Fprintf(os.Stderr, "bench: %s…\n", part.name)
		if err := lab.Run(ctx, "bench-"+part.name, os.Stderr, func(t lab.T) { part.work(t, p, &r) }); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			code = 1
		}
	}
	r.print(os.Stdout)
	return code
}
