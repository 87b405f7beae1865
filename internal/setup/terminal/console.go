package terminal

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"doorstation/internal/setup"
)

// Console asks by numbered lines: on a serial console, in a screen reader, through a pipe. It is a setup.Person, and also what shows
// everything but questions where there are keys.
type Console struct {
	able Able
	in   *lines
	tty  bool // in is a terminal

	mu  sync.Mutex // of out: Wait's work shows from goroutines of its own
	out io.Writer
	err error // the first failure to write: nobody is there any more
}

var _ setup.Person = (*Console)(nil)

// NewConsole makes one.
func NewConsole(in *os.File, out io.Writer, able Able) *Console {
	return &Console{able: able, in: &lines{file: in}, tty: isTerminal(in), out: out}
}

// print writes as the terminal can. A terminal that is gone ends the conversation at the next question.
func (c *Console) print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.able.UTF8 {
		text = ascii(text)
	}
	if _, err := io.WriteString(c.out, text); err != nil && c.err == nil {
		c.err = fmt.Errorf("%w: %w", setup.ErrStopped, err)
	}
}

// gone is the first failure to write.
func (c *Console) gone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Tell implements setup.Person.
func (c *Console) Tell(style setup.Style, text string) {
	text = strings.TrimRight(text, "\n")
	if style == setup.Copy {
		c.print(c.paint("36", text) + "\n\n")
		return
	}
	look := looks(style)
	mark := look.mark
	if !c.able.UTF8 {
		mark = look.plainMark
	}
	if style == setup.Heading {
		c.print("\n" + c.paint(look.sgr, mark+text) + "\n\n")
		return
	}
	indent := strings.Repeat(" ", len([]rune(mark)))
	for i, line := range wrap(text, c.width()-len(indent)) {
		if i == 0 {
			c.print(c.paint(look.sgr, mark+line) + "\n")
		} else {
			c.print(indent + c.paint(look.sgr, line) + "\n")
		}
	}
}

func (c *Console) width() int {
	const most = 100 // longer lines are hard to read
	return min(c.able.Columns-1, most)
}

// look is how a style looks: its colour (SGR) and what stands before it.
type look struct{ sgr, mark, plainMark string }

func looks(style setup.Style) look {
	switch style {
	case setup.Heading:
		return look{"1", "── ", "--- "}
	case setup.Good:
		return look{"32", "✓ ", "OK: "}
	case setup.Warning:
		return look{"33", "! ", "Note: "}
	case setup.Bad:
		return look{"31", "✗ ", "Wrong: "}
	case setup.Faint:
		return look{"2", "", ""}
	case setup.Added:
		return look{"32", "", ""}
	case setup.Removed:
		return look{"31", "", ""}
	default:
		return look{}
	}
}

// paint colours a text line by line.
func (c *Console) paint(sgr, text string) string {
	if c.able.Colours == 0 || sgr == "" || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "\x1b[" + sgr + "m" + line + "\x1b[0m"
		}
	}
	return strings.Join(lines, "\n")
}

// question shows a question.
func (c *Console) question(text string) {
	for _, line := range wrap(text, c.width()) {
		c.print(c.paint("1", line) + "\n")
	}
}

// line reads an answer.
func (c *Console) line(ctx context.Context, prompt string) (string, error) {
	if err := c.gone(); err != nil {
		return "", err
	}
	c.in.forget()
	c.print(prompt)
	text, err := c.in.read(ctx)
	if !c.tty || err != nil {
		c.print("\n")
	}
	return strings.TrimSpace(text), err
}

// Ask implements setup.Person.
func (c *Console) Ask(ctx context.Context, q setup.Ask) (string, error) {
	c.question(q.Question)
	prompt := "> "
	if q.Default != "" {
		prompt = "[" + q.Default + "] > "
	}
	for {
		text, err := c.answer(ctx, prompt, q.Secret)
		if err != nil {
			return "", err
		}
		if text == "" {
			text = q.Default
		}
		if problem := wrong(q, text); problem != nil {
			c.Tell(setup.Bad, problem.Error())
			continue
		}
		return text, nil
	}
}

