// Package monitor tells machines how the door station does, over HTTP: whether it lives (/healthz), whether the bell would ring
// (/readyz), and figures for Prometheus (/metrics). It answers GET only, knows no secret and changes nothing.
package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"doorstation/internal/control"
	"doorstation/internal/httpd"
)

// What somebody on the network may cost the agent.
const (
	requestLimit = 5 * time.Second
	answerLimit  = 10 * time.Second
	idleLimit    = 30 * time.Second
	maxHeader    = 8 << 10
	maxScrapes   = 4
	maxConns     = 32
)

// Station is what the monitor shows.
type Station interface {
	// Status is the whole station at this moment.
	Status() control.Status
	// Alive is nil while every loop of the agent answers, else which do not.
	Alive() error
}

// Options are what the monitor may be given.
type Options struct {
	// Address is host:port, such as 127.0.0.1:9517.
	Address string
	Station Station
	Log     *slog.Logger
	// OnFault is told why nothing listens at Address, and nil when something does. It may be nil.
	OnFault func(error)
}

// Serve answers until ctx ends; it then returns nil. An address that can't be had is told and tried again: the bell does not
// depend on it.
func Serve(ctx context.Context, o Options) error {
	if o.OnFault == nil {
		o.OnFault = func(error) {}
	}
	handler, err := routes(o.Station)
	if err != nil {
		return err
	}
	httpd.KeepUp(ctx, func(ctx context.Context) error {
		var listen net.ListenConfig
		l, listenErr := listen.Listen(ctx, "tcp", o.Address)
		if listenErr != nil {
			return listenErr
		}
		o.Log.Debug("health and metrics are served", "address", l.Addr().String())
		o.OnFault(nil)
		return serve(ctx, l, handler, o.Log)
	}, func(broken error) { o.OnFault(fmt.Errorf("monitor: %w", broken)) })
	return nil
}

// serve answers on one listener until ctx ends, or the listener breaks.
func serve(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger) error {
	return httpd.Answer(ctx, &http.Server{
		Handler: handler, ReadHeaderTimeout: requestLimit, ReadTimeout: requestLimit, WriteTimeout: answerLimit,
		IdleTimeout: idleLimit, MaxHeaderBytes: maxHeader,
	}, netutil.LimitListener(l, maxConns), log)
}

// Metrics is the handler of /metrics alone, for a place that has guards of its own.
func Metrics(s Station) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collector{s}, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector(),
	} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("monitor: metrics: %w", err)
		}
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, Timeout: answerLimit}), nil
}

// routes is the API.
func routes(s Station) (http.Handler, error) {
	figures, err := Metrics(s)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		var v verdict
		if dead := s.Alive(); dead != nil {
			v.Problems = []string{dead.Error()}
		}
		v.reply(w)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		verdict{Problems: NotReady(s.Status())}.reply(w)
	})
	mux.Handle("GET /metrics", figures)
	return mux, nil
}

// NotReady says what keeps a press of the bell from doing all of its duty: that the door is not registered, and the faults that are
// errors. Nothing means ready.
func NotReady(s control.Status) []string {
	var problems []string
	if s.Registration.State != registered {
		problems = append(problems, "registration: "+s.Registration.State)
	}
	for _, f := range s.Faults {
		if f.Severity == severityError {
			problems = append(problems, f.Code+": "+f.Title)
		}
	}
	return problems
}

// Words of control.Status.
const (
	registered    = "registered"
	severityError = "error"
)

// verdict is an answer: 200 without problems, else 503 (Service Unavailable).
type verdict struct {
	Status   string   `json:"status"`
	Problems []string `json:"problems,omitempty"`
}

func (v verdict) reply(w http.ResponseWriter) {
	code := http.StatusOK
	v.Status = "ok"
	if len(v.Problems) > 0 {
		code, v.Status = http.StatusServiceUnavailable, "failing"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // whoever asked has gone
}
