package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"

	"doorstation/internal/setup"
)

// New makes what fits the terminal.
func New(in *os.File, out *os.File, able Able, environ []string) setup.Person {
	c := NewConsole(in, out, able)
	if !able.Keys {
		return c
	}
	// huh's library asks some terminals what they can do, and what they answer too late is taken for typed. It does not ask through
	// ssh, whose variable sudo has taken away.
	return &keys{Console: c, in: in, out: out, environ: append(environ, "SSH_TTY=/dev/tty")}
}

// keys asks with the arrow keys. What is no question is the console's.
type keys struct {
	*Console
	in, out *os.File
	environ []string
}

var _ setup.Person = (*keys)(nil)

// run puts one question.
func (k *keys) run(ctx context.Context, field huh.Field) error {
	if err := k.gone(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return setup.ErrStopped
	}
	k.Console.in.forget()
	keymap := huh.NewDefaultKeyMap()
	keymap.Select.Filter.SetEnabled(false)
	keymap.MultiSelect.Filter.SetEnabled(false)
	keymap.Input.Submit.SetHelp("enter", "done")
	keymap.Select.Submit.SetHelp("enter", "take it")
	keymap.MultiSelect.Submit.SetHelp("enter", "done")
	keymap.MultiSelect.Toggle.SetHelp("space", "take or leave")
	keymap.Confirm.Submit.SetHelp("enter", "done")
	form := huh.NewForm(huh.NewGroup(field)).
		WithTheme(huh.ThemeFunc(theme)).
		WithKeyMap(keymap).
		WithWidth(k.width()).
		WithViewHook(func(v tea.View) tea.View { v.ReportFocus = false; return v }).
		// Signals are the program's: they end ctx.
		WithProgramOptions(tea.WithInput(k.in), tea.WithOutput(k.out), tea.WithEnvironment(k.environ), tea.WithoutSignalHandler())
	err := form.RunWithContext(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, huh.ErrUserAborted), errors.Is(err, huh.ErrTimeout):
		return setup.ErrStopped
	}
	return fmt.Errorf("%w: %w", setup.ErrStopped, err)
}

// theme uses the terminal's own sixteen colours, which its owner has chosen to be readable.
func theme(isDark bool) *huh.Styles {
	t := huh.ThemeBase(isDark)
	accent := lipgloss.Color("6")
	t.Focused.Base = lipgloss.NewStyle()
	t.Focused.Title = lipgloss.NewStyle().Bold(true)
	t.Focused.SelectSelector = lipgloss.NewStyle().SetString("› ").Foreground(accent)
	t.Focused.MultiSelectSelector = lipgloss.NewStyle().SetString("› ").Foreground(accent)
	t.Focused.SelectedOption = lipgloss.NewStyle().Foreground(accent)
	t.Focused.SelectedPrefix = lipgloss.NewStyle().SetString("[x] ").Foreground(accent)
	t.Focused.UnselectedPrefix = lipgloss.NewStyle().SetString("[ ] ")
	t.Focused.ErrorMessage = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
	button := lipgloss.NewStyle().Padding(0, 2).MarginRight(1)
	t.Focused.FocusedButton = button.Reverse(true)
	t.Focused.BlurredButton = button
	t.Focused.TextInput.Prompt = lipgloss.NewStyle().Foreground(accent)
	return t
}

// answered leaves question and answer behind, as a console would.
func (k *keys) answered(question string, answers ...string) {
	k.question(question)
	for _, a := range answers {
		k.print(k.paint("36", "› "+a) + "\n")
	}
}

// Ask implements setup.Person.
func (k *keys) Ask(ctx context.Context, q setup.Ask) (string, error) {
	text := q.Default
	if q.Optional && q.Default == "" && q.Check == nil {
		return k.Console.Ask(ctx, q) // "press Enter": a field would ask for a text
	}
	input := huh.NewInput().Title(q.Question).Prompt("> ").Value(&text).
		Validate(func(text string) error { return wrong(q, strings.TrimSpace(text)) })
	if q.Secret {
		input.EchoMode(huh.EchoModeNone)
	}
	if err := k.run(ctx, input); err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	shown := text
	if q.Secret {
		shown = "(not shown)"
	}
	k.answered(q.Question, setup.Clean(shown))
	return text, nil
}

// Choose implements setup.Person.
func (k *keys) Choose(ctx context.Context, q setup.Choice) (int, error) {
	picked := max(q.Default, 0)
	options := make([]huh.Option[int], len(q.Options))
	for i, o := range q.Options {
		options[i] = huh.NewOption(o, i)
	}
	if err := k.run(ctx, huh.NewSelect[int]().Title(q.Question).Options(options...).Value(&picked)); err != nil {
		return 0, err
	}
	k.answered(q.Question, q.Options[picked])
	return picked, nil
}

// ChooseSeveral implements setup.Person.
func (k *keys) ChooseSeveral(ctx context.Context, q setup.Several) ([]int, error) {
	var picked []int
	options := make([]huh.Option[int], len(q.Options))
	for i, o := range q.Options {
		options[i] = huh.NewOption(o, i).Selected(q.Chosen[i])
	}
	title := len(wrap(q.Question, k.width()))
	field := huh.NewMultiSelect[int]().Title(q.Question).Options(options...).Value(&picked).Height(len(options) + title).Validate(func(picked []int) error {
		if len(picked) < q.Least {
			return fmt.Errorf("%w: take %d at least, with the space bar", errEmpty, q.Least)
		}
		return nil
	})
	if err := k.run(ctx, field); err != nil {
		return nil, err
	}
	taken := make([]bool, len(q.Options))
	for _, i := range picked {
		taken[i] = true
	}
	picked = nil
	var names []string
	for i, is := range taken {
		if is {
			picked, names = append(picked, i), append(names, q.Options[i])
		}
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	k.answered(q.Question, names...)
	return picked, nil
}

// Confirm implements setup.Person.
func (k *keys) Confirm(ctx context.Context, q setup.Confirm) (bool, error) {
	yes := q.Default
	if err := k.run(ctx, huh.NewConfirm().Title(q.Question).Affirmative("Yes").Negative("No").Value(&yes)); err != nil {
		return false, err
	}
	k.answered(q.Question, map[bool]string{true: "Yes", false: "No"}[yes])
	return yes, nil
}