// answer reads a line, unseen if it is a secret.
func (c *Console) answer(ctx context.Context, prompt string, secret bool) (text string, err error) {
	if !secret {
		return c.line(ctx, prompt)
	}
	restore, err := unseen(c.in.file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, restore()) }()
	text, err = c.line(ctx, prompt)
	if c.tty && err == nil {
		c.print("\n")
	}
	return text, err
}

var errEmpty = errors.New("an answer is needed here")

// wrong says what is wrong with an answer.
func wrong(q setup.Ask, text string) error {
	switch {
	case text == "" && q.Optional:
		return nil
	case text == "":
		return errEmpty
	case q.Check != nil:
		return q.Check(text)
	}
	return nil
}

// Choose implements setup.Person.
func (c *Console) Choose(ctx context.Context, q setup.Choice) (int, error) {
	c.question(q.Question)
	for i, o := range q.Options {
		c.option(fmt.Sprintf("%3d) ", i+1), o)
	}
	prompt := "Number > "
	if q.Default != setup.NoDefault {
		prompt = fmt.Sprintf("Number [%d] > ", q.Default+1)
	}
	for {
		text, err := c.line(ctx, prompt)
		if err != nil {
			return 0, err
		}
		if text == "" && q.Default != setup.NoDefault {
			return q.Default, nil
		}
		if n, numberErr := strconv.Atoi(text); numberErr == nil && n >= 1 && n <= len(q.Options) {
			return n - 1, nil
		}
		c.Tell(setup.Bad, fmt.Sprintf("Please type a number from 1 to %d.", len(q.Options)))
	}
}

// option shows one of the answers.
func (c *Console) option(before, text string) {
	for i, line := range wrap(text, c.width()-len(before)) {
		if i > 0 {
			before = strings.Repeat(" ", len(before))
		}
		c.print(before + line + "\n")
	}
}

// ChooseSeveral implements setup.Person.
func (c *Console) ChooseSeveral(ctx context.Context, q setup.Several) ([]int, error) {
	c.question(q.Question)
	var usual []int
	var names []string
	for i, o := range q.Options {
		mark := "[ ]"
		if q.Chosen[i] {
			mark = "[x]"
			usual, names = append(usual, i), append(names, strconv.Itoa(i+1))
		}
		c.option(fmt.Sprintf("%3d) %s ", i+1, mark), o)
	}
	prompt := "Numbers, such as 1,2 > "
	if len(names) > 0 {
		prompt = "Numbers, such as 1,2 [" + strings.Join(names, ",") + "] > "
	}
	for {
		text, err := c.line(ctx, prompt)
		if err != nil {
			return nil, err
		}
		picked, ok := numbers(text, len(q.Options))
		if text == "" {
			picked, ok = usual, true
		}
		if ok && len(picked) >= q.Least {
			return picked, nil
		}
		c.Tell(setup.Bad, fmt.Sprintf("Please type numbers from 1 to %d with commas between them, at least %d.", len(q.Options), q.Least))
	}
}

// numbers reads "1,3", "1 3" or "all" as indexes.
func numbers(text string, n int) ([]int, bool) {
	picked := make([]bool, n)
	if strings.EqualFold(text, "all") {
		for i := range picked {
			picked[i] = true
		}
	} else {
		for _, f := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
			v, err := strconv.Atoi(f)
			if err != nil || v < 1 || v > n {
				return nil, false
			}
			picked[v-1] = true
		}
	}
	var all []int
	for i, is := range picked {
		if is {
			all = append(all, i)
		}
	}
	return all, true
}

// Confirm implements setup.Person.
func (c *Console) Confirm(ctx context.Context, q setup.Confirm) (bool, error) {
	c.question(q.Question)
	prompt := "[y/N] > "
	if q.Default {
		prompt = "[Y/n] > "
	}
	for {
		text, err := c.line(ctx, prompt)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(text) {
		case "":
			return q.Default, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		c.Tell(setup.Bad, "Please type y or n.")
	}
}

// Picture implements setup.Person.
func (c *Console) Picture(img image.Image) bool {
	const around = 6 // lines of talk that stay visible
	text := render(img, min(c.able.Columns-2, 80), c.able.Rows-around, c.able)
	if text == "" {
		return false
	}
	c.print(text)
	return true
}
