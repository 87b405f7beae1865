package setup_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/settings"
	"doorstation/internal/setup"
)

// person answers by what a question begins with; what is not in the list is answered by its default.
type person struct {
	t       *testing.T
	answers []answer
	asked   []string
	told    []string
	stopAt  int // the number of the question at which it gives up, counted from 1
	cancel  context.CancelFunc
}

// answer is one of a person. An empty end means that it is given each time, else it is given once.
type answer struct {
	to, is string
	once   bool
}

func (p *person) Tell(_ setup.Style, text string) { p.told = append(p.told, text) }

// find returns the answer to a question.
func (p *person) find(question string) (string, bool, error) {
	p.asked = append(p.asked, question)
	if len(p.asked) == p.stopAt {
		if p.cancel != nil {
			p.cancel()
		}
		return "", false, setup.ErrStopped
	}
	if len(p.asked) > 200 {
		p.t.Fatalf("asked again and again: %q", question)
	}
	for i, a := range p.answers {
		if strings.HasPrefix(question, a.to) {
			if a.once {
				p.answers = slices.Delete(p.answers, i, i+1)
			}
			return a.is, true, nil
		}
	}
	return "", false, nil
}

func (p *person) Ask(_ context.Context, q setup.Ask) (string, error) {
	text, ok, err := p.find(q.Question)
	if err != nil {
		return "", err
	}
	if !ok {
		text = q.Default
	}
	if text == "" && !q.Optional {
		p.t.Fatalf("no answer to %q", q.Question)
	}
	if q.Check != nil && text != "" {
		if err = q.Check(text); err != nil {
			p.t.Fatalf("%q as an answer to %q: %v", text, q.Question, err)
		}
	}
	return text, nil
}

func (p *person) Choose(_ context.Context, q setup.Choice) (int, error) {
	text, ok, err := p.find(q.Question)
	if err != nil {
		return 0, err
	}
	if ok {
		i := slices.IndexFunc(q.Options, func(o string) bool { return strings.Contains(o, text) })
		if i < 0 {
			p.t.Fatalf("%q is not among the answers to %q: %q", text, q.Question, q.Options)
		}
		return i, nil
	}
	if q.Default == setup.NoDefault {
		p.t.Fatalf("no answer to %q", q.Question)
	}
	return q.Default, nil
}

func (p *person) ChooseSeveral(_ context.Context, q setup.Several) ([]int, error) {
	text, ok, err := p.find(q.Question)
	if err != nil {
		return nil, err
	}
	var picked []int
	for i, o := range q.Options {
		if ok && slices.ContainsFunc(strings.Split(text, ","), func(part string) bool { return strings.Contains(o, part) }) || !ok && q.Chosen[i] {
			picked = append(picked, i)
		}
	}
	if len(picked) < q.Least {
		p.t.Fatalf("%d answers to %q, of %q", len(picked), q.Question, q.Options)
	}
	return picked, nil
}

func (p *person) Confirm(_ context.Context, q setup.Confirm) (bool, error) {
	text, ok, err := p.find(q.Question)
	if err != nil {
		return false, err
	}
	if ok {
		return text == "yes", nil
	}
	return q.Default, nil
}

func (p *person) Wait(ctx context.Context, text, hint string, work func(context.Context, func(string)) error) error {
	if hint != "" {
		said, _, err := p.find(text)
		if err != nil {
			return err
		}
		if said == "skip" {
			over, cancel := context.WithCancel(ctx)
			cancel()
			_ = work(over, func(string) {})
			return setup.ErrSkipped
		}
	}
	return work(ctx, func(string) {})
}

func (p *person) Picture(image.Image) bool { return true }

// heard reports whether a text was told.
func (p *person) heard(part string) bool {
	return slices.ContainsFunc(p.told, func(text string) bool { return strings.Contains(text, part) })
}

// home is a Home Assistant with one door's user.
type home struct {
	places  []setup.Place
	reach   map[string]error
	token   string
	user    setup.User
	users   map[string]setup.User // of other tokens
	core    settings.SIPCore
	coreErr []error // given first, one after the other
	looks   int     // how often the settings were read
	added   func(h *home)
	revoked []string
	shown   []string // tokens with the address they were shown at
	cert    *x509.Certificate
}

func (h *home) Find(context.Context) ([]setup.Place, error) { return h.places, nil }

func (h *home) Reach(_ context.Context, at setup.Address) error {
	if h.cert != nil && strings.Contains(string(at.Trust), "CERTIFICATE") {
		return nil
	}
	err, known := h.reach[at.URL]
	if !known {
		return fmt.Errorf("%w: %s", setup.ErrNoAnswer, at.URL)
	}
	return err
}

func (h *home) Certificates(context.Context, setup.Address) ([]*x509.Certificate, error) {
	return []*x509.Certificate{h.cert}, nil
}

func (h *home) Login(ctx context.Context, _ setup.Address, user, password string, ask setup.Further) (setup.Made, error) {
	if user != "door" || password != "garden" {
		return setup.Made{}, setup.ErrLoginRefused
	}
	code, err := ask.Code(ctx, "Authenticator app", false)
	if err != nil {
		return setup.Made{}, err
	}
	if code != "123456" {
		return setup.Made{}, setup.ErrLoginRefused
	}
	return setup.Made{Token: h.token, Name: "doorstation pi"}, nil
}

