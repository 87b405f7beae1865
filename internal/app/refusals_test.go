package app

import (
	"strings"
	"testing"
	"time"

	"doorstation/internal/health"
)

func TestRefusedCallsAreOneFaultThatCounts(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	log := &logBuffer{}
	r := refusals{faults: faults{health.NewRegister(time.Now, textLog(log))}, now: func() time.Time { return now }}
	detail := func() string { return r.faults.Standing()[0].Detail }
	r.take("900")
	r.take("901")
	if got := standing(r.faults.Register); got != "calls_refused" || detail() != `2 since the start, the last one by "901"` {
		t.Errorf("%s: %s", got, detail())
	}
	for range 1000 {
		r.take(strings.Repeat("x", 100))
	}
	if n := strings.Count(log.String(), "calls_refused"); n != tellEach {
		t.Errorf("%d lines in the log", n)
	}
	now = now.Add(tellAgain)
	r.take("902")
	if detail() != `1003 since the start, the last one by "902"` {
		t.Error(detail())
	}
}
