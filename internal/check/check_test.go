package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"

	"doorstation/internal/check"
	"doorstation/internal/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// says is a link that says one thing.
func says(name string, f check.Finding, needs ...string) check.Link {
	return check.Link{Name: name, Title: strings.ToUpper(name), Needs: needs, Run: func(_ context.Context, say func(check.Finding)) { say(f) }}
}

func TestABrokenLinkKeepsThoseThatNeedItFromBeingLookedAt(t *testing.T) {
	r := check.Walk(t.Context(), []check.Link{
		says("file", check.Finding{Found: "right"}),
		says("token", check.Finding{Code: health.CodeTokenMissing, Found: "none"}, "file"),
		says("login", check.Finding{Found: "in"}, "token"),
		says("settings", check.Finding{Found: "all"}, "login"),
		says("camera", check.Finding{Code: health.CodeCameraFormat, Found: "high profile"}, "file"),
		says("picture", check.Finding{Found: "seen"}, "camera"), // a warning is no hindrance
		says("kept", check.Finding{Outcome: check.Skipped, Found: "nothing kept"}),
		says("user", check.Finding{Found: "me"}, "kept"),
	}, time.Now, nil)
	want := map[string]check.Outcome{
		"file": check.OK, "token": check.Error, "login": check.Skipped, "settings": check.Skipped, "camera": check.Warning, "picture": check.OK,
		"kept": check.Skipped, "user": check.Skipped,
	}
	for _, f := range r.Findings {
		if f.Outcome != want[f.Link] {
			t.Errorf("%s: %s, want %s", f.Link, f.Outcome, want[f.Link])
		}
	}
	if len(r.Findings) != len(want) || r.Errors != 1 || r.Warnings != 1 || r.Outcome != check.Error || r.Status() != check.StatusErrors {
		t.Errorf("%+v", r)
	}
	if f := r.Of("login")[0]; !strings.Contains(f.Found, "TOKEN") {
		t.Errorf("it does not say without what: %q", f.Found)
	}
	token := r.Of("token")[0]
	if token.Problem == "" || token.Remedy == "" || token.Docs != "docs/faults/token_missing.md" || token.Title != "TOKEN" {
		t.Errorf("the catalogue's words are missing: %+v", token)
	}
}

func TestTheExitStatusIsThatOfTheWorst(t *testing.T) {
	for _, c := range []struct {
		f      check.Finding
		status int
	}{
		{check.Finding{Found: "well"}, 0},
		{check.Finding{Outcome: check.Note, Found: "by the way"}, 0},
		{check.Finding{Outcome: check.Note, Code: health.CodeNoRelay, Found: "a warning that is none here"}, 0},
		{check.Finding{Outcome: check.Skipped, Found: "not asked for"}, 0},
		{check.Finding{Code: health.CodeBackupUser, Found: "backup"}, 3},
		{check.Finding{Code: health.CodeNoUser, Found: "nobody"}, 4},
		{check.Finding{Code: "unheard_of", Found: "?"}, 4},
	} {
		if r := check.Walk(t.Context(), []check.Link{says("a", c.f)}, time.Now, nil); r.Status() != c.status {
			t.Errorf("%+v: status %d, want %d", c.f, r.Status(), c.status)
		}
	}
}

func TestALinkThatSaysNothingIsAnError(t *testing.T) {
	r := check.Walk(t.Context(), []check.Link{{Name: "mute", Title: "Mute", Run: func(context.Context, func(check.Finding)) {}}}, time.Now, nil)
	if r.Outcome != check.Error || len(r.Findings) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestALinkHasItsTimeAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := check.Link{Name: "slow", Title: "Slow", Limit: 7 * time.Second, Run: func(ctx context.Context, say func(check.Finding)) {
			<-ctx.Done()
			say(check.Finding{Outcome: check.Error, Found: context.Cause(ctx).Error()})
		}}
		r := check.Walk(t.Context(), []check.Link{slow}, time.Now, nil)
		if f := r.Findings[0]; f.TookMS != 7000 || !strings.Contains(f.Found, "7s") || r.TookMS != 7000 {
			t.Errorf("%+v", r)
		}
	})
}

