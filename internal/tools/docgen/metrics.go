package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/monitor"
)

const metricsPage = "docs/metrics.md"

// everything is a station of which every figure is known.
type everything struct{}

func (everything) Alive() error { return nil }

func (everything) Status() control.Status {
	at := time.Unix(1_800_000_000, 0)
	return control.Status{
		Version:      "1.0",
		Registration: control.Registration{State: "registered", Expires: &at},
		Settings:     control.Settings{Origin: "fresh", Fetched: &at},
		Visit:        control.Visit{State: "idle"},
		Faults:       []control.Fault{{Code: "no_picture", Severity: "warning"}},
	}
}

// scraped is a metric as a scrape tells it.
type scraped struct {
	help, kind string
	labels     []string
}

// scrape starts the agent's monitor on this machine and reads its own metrics, without those of the Go runtime and the process.
func scrape() (map[string]scraped, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err = l.Close(); err != nil { // Serve listens by itself
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	listens, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		ended <- monitor.Serve(ctx, monitor.Options{
			Address: address, Station: everything{}, Log: slog.New(slog.DiscardHandler),
			OnFault: func(err error) {
				select {
				case listens <- err:
				default:
				}
			},
		})
	}()
	var text string
	if err = <-listens; err == nil {
		text, err = get(ctx, "http://"+address+"/metrics")
	}
	cancel()
	return parseMetrics(text), errors.Join(err, <-ended)
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(answer.Body)
	return string(data), errors.Join(err, answer.Body.Close())
}

// parseMetrics reads Prometheus's text format as far as needed here.
func parseMetrics(text string) map[string]scraped {
	all := map[string]scraped{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.Contains(line, "doorstation_") {
			continue
		}
		comment, isComment := strings.CutPrefix(line, "# ")
		if isComment {
			what, rest, _ := strings.Cut(comment, " ")
			name, words, _ := strings.Cut(rest, " ")
			m := all[name]
			if what == "HELP" {
				m.help = words
			} else {
				m.kind = words
			}
			all[name] = m
			continue
		}
		name, labels, has := strings.Cut(line, "{")
		if !has {
			continue
		}
		m := all[name]
		m.labels = nil
		labels, _, _ = strings.Cut(labels, "}")
		for label := range strings.SplitSeq(labels, ",") {
			label, _, _ = strings.Cut(label, "=")
			m.labels = append(m.labels, "`"+label+"`")
		}
		all[name] = m
	}
	return all
}

// addMetrics makes the list of the agent's metrics.
func addMetrics(root string, pages map[string]string) error {
	all, err := scrape()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, m.kind, strings.Join(m.labels, ", "), cell(m.help))
	}
	page, err := read(root, metricsPage, "")
	if err == nil {
		pages[metricsPage], err = splice(page, "metrics", b.String()+"\n")
	}
	return err
}
