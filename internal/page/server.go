package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
)

// web is what a browser is given as it is.
//
//go:embed web
var web embed.FS

// server is the page on one listener.
type server struct {
	opt      Options
	log      *slog.Logger
	hosts    hosts
	feed     *feed
	door     *doorkeeper // nil: there is no password
	viewers  *viewers
	static   map[string]static
	metrics  http.Handler
	sameSite *http.CrossOriginProtection
	form     *template.Template // of the login
}

// static is a file of web.
type static struct {
	kind string
	data []byte
}

func newServer(o Options, at net.Addr) (*server, error) {
	s := &server{
		opt: o, log: o.Log, hosts: newHosts(o.Names, at), metrics: o.Metrics, static: map[string]static{},
		viewers: newViewers(), sameSite: http.NewCrossOriginProtection(),
	}
	s.feed = newFeed(o)
	if o.Password != nil {
		s.door = newDoorkeeper(o.Password, o.Now)
	}
	kinds := map[string]string{
		"index.html": "text/html; charset=utf-8", "page.css": "text/css; charset=utf-8",
		"page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	}
	for name, kind := range kinds {
		data, err := fs.ReadFile(web, "web/"+name)
		if err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
		s.static[name] = static{kind: kind, data: data}
	}
	form, err := template.ParseFS(web, "web/login.html")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	s.form = form
	return s, nil
}

// handler is the whole site with its guards.
func (s *server) handler() http.Handler {
	open := http.NewServeMux() // for everybody who may reach it
	open.HandleFunc("GET /page.css", s.file("page.css"))
	open.HandleFunc("GET /icon.svg", s.file("icon.svg"))
	closed := http.NewServeMux() // for who has logged in
	closed.HandleFunc("GET /{$}", s.file("index.html"))
	closed.HandleFunc("GET /page.js", s.file("page.js"))
	closed.HandleFunc("GET /api/events", s.events)
	closed.HandleFunc("POST /api/press", s.press)
	closed.HandleFunc("POST /api/sound", s.testSound)
	closed.HandleFunc("POST /api/picture", s.watch)
	closed.HandleFunc("DELETE /api/picture/{id}", s.unwatch)
	closed.HandleFunc("GET /docs/faults/{code}", s.help)
	if s.metrics != nil {
		closed.Handle("GET /metrics", s.metrics)
	}
	if s.door != nil {
		open.HandleFunc("GET /login", s.loginPage)
		open.HandleFunc("POST /login", s.login)
		closed.HandleFunc("POST /logout", s.logout)
	}
	open.Handle("/", s.admitted(closed))
	return s.guarded(open)
}

// file gives out a file of web.
func (s *server) file(name string) http.HandlerFunc {
	f := s.static[name]
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", f.kind)
		s.wrote(w.Write(f.data))
	}
}

// wrote notes an answer that nobody took.
func (s *server) wrote(_ int, err error) {
	if err != nil {
		s.log.Debug("status page: an answer was not taken", "error", err)
	}
}

// refusal is the answer to what was not done, in a sentence for the person.
type refusal struct {
	Error string `json:"error"`
}

func (s *server) reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		s.log.Error("status page: the answer can't be written as JSON", "error", err)
		status, text = http.StatusInternalServerError, []byte(`{"error":"The answer can't be written."}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	s.wrote(w.Write(text))
}

func (s *server) refuse(w http.ResponseWriter, status int, why string) {
	s.reply(w, status, refusal{Error: why})
}
