package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	doorcheck "doorstation/internal/check"
	"doorstation/internal/probe"
)

// docsDir is where the package puts the pages of docs.
const docsDir = "/usr/share/doc/doorstation"

type checkCmd struct {
	configFlag
	socketFlag
	stateFlag
	hardwareFlags
	JSON    bool          `name:"json" help:"Print one JSON document in place of text."`
	Report  string        `placeholder:"FILE" type:"path" help:"Write a bundle for a bug report (tar.gz), with status, settings, versions and log, and without any secret."`
	Call    string        `placeholder:"EXTENSION" help:"Make a test call to this extension: it rings, and when somebody answers the door tells whether sound and picture flow, and hangs up after --call-for."`
	CallFor time.Duration `default:"5s" placeholder:"DURATION" help:"How long a test call lasts after the answer (default: 5s); with a picture until the far side has reported on it, 8 s at most."`
	Only    []string      `placeholder:"LINK" help:"Look only at these links, and at those that they need (comma between them, or several times)."`
	Skip    []string      `placeholder:"LINK" help:"Leave these links out."`
}

// Run walks the chain. The exit status says how it was found: 0 well, 3 with warnings, 4 with errors, 1 interrupted, 78 a wrong local file.
func (c *checkCmd) Run(e *env) error {
	scene := probe.New(probe.Options{
		Config: c.Config, StateDir: c.dir(e), Socket: c.path(e), Version: version, Getenv: e.getenv, Now: time.Now,
		Hardware: c.options(e), Call: c.Call, CallFor: min(max(c.CallFor, time.Second), time.Minute),
	})
	defer scene.Close()
	links, err := doorcheck.Select(scene.Links(), c.Only, c.Skip)
	if err != nil {
		return usageError{err}
	}
	printer := doorcheck.NewPrinter(e.stdout, style(e))
	show := printer.Show
	if c.JSON {
		show = nil
	}
	report := doorcheck.Walk(e.ctx, links, time.Now, show)
	report.Version = version
	if c.Report != "" {
		if err = scene.Bundle(e.ctx, c.Report, report, plain(report)); err != nil {
			return err
		}
	}
	if c.JSON {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(report)
	} else {
		err = printer.Summary(report)
		if err == nil && c.Report != "" {
			_, err = fmt.Fprintf(e.stdout, "%s has what helps to understand this. Passwords, tokens and codes have been taken out; names and addresses have not.\n", c.Report)
		}
	}
	switch {
	case err != nil:
		return err
	case scene.LocalErr != nil:
		return statusError(exitUsage)
	case report.Status() != doorcheck.StatusOK:
		return statusError(report.Status())
	default:
		return nil
	}
}

// plain is a report as text for a file.
func plain(r doorcheck.Report) []byte {
	var text bytes.Buffer
	p := doorcheck.NewPrinter(&text, doorcheck.Style{Unicode: true})
	for _, f := range r.Findings {
		p.Show(doorcheck.Event{Link: f.Link, Title: f.Title, Finding: &f})
	}
	_ = p.Summary(r) // a buffer takes all
	return text.Bytes()
}

// style is how text is printed where this command prints: live and in colour on a terminal only, in ASCII where the locale has no UTF-8.
func style(e *env) doorcheck.Style {
	var s doorcheck.Style
	if f, ok := e.stdout.(*os.File); ok {
		_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		terminal := err == nil && e.getenv("TERM") != "dumb"
		s.Live = terminal
		s.Colour = terminal && e.getenv("NO_COLOR") == ""
		if size, sizeErr := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); sizeErr == nil {
			s.Width = int(size.Col)
		}
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := e.getenv(name); locale != "" { // the first that is set counts (POSIX, 8.2)
			locale = strings.ToLower(locale)
			s.Unicode = strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
			break
		}
	}
	if info, err := os.Stat(docsDir + "/faults"); err == nil && info.IsDir() {
		s.DocsDir = docsDir
	}
	return s
}
