package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report gathers the figures of a run.
type report struct {
	Began       time.Time `json:"began"`
	TookSeconds float64   `json:"took_seconds"`
	CPUs        int       `json:"cpus"`
	LoadBefore  string    `json:"load_before"` // /proc/loadavg: others at work spoil figures
	LoadAfter   string    `json:"load_after"`
	Parts       []*part   `json:"parts"`
}

// part is what one bench found out.
type part struct {
	Name        string   `json:"name"`
	About       string   `json:"about"`
	TookSeconds float64  `json:"took_seconds"`
	Failed      string   `json:"failed,omitempty"`
	Figures     []figure `json:"figures"`

	began time.Time
}

// figure is one thing that was measured, once or many times. Quantiles are values that were measured: no value is made up between two.
type figure struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	N    int    `json:"n"`
	// Half, 95 and 99 % of the values are no worse than Median, P95 and P99. Worse is larger, unless More says otherwise.
	Median float64 `json:"median"`
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	Best   float64 `json:"best"`
	Worst  float64 `json:"worst"`
	More   bool    `json:"more_is_better,omitempty"`
	// Of is set for a count out of N, which then is in Median.
	Of bool `json:"of,omitempty"`
}

func newReport() *report {
	return &report{Began: time.Now(), CPUs: runtime.NumCPU(), LoadBefore: load()}
}

func (r *report) begin(name, about string) *part {
	p := &part{Name: name, About: strings.Join(strings.Fields(about), " "), began: time.Now()}
	r.Parts = append(r.Parts, p)
	return p
}

func (r *report) end() {
	r.TookSeconds = time.Since(r.Began).Seconds()
	r.LoadAfter = load()
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (p *part) end() { p.TookSeconds = time.Since(p.began).Seconds() }

func (p *part) took() time.Duration { return time.Duration(p.TookSeconds * float64(time.Second)) }

// values adds a figure that was measured many times, of which less is better.
func (p *part) values(name, unit string, v []float64) { p.add(name, unit, v, false) }

// rates adds a figure of which more is better.
func (p *part) rates(name, unit string, v []float64) { p.add(name, unit, v, true) }

func (p *part) add(name, unit string, v []float64, more bool) {
	f := figure{Name: name, Unit: unit, N: len(v), More: more}
	if len(v) > 0 {
		s := slices.Sorted(slices.Values(v))
		if more {
			slices.Reverse(s)
		}
		at := func(q float64) float64 { return round(s[max(0, int(math.Ceil(q*float64(len(s))))-1)]) }
		f.Median, f.P95, f.P99, f.Best, f.Worst = at(0.5), at(0.95), at(0.99), round(s[0]), at(1)
	}
	p.Figures = append(p.Figures, f)
}

// times adds times, in milliseconds.
func (p *part) times(name string, s series) {
	v := make([]float64, len(s))
	for i, d := range s {
		v[i] = float64(d.Microseconds()) / 1000
	}
	p.values(name, "ms", v)
}

// value adds a figure that was measured once.
func (p *part) value(name, unit string, v float64) { p.values(name, unit, []float64{v}) }

// count adds so many out of so many.
func (p *part) count(name string, k, n int) {
	p.Figures = append(p.Figures, figure{Name: name, N: n, Median: float64(k), Of: true})
}

// round keeps what can be told apart from noise.
func round(v float64) float64 {
	if math.Abs(v) >= 100 {
		return math.Round(v*10) / 10
	}
	return math.Round(v*1000) / 1000
}

// series is one time measured many times.
type series []time.Duration

func (s *series) add(d time.Duration) { *s = append(*s, d) }

func (f figure) String() string {
	unit := ""
	if f.Unit != "" {
		unit = " " + f.Unit
	}
	n := func(v float64) string { return fmt.Sprintf("%.4g", v) + unit }
	switch {
	case f.Of:
		return fmt.Sprintf("%.0f of %d", f.Median, f.N)
	case f.N == 0:
		return "not measured"
	case f.N == 1:
		return n(f.Median)
	case f.N < 100:
		return fmt.Sprintf("median %s, p95 %s, worst %s (n = %d)", n(f.Median), n(f.P95), n(f.Worst), f.N)
	default:
		return fmt.Sprintf("median %s, p95 %s, p99 %s, worst %s (n = %d)", n(f.Median), n(f.P95), n(f.P99), n(f.Worst), f.N)
	}
}

func (r *report) print(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, %d processors, load before %q and after %q, %.0f s in all\n",
		r.Began.Format(time.RFC3339), r.CPUs, r.LoadBefore, r.LoadAfter, r.TookSeconds)
	for _, p := range r.Parts {
		fmt.Fprintf(&b, "\n%s (%.0f s)\n", p.Name, p.TookSeconds)
		for _, line := range wrap(p.About, 116) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
		for _, f := range p.Figures {
			fmt.Fprintf(&b, "  %-58s %s\n", f.Name, f)
		}
		if p.Failed != "" {
			fmt.Fprintf(&b, "  THIS PART FAILED, its figures are not whole: %s\n", p.Failed)
		}
	}
	// Whoever reads a closed pipe wants no more.
	_, _ = io.WriteString(w, b.String())
}

// wrap breaks a text into lines.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func (r *report) writeJSON(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
