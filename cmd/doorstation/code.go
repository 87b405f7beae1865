package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"doorstation/internal/codes"
	"doorstation/internal/settings"
)

type codeCmd struct {
	Add    codeAddCmd    `cmd:"" help:"Ask for a person's code, without showing it, and keep it hashed."`
	Remove codeRemoveCmd `cmd:"" help:"Remove a person's code."`
	List   codeListCmd   `cmd:"" help:"List whose codes there are."`
}

var (
	errNoCodesFile = errors.New("the local file names no lock.codes_file: name it there, or give --file")
	errInterrupted = errors.New("interrupted: nothing is changed")
	errNotTheSame  = errors.New("these are not the same: type the same one twice")
)

// effective is what a person has to know after a change.
const effective = "the running agent takes it after doorstation restart"

// codesFlag says where the codes are.
type codesFlag struct {
	configFlag
	File string `help:"The file of codes (default: lock.codes_file of the local file); systemd's credential door_codes is /etc/doorstation/codes." placeholder:"FILE"`
}

func (c codesFlag) codesFile() (string, error) {
	if c.File != "" {
		return c.File, nil
	}
	local, err := settings.LoadLocal(c.Config)
	if err != nil {
		return "", usageError{err}
	}
	if local.Lock == nil || local.Lock.CodesFile == "" {
		return "", usageError{fmt.Errorf("%s: %w", c.Config, errNoCodesFile)}
	}
	return local.Lock.CodesFile, nil
}

type codeAddCmd struct {
	codesFlag
	Name string `arg:"" help:"Whose code it is."`
}

// Run asks for the code.
func (c *codeAddCmd) Run(e *env) error {
	path, err := c.codesFile()
	if err != nil {
		return err
	}
	// What is wrong with the file, or the name, is better told before somebody has typed a code twice.
	if err = c.fits(path); err != nil {
		return err
	}
	digits, err := askCode(e)
	if err != nil {
		return err
	}
	if err = codes.Change(path, func(b *codes.Book) error { return b.Add(c.Name, digits) }); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	_, err = fmt.Fprintf(e.stdout, "%s has a code; %s\n", c.Name, effective)
	return err
}

// fits reports whether the name can have a code.
func (c *codeAddCmd) fits(path string) error {
	book, err := codes.Load(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && slices.Contains(book.Names(), c.Name) {
		err = fmt.Errorf("%s: %w", c.Name, codes.ErrNameTaken)
	}
	return err
}

type codeRemoveCmd struct {
	codesFlag
	Name string `arg:"" help:"Whose code it is."`
}

// Run removes a code.
func (c *codeRemoveCmd) Run(e *env) error {
	path, err := c.codesFile()
	if err != nil {
		return err
	}
	if err = codes.Change(path, func(b *codes.Book) error { return b.Remove(c.Name) }); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	_, err = fmt.Fprintf(e.stdout, "%s has no code any more; %s\n", c.Name, effective)
	return err
}

type codeListCmd struct{ codesFlag }

// Run lists names.
func (c *codeListCmd) Run(e *env) error {
	path, err := c.codesFile()
	if err != nil {
		return err
	}
	book, err := codes.Load(path, true)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file that is not there yet holds none
		return err
	}
	for _, name := range book.Names() {
		if _, err = fmt.Fprintln(e.stdout, name); err != nil {
			return err
		}
	}
	return nil
}

// askCode reads a code.
func askCode(e *env) (string, error) { return askTwice(e, "code") }

// askTwice reads something secret: twice and unseen from a terminal, else one line.
func askTwice(e *env, what string) (string, error) {
	in := bufio.NewReader(io.LimitReader(e.stdin, 1<<10))
	terminal, ok := e.stdin.(*os.File)
	if !ok {
		return readCode(e.ctx, in)
	}
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil { // no terminal
		return readCode(e.ctx, in)
	}
	unseen := *before
	unseen.Lflag &^= unix.ECHO
	if err = unix.IoctlSetTermios(fd, unix.TCSETSF, &unseen); err != nil {
		return "", err
	}
	first, second := "", ""
	for _, ask := range []struct {
		prompt string
		into   *string
	}{{what + ": ", &first}, {"\nthe same again: ", &second}} {
		if _, err = fmt.Fprint(e.stderr, ask.prompt); err == nil {
			*ask.into, err = readCode(e.ctx, in)
		}
		if err != nil {
			break
		}
	}
	_, endErr := fmt.Fprintln(e.stderr)
	if err = errors.Join(err, endErr, unix.IoctlSetTermios(fd, unix.TCSETS, before)); err != nil {
		return "", err
	}
	if first != second {
		return "", errNotTheSame
	}
	return first, nil
}

// readCode reads a line, until ctx ends: a person who gives up gets the terminal back as it was. What is read then is left behind.
func readCode(ctx context.Context, in *bufio.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := in.ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		if l.err != nil && !errors.Is(l.err, io.EOF) {
			return "", l.err
		}
		return strings.TrimSpace(l.text), nil
	case <-ctx.Done():
		return "", errInterrupted
	}
}
