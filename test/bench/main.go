// Command bench measures, in a household of real parts, what a person waits for, sees and hears, and prints it: it is
// `make bench`. The figures are of one machine in one run; compare ratios, not absolute times.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"doorstation/test/lab"
)

// bench is one thing that can be asked for.
type bench struct {
	name string
	// about tells the reader what was measured, and how.
	about string
	work  func(lab.T, plan, *part)
}

func benches() []bench {
	return []bench{
		{"registration", aboutRegistration, measureRegistration},
		{"presses", aboutPresses, measurePresses},
		{"dead", aboutDead, measureDeadServers},
		{"glass", aboutGlass, measureGlass},
		{"ears", aboutEars, measureEars},
		{"loss", aboutLoss, measureLoss},
		{"baresip", aboutBaresip, measureBaresip},
		{"cost", aboutCost, measureCost},
		{"viewers", aboutViewers, measureViewers},
		{"shape", aboutShape, measureShape},
		{"arm64", aboutARM64, measureARM64},
		{"return", aboutReturn, measureReturn},
		{"change", aboutChange, measureChange},
		{partPower, aboutPower, measurePower},
		{partEdge, aboutEdge, measureEdge},
		{partIdle, aboutIdle, measureIdle},
	}
}

func main() {
	if os.Getenv(farRole) != "" {
		if err := answerOffers(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench: the far ends:", err)
			os.Exit(1)
		}
		return
	}
	full := fullPlan()
	p := &full
	if slices.ContainsFunc(os.Args[1:], func(a string) bool { return strings.TrimLeft(a, "-") == "quick" }) {
		*p = quickPlan()
	}
	var names []string
	for _, b := range benches() {
		if !p.skips(b.name) {
			names = append(names, b.name)
		}
	}
	only := flag.String("only", strings.Join(names, ","), "parts to run, in this order")
	out := flag.String("json", "", "file for the figures in JSON; default bench.json among the files of the run")
	flag.Bool("quick", false, "a run of less than six minutes on a quiet machine, without arm64, to see that all works; its figures are few")
	p.flags()
	flag.Parse()
	os.Exit(run(*p, strings.Split(*only, ","), *out))
}

func run(p plan, only []string, out string) int {
	known := map[string]bench{}
	for _, b := range benches() {
		known[b.name] = b
	}
	for _, name := range only {
		if _, ok := known[name]; !ok {
			fmt.Fprintf(os.Stderr, "bench: there is no part %q\n", name)
			return 2
		}
	}
	parts := []lab.Part{lab.PartAsterisk, lab.PartPopup}
	if slices.Contains(only, "arm64") {
		parts = append(parts, lab.PartARM64)
	}
	if slices.ContainsFunc(only, func(name string) bool { return name == partPower || name == partEdge || name == partIdle }) {
		if err := prepareMachine(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 1
		}
	}
	code, inside := lab.Enter("out", parts...)
	if !inside {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	r := newReport()
	for _, name := range only {
		if ctx.Err() != nil {
			break
		}
		b := known[name]
		part := r.begin(b.name, b.about)
		fmt.Fprintf(os.Stderr, "bench: %s…\n", name)
		if err := lab.Run(ctx, "bench-"+name, os.Stderr, func(t lab.T) { b.work(t, p, part) }); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			part.Failed = err.Error()
			code = 1
		}
		part.end()
		fmt.Fprintf(os.Stderr, "bench: %s took %v\n", name, part.took().Round(time.Second))
	}
	r.end()
	r.print(os.Stdout)
	if out == "" {
		out = filepath.Join(lab.OutDir(), "bench.json")
	}
	if err := r.writeJSON(out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	fmt.Printf("\nthe same figures in JSON: %s\n", out)
	return code
}