func TestAnInterruptedWalkSkipsTheRest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first := check.Link{Name: "a", Title: "A", Run: func(_ context.Context, say func(check.Finding)) {
		say(check.Finding{Code: health.CodeBackupUser, Found: "seen before"})
		cancel()
		say(check.Finding{Found: "x"})
		say(check.Finding{Code: health.CodePBXUnreachable, Found: "operation was canceled"})
	}}
	r := check.Walk(ctx, []check.Link{first, says("b", check.Finding{Found: "never"})}, time.Now, nil)
	if got := r.Of("b")[0]; got.Outcome != check.Skipped || !strings.Contains(got.Found, "interrupted") {
		t.Errorf("%+v", got)
	}
	a := r.Of("a")
	if a[0].Code != health.CodeBackupUser || a[1].Outcome != check.OK {
		t.Errorf("what was found is lost: %+v", a)
	}
	if a[2].Outcome != check.Skipped || a[2].Code != "" || a[2].Remedy != "" || !strings.Contains(a[2].Found, "interrupted") {
		t.Errorf("what the interruption broke is told as a fault: %+v", a[2])
	}
	if !r.Interrupted || r.Status() != check.StatusInterrupted {
		t.Errorf("status %d: a program would take that for a whole check: %+v", r.Status(), r)
	}
	var out bytes.Buffer
	if err := check.NewPrinter(&out, check.Style{}).Summary(r); err != nil || !strings.Contains(out.String(), "Interrupted: 1 warning, 2 not looked at") {
		t.Errorf("%v, %q", err, out.String())
	}
	if r = check.Walk(t.Context(), []check.Link{first}, time.Now, nil); r.Interrupted || r.Of("a")[2].Code != health.CodePBXUnreachable {
		t.Errorf("nobody interrupted that: %+v", r)
	}
}

func TestOnlyAndSkip(t *testing.T) {
	links := []check.Link{says("file", check.Finding{}), says("token", check.Finding{}, "file"), says("login", check.Finding{}, "token"), says("camera", check.Finding{}, "file")}
	settings := says("settings", check.Finding{Found: "it does without"}, "file")
	settings.Uses = []string{"token"}
	links = append(links, settings)
	for _, c := range []struct {
		only, skip []string
		want       string
	}{
		{nil, nil, "file token login camera settings"},
		{[]string{"login"}, nil, "file token login"},
		{[]string{"camera", "token"}, nil, "file token camera"},
		{nil, []string{"camera"}, "file token login settings"},
		{[]string{"login"}, []string{"token"}, "file login"},
		{[]string{"settings"}, nil, "file token settings"},
		{[]string{"settings"}, []string{"token"}, "file settings"},
	} {
		got, err := check.Select(links, c.only, c.skip)
		if err != nil || strings.Join(check.Names(got), " ") != c.want {
			t.Errorf("only %v, skip %v: %v, %v", c.only, c.skip, check.Names(got), err)
		}
	}
	if _, err := check.Select(links, []string{"dance"}, nil); !errors.Is(err, check.ErrNoSuchLink) || !strings.Contains(err.Error(), "camera") {
		t.Errorf("%v", err)
	}
	r := check.Walk(t.Context(), mustSelect(t, links, nil, []string{"token"}), time.Now, nil)
	if f := r.Of("login")[0]; f.Outcome != check.Skipped || r.Status() != 0 {
		t.Errorf("what needs a link that was left out: %+v", f)
	}
	if f := r.Of("settings")[0]; f.Outcome == check.Skipped {
		t.Errorf("what uses a link that was left out: %+v", f)
	}
}

func mustSelect(t *testing.T, links []check.Link, only, skip []string) []check.Link {
	t.Helper()
	selected, err := check.Select(links, only, skip)
	if err != nil {
		t.Fatal(err)
	}
	return selected
}

