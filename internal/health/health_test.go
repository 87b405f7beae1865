package health_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorstation/internal/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a hand-moved clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newRegister(c *clock) (*health.Register, *bytes.Buffer) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return health.NewRegister(c.Now, log), &logged
}

func lines(b *bytes.Buffer) int { return strings.Count(b.String(), "\n") }

func TestAFaultStandsOnceUntilItIsCleared(t *testing.T) {
	c := newClock()
	r, logged := newRegister(c)
	start := c.Now()

	r.Raise(health.CodeNoUser, "the token belongs to Door")
	c.move(time.Minute)
	r.Raise(health.CodeNoUser, "the token belongs to Door")
	if got := lines(logged); got != 1 {
		t.Errorf("raised twice with one detail: %d log lines, want 1:\n%s", got, logged)
	}

	r.Raise(health.CodeNoUser, "the token belongs to Gate")
	standing := r.Standing()
	if len(standing) != 1 {
		t.Fatalf("%d faults stand, want 1", len(standing))
	}
	if f := standing[0]; f.Detail != "the token belongs to Gate" || !f.Since.Equal(start) {
		t.Errorf("after a new detail: detail %q since %v, want the new detail and %v", f.Detail, f.Since, start)
	}
	if got := lines(logged); got != 2 {
		t.Errorf("a changed detail: %d log lines, want 2:\n%s", got, logged)
	}

	c.move(time.Minute)
	r.Clear(health.CodeNoUser, health.CodeBackupUser)
	if r.Has(health.CodeNoUser) || len(r.Standing()) != 0 {
		t.Error("the fault still stands after Clear")
	}
	if !strings.Contains(logged.String(), "stood=2m0s") || lines(logged) != 3 {
		t.Errorf("the mending is not logged once with how long it stood:\n%s", logged)
	}

	r.Clear(health.CodeNoUser)
	if lines(logged) != 3 {
		t.Errorf("clearing what does not stand is logged:\n%s", logged)
	}
	r.Raise(health.CodeNoUser, "")
	if since := r.Standing()[0].Since; !since.Equal(start.Add(2 * time.Minute)) {
		t.Errorf("raised anew: since %v, want the new time", since)
	}
}

func TestErrorsStandBeforeWarningsAndOldBeforeYoung(t *testing.T) {
	c := newClock()
	r, _ := newRegister(c)
	for _, code := range []health.Code{
		health.CodeBackupUser, health.CodePBXUnreachable, health.CodeNoPicture, health.CodeCameraStalled,
	} {
		r.Raise(code, "")
		c.move(time.Second)
	}
	var got []health.Code
	for _, f := range r.Standing() {
		got = append(got, f.Code)
	}
	want := []health.Code{
		health.CodePBXUnreachable, health.CodeCameraStalled, health.CodeBackupUser, health.CodeNoPicture,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSeverityIsTheLogLevel(t *testing.T) {
	r, logged := newRegister(newClock())
	r.Raise(health.CodeBackupUser, "")
	r.Raise(health.CodeTokenRefused, "401")
	for _, want := range []string{"level=WARN", "code=backup_user", "level=ERROR", "code=token_refused", "detail=401"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, logged)
		}
	}
}

func TestAnUnknownFaultIsNotSwallowed(t *testing.T) {
	r, _ := newRegister(newClock())
	r.Raise("something_new", "seen")
	if f := r.Standing()[0]; f.Severity != health.SeverityError || !strings.Contains(f.Title, "something_new") {
		t.Errorf("got %+v, want an error that names the code", f)
	}
}

func TestFaultsFromManyGoroutines(t *testing.T) {
	r, _ := newRegister(newClock())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				r.Raise(health.CodeCameraStalled, strconv.Itoa(i*n))
				r.Standing()
				r.Has(health.CodeCameraStalled)
				r.Clear(health.CodeCameraStalled)
			}
		})
	}
	wg.Wait()
	if got := r.Standing(); len(got) != 0 {
		t.Errorf("%v stands though everything was cleared", got)
	}
}

func TestFaultAsJSON(t *testing.T) {
	c := newClock()
	r, _ := newRegister(c)
	r.Raise(health.CodeNoTargets, "Front door")
	b, err := json.Marshal(r.Standing())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"code":"no_targets"`, `"severity":"warning"`, `"title":"A bell`, `"detail":"Front door"`,
		`"remedy":"List`, `"since":"2026-11-01T12:00:00Z"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
}

// TestCatalogueIsComplete holds the table to its promise: every constant is described, in sentences a person can act on.
func TestCatalogueIsComplete(t *testing.T) {
	described := make(map[health.Code]bool)
	for _, f := range health.Catalogue() {
		if described[f.Code] {
			t.Errorf("%s: described twice", f.Code)
		}
		described[f.Code] = true
		if f.Severity != health.SeverityError && f.Severity != health.SeverityWarning {
			t.Errorf("%s: severity %q", f.Code, f.Severity)
		}
		for name, s := range map[string]string{"title": f.Title, "remedy": f.Remedy} {
			if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, ").") || len(s) < 20 {
				t.Errorf("%s: the %s is no sentence: %q", f.Code, name, s)
			}
		}
		if f.Detail != "" || !f.Since.IsZero() {
			t.Errorf("%s: the catalogue has a detail or a time", f.Code)
		}
	}
	for _, code := range declaredCodes(t) {
		if !described[code] {
			t.Errorf("%s is declared and not described", code)
		}
		delete(described, code)
	}
	for code := range described {
		t.Errorf("%s is described and has no constant", code)
	}
}

// declaredCodes reads the Code constants from the source.
func declaredCodes(t *testing.T) []health.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "catalogue.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []health.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if lit, isLit := spec.Values[i].(*ast.BasicLit); isLit && strings.HasPrefix(name.Name, "Code") {
				s, unquoteErr := strconv.Unquote(lit.Value)
				if unquoteErr != nil {
					t.Fatal(unquoteErr)
				}
				codes = append(codes, health.Code(s))
			}
		}
		return true
	})
	if len(codes) == 0 {
		t.Fatal("no constant found")
	}
	return codes
}
