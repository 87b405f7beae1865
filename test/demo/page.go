package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"doorstation/internal/control"
)

const (
	// statusEvery is how often the agent is asked for a viewer of the page: a door that opens should be seen to open.
	statusEvery = 150 * time.Millisecond
	askLimit    = 2 * time.Second
)

// pageServer serves the page, its SIP socket and what it wants to know of the agent.
type pageServer struct {
	home  *home
	agent *agent
	web   *webServer
}

// servePage begins to serve.
func servePage(listener net.Listener, page string, h *home, a *agent) *pageServer {
	p := &pageServer{home: h, agent: a}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(page)))
	mux.Handle("GET /ws", h.pbx)
	mux.HandleFunc("GET /demo/settings", p.settings)
	mux.HandleFunc("GET /demo/events", p.events)
	mux.HandleFunc("POST /demo/press", p.press)
	// Another site that is open in the same browser must not ring the bell.
	p.web = serve(listener, secured(http.NewCrossOriginProtection().Handler(mux)))
	return p
}

// close ends the server and with it the streams of events.
func (p *pageServer) close() { p.web.close() }

// secured keeps the page to what it brings along: no other site's scripts, fonts or pictures.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; media-src 'self' blob:; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// settings is what the tablet's card would get from SIP Core.
func (p *pageServer) settings(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, map[string]any{
		"extension": tabletExtension, "password": p.home.tabletPassword, "display_name": "Hall tablet", "domain": sipDomain,
		"callers": map[string]string{doorExtension: buttonName}, "open_digits": openDigits, "open_label": openLabel,
		"ice_servers": []any{},
	})
}

// press presses the bell at the agent, by the same socket as `doorstation press`.
func (p *pageServer) press(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	reply, err := p.agent.client.Press(ctx, buttonName)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, reply)
}

// report is one event: the agent's status as `doorstation status --json` prints it, or none when it does not answer.
type report struct {
	Agent  string          `json:"agent"` // running or stopped
	Status *control.Status `json:"status"`
}

// events tells a viewer of the page the agent's status, each time it has changed (server-sent events).
func (p *pageServer) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := http.NewResponseController(w)
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	var last []byte
	for {
		now, err := json.Marshal(p.report(r.Context()))
		if err != nil {
			return
		}
		if !bytes.Equal(now, last) {
			last = now
			if _, err = fmt.Fprintf(w, "data: %s\n\n", now); err != nil {
				return
			}
			if err = flusher.Flush(); err != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *pageServer) report(ctx context.Context) report {
	if !p.agent.running() {
		return report{Agent: "stopped"}
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	status, err := p.agent.client.Status(ctx)
	if err != nil {
		return report{Agent: "running"} // its socket is not there yet, or not any more
	}
	return report{Agent: "running", Status: &status}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return // the asker is gone
	}
}