// print walks links and prints them.
func print(t *testing.T, s check.Style, links ...check.Link) string {
	t.Helper()
	var out bytes.Buffer
	p := check.NewPrinter(&out, s)
	r := check.Walk(t.Context(), links, time.Now, p.Show)
	if err := p.Summary(r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTextForPeople(t *testing.T) {
	links := []check.Link{
		says("file", check.Finding{Found: "right\nin every line"}), says("token", check.Finding{Code: health.CodeTokenMissing, Found: "none"}),
		says("login", check.Finding{}, "token"), says("outside", check.Finding{Outcome: check.Note, Found: "no relay"}),
	}
	plain := print(t, check.Style{}, links...)
	for _, want := range []string{
		"ok    FILE", "    in every line\n", "ERROR TOKEN", "    token_missing: There is no", "    > In Home Assistant", "see docs/faults/token_missing.md",
		"skip  LOGIN", "note  OUTSIDE", "ERROR 1 error, 1 note, 1 not looked at, in ",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q in:\n%s", want, plain)
		}
	}
	if strings.ContainsAny(plain, "\x1b\r✓✗") {
		t.Errorf("no plain text:\n%q", plain)
	}
	for _, line := range strings.Split(plain, "\n") {
		if len(line) > 100 && strings.HasPrefix(line, "  ") {
			t.Errorf("too long for a terminal: %q", line)
		}
	}
	fancy := print(t, check.Style{Colour: true, Unicode: true, Live: true, DocsDir: "/usr/share/doc/doorstation"}, links...)
	for _, want := range []string{"\x1b[31m✗\x1b[0m TOKEN", "\r\x1b[K", "\x1b[32m✓\x1b[0m FILE", "/usr/share/doc/doorstation/faults/token_missing.md"} {
		if !strings.Contains(fancy, want) {
			t.Errorf("no %q in:\n%q", want, fancy)
		}
	}
	if well := print(t, check.Style{}, links[0]); !strings.Contains(well, "All is well") {
		t.Errorf("%s", well)
	}
}

// TestNobodyOnTheNetworkWritesToTheTerminal: certificates, names and answers are others' words. What they hold beside text – escape sequences
// that clear lines or change colours, a return to the line's beginning – is seen and does nothing.
func TestNobodyOnTheNetworkWritesToTheTerminal(t *testing.T) {
	const evil = "a\x1b[2K\rb\x9bc\x00d\u202ee\x07"
	link := says("a", check.Finding{Title: evil, Outcome: check.Warning, Found: evil + "\n" + evil, Problem: evil, Remedy: evil})
	link.Title = evil
	for _, s := range []check.Style{{}, {Unicode: true}, {Unicode: true, Width: 80}, {Live: true}} {
		text := print(t, s, link)
		text = strings.ReplaceAll(text, "\r\x1b[K", "") // the printer's own
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }); i >= 0 {
			t.Errorf("%+v: %q", s, text)
		}
		if strings.Count(text, "b") < 4 || strings.Count(text, "\n") < 5 {
			t.Errorf("%+v: what was said is not to be seen: %q", s, text)
		}
	}
}

// TestLinesAreBrokenAtWordsForATerminal, and for nothing else.
func TestLinesAreBrokenAtWordsForATerminal(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("grüßt ", 30))
	links := []check.Link{
		says("a", check.Finding{Found: long + "\n  " + long}), says("b", check.Finding{Code: health.CodeTokenMissing, Found: "none"}),
		says("c", check.Finding{}, "b"), says("d", check.Finding{Found: strings.Repeat("x", 90)}),
	}
	for _, unicode := range []bool{false, true} {
		for _, line := range strings.Split(print(t, check.Style{Unicode: unicode, Width: 80}, links...), "\n") {
			if utf8.RuneCountInString(line) > 80 && !strings.Contains(line, "xxx") {
				t.Errorf("too long for 80 columns: %q", line)
			}
		}
	}
	text := print(t, check.Style{Width: 80}, links...)
	if got := strings.Count(text, "grüßt"); got != 60 {
		t.Errorf("%d of 60 words:\n%s", got, text)
	}
	for _, want := range []string{"\n" + strings.Repeat(" ", 29) + "grüßt", "\n      grüßt"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if !strings.Contains(print(t, check.Style{}, links...), long+"\n      "+long+"\n") {
		t.Error("what goes into a file is broken")
	}
	print(t, check.Style{Width: 1}, links...)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no more paper") }

func TestPrintingThatFailsIsTold(t *testing.T) {
	p := check.NewPrinter(broken{}, check.Style{})
	r := check.Walk(t.Context(), []check.Link{says("a", check.Finding{Found: "x"})}, time.Now, p.Show)
	if err := p.Summary(r); err == nil || !strings.Contains(err.Error(), "no more paper") {
		t.Errorf("%v", err)
	}
}

func TestTheReportIsOneDocument(t *testing.T) {
	r := check.Walk(t.Context(), []check.Link{says("a", check.Finding{Found: "x", Data: map[string]int{"n": 1}})}, time.Now, nil)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"outcome":"ok"`, `"findings":[{"link":"a","title":"A","outcome":"ok","found":"x","data":{"n":1},"took_ms":0}]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}