func (h *home) Revoke(_ context.Context, at setup.Address, token string) error {
	h.shown = append(h.shown, at.URL+" "+token)
	h.revoked = append(h.revoked, token)
	return nil
}

func (h *home) User(_ context.Context, at setup.Address, token string) (setup.User, error) {
	h.shown = append(h.shown, at.URL+" "+token)
	if h.users != nil {
		if u, ok := h.users[token]; ok {
			return u, nil
		}
	}
	if token != h.token {
		return setup.User{}, setup.ErrTokenRefused
	}
	return h.user, nil
}

func (h *home) SIPCore(context.Context, setup.Address, string) (settings.SIPCore, []settings.Problem, error) {
	h.looks++
	if len(h.coreErr) > 0 {
		err := h.coreErr[0]
		h.coreErr = h.coreErr[1:]
		return settings.SIPCore{}, nil, err
	}
	if h.added != nil && h.looks > 1 {
		h.added(h)
	}
	return h.core, nil, nil
}

// machine is everything at the machine.
type machine struct {
	cameras  []setup.Camera
	sound    []setup.SoundDevice
	lines    []setup.Line
	linesErr error
	moves    map[string]setup.Moved // by pull
	clicks   []string
	watched  []setup.Line

	registered []settings.Local
	refused    []error

	running, service bool
	log              []string // what was done with the service

	local   settings.Local
	exists  bool
	token   string
	written []setup.Written
}

func (m *machine) Cameras(context.Context) ([]setup.Camera, error) { return m.cameras, nil }

func (m *machine) Picture(context.Context, settings.Camera) (setup.Picture, error) {
	return setup.Picture{Image: image.NewGray(image.Rect(0, 0, 8, 8)), Found: "8x8"}, nil
}

func (m *machine) SoundDevices(context.Context) ([]setup.SoundDevice, error) { return m.sound, nil }

func (m *machine) TrySound(_ context.Context, _ settings.Audio, phase func(string), level func(float64)) (setup.SoundTrial, error) {
	phase("Playing a tone")
	level(-20)
	return setup.SoundTrial{Found: "heard", Voice: -20}, nil
}

func (m *machine) Lines(context.Context) ([]setup.Line, error) { return m.lines, m.linesErr }

func (m *machine) WatchLines(ctx context.Context, lines []setup.Line, pull string) (<-chan setup.Moved, error) {
	m.watched = append(m.watched, lines...)
	moves := make(chan setup.Moved, 1)
	defer close(moves)
	if move, ok := m.moves[pull]; ok && ctx.Err() == nil {
		if !slices.Contains(lines, move.Line) {
			return nil, errors.New("this line is not to be watched")
		}
		moves <- move
	}
	return moves, nil
}

func (m *machine) Click(_ context.Context, pin settings.Pin, active string, d time.Duration) error {
	m.clicks = append(m.clicks, fmt.Sprintf("%s %s %v", pin.Name, active, d))
	return nil
}

func (m *machine) LetGo(_ context.Context, pin settings.Pin) error {
	m.clicks = append(m.clicks, pin.Name+" let go")
	return nil
}

func (m *machine) Register(_ context.Context, l settings.Local, _ setup.Address, _ string) (string, string, error) {
	m.registered = append(m.registered, l)
	if len(m.refused) > 0 {
		err := m.refused[0]
		m.refused = m.refused[1:]
		return "", "put it right", err
	}
	return "registered", "", nil
}

func (m *machine) State(context.Context) (setup.AgentState, error) {
	return setup.AgentState{Running: m.running, Service: m.service}, nil
}

func (m *machine) Stop(context.Context) error {
	m.log = append(m.log, "stop")
	m.running = false
	return nil
}

func (m *machine) Start(_ context.Context, enable bool) error {
	m.log = append(m.log, map[bool]string{true: "enable and start", false: "start"}[enable])
	m.running = true
	return nil
}

func (m *machine) Registered(context.Context) (string, error) { return "registered as 8001", nil }
func (m *machine) Ring(context.Context) error                 { m.log = append(m.log, "ring"); return nil }
func (m *machine) Visit(context.Context, func(string)) error  { return nil }

func (m *machine) Check(context.Context) (int, int, error) {
	m.log = append(m.log, "check")
	return 0, 0, nil
}

func (m *machine) Read() (settings.Local, bool, error) { return m.local, m.exists, nil }
func (m *machine) Token(settings.Local) string         { return m.token }
func (m *machine) Trust(settings.Local) []byte         { return nil }

func (m *machine) Render(l settings.Local) (now, before string, err error) {
	if m.exists {
		before = fmt.Sprintf("%+v", m.local)
	}
	return fmt.Sprintf("%+v", l), before, nil
}

func (m *machine) Write(w setup.Written) ([]string, error) {
	m.written = append(m.written, w)
	return []string{"config.yaml"}, nil
}

func (m *machine) Places() (tokenFile, caFile string)      { return "/etc/door/token", "/etc/door/ca.pem" }
func (m *machine) SavePicture(image.Image) (string, error) { return "/tmp/camera.jpg", nil }
