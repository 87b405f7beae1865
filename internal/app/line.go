package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/peer"
	"doorstation/internal/phone"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// line is the door's registration and its warm offers, made of one settings.Settings. Another registration is another line; the
// rest may change while it stands (see use).
type line struct {
	settings atomic.Pointer[settings.Settings]
	agent    *sip.Agent
	offers   *peer.Pool
	want     int
	stages   []*stage
	log      *slog.Logger
}

// newLine makes a line; it does nothing before start. incoming is given the calls to the door.
func newLine(o Options, s settings.Settings, c *clients, f faults, incoming func(phone.IncomingCall)) (*line, error) {
	l := &line{want: mostTargets(s.Local), log: o.Log}
	l.use(s)
	tlsConf, err := s.Local.SIP.TLS.Config()
	if err != nil {
		err = fmt.Errorf("sip.tls: %w", err)
		f.onlyLine(health.CodePBXUnreachable, err.Error())
		return nil, err
	}
	locate := func(context.Context) (sip.Endpoint, error) {
		return sip.Endpoint{URL: s.PBX.URL, TLS: tlsConf, Via: via(s)}, nil
	}
	var diagnose func(context.Context, sip.Endpoint, error) error
	if s.PBX.Kind == settings.PBXIngress {
		homeTLS, tlsErr := s.Local.HomeAssistant.TLS.Config()
		if tlsErr != nil {
			return nil, fmt.Errorf("home_assistant.tls: %w", tlsErr) // the fault is raised by the next look at Home Assistant
		}
		in := &ingress{clients: c, tls: homeTLS}
		locate, diagnose = in.locate, in.diagnose
	}
	l.agent, err = sip.New(sip.Config{
		Extension: s.Extension, Password: s.Password, DisplayName: s.DisplayName, Domain: s.Domain,
		UserAgent: "doorstation/" + o.Version, Locate: locate, Diagnose: diagnose,
		Log: o.Log.With("room", "sip"), OnRegistration: f.registration,
		OnInvite: func(in *sip.Incoming) {
			incoming(incomingCall{in})
			<-in.Context().Done() // decided, or given up
		},
	})
	if err != nil {
		f.onlyLine(health.CodePBXUnreachable, err.Error())
		return nil, fmt.Errorf("signalling: %w", err)
	}
	media := peerConfig(o, s)
	// The authorities of the household's own, for its TURN server too; that one is verified in any case.
	if media.TLS, err = (settings.TLS{CAFile: s.Local.SIP.TLS.CAFile}).Config(); err != nil {
		return nil, fmt.Errorf("sip.tls: %w", err)
	}
	l.offers, err = peer.NewPool(media, l.want)
	if err != nil {
		return nil, fmt.Errorf("warm offers: %w", err)
	}
	return l, nil
}

// start begins to register and to make warm offers.
func (l *line) start() {
	l.stages = []*stage{start("offers", l.offers.Run), start("sip", l.agent.Run)}
}

// stop ends the registration and the warm offers, and waits for them.
func (l *line) stop() {
	for i := len(l.stages) - 1; i >= 0; i-- {
		if err := l.stages[i].stop(); err != nil {
			l.log.Warn("not stopped cleanly", "room", l.stages[i].name, "error", err)
		}
	}
}

// use makes s the settings from now on. Its registration must be the line's.
func (l *line) use(s settings.Settings) { l.settings.Store(&s) }

// via is what the way to the PBX is called in the status.
func via(s settings.Settings) string {
	if s.PBX.Kind == settings.PBXServer {
		return s.Local.SIP.Transport
	}
	return s.PBX.Kind
}

func (l *line) forPhone() *phone.Line {
	return &phone.Line{
		Signalling: signalling{l.agent}, Offers: l.offers, Video: l.settings.Load().Video,
		Nudge: l.agent.Nudge,
		Ready: func() bool { return l.agent.Registration().State == sip.Registered },
	}
}

// mostWarm bounds the warm offers: each holds sockets. A longer list of targets gets the rest of its offers made at the press.
const mostWarm = 16

// mostTargets is how many offers a press may need at once, as far as they are kept warm.
func mostTargets(l settings.Local) int {
	most := 1
	for _, b := range l.Buttons {
		all := 0 // when nobody of a step is there the next one begins at once
		for _, step := range b.Call {
			all += len(step)
		}
		most = max(most, all)
	}
	return min(most, mostWarm)
}

func peerConfig(o Options, s settings.Settings) peer.Config {
	c := peer.Config{
		RelayOnly: s.ICE.TransportPolicy == "relay", GatheringTimeout: s.ICE.GatheringTimeout, Video: s.Video,
		Log: o.Log.With("room", "peer"), Now: o.Now,
	}
	if o.test.loopback {
		c.Loopback, c.IncludeInterface = true, func(name string) bool { return name == "lo" }
	}
	for _, server := range s.ICE.Servers {
		c.Servers = append(c.Servers, peer.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	return c
}

// ingress reaches the PBX through Home Assistant's ingress: a fresh session for each dial.
type ingress struct {
	clients *clients
	tls     *tls.Config
}

// locate makes a fresh session.
func (i *ingress) locate(ctx context.Context) (sip.Endpoint, error) {
	client, token, err := i.clients.get()
	if err != nil {
		return sip.Endpoint{}, fmt.Errorf("ingress: %w", err)
	}
	in, err := client.Ingress(ctx)
	i.clients.heard(token, err)
	if err != nil {
		return sip.Endpoint{}, fmt.Errorf("ingress: %w", err)
	}
	return sip.Endpoint{URL: in.URL, Header: in.Header, TLS: i.tls, Via: "ingress"}, nil
}

// diagnose says why the way through was closed again at once.
func (i *ingress) diagnose(ctx context.Context, e sip.Endpoint, _ error) error {
	// The same place for a plain request: ws is http, wss is https.
	at := homeassistant.Ingress{URL: e.URL, Header: e.Header, HTTPURL: strings.Replace(e.URL, "ws", "http", 1)}
	client, _, err := i.clients.get()
	if err == nil {
		err = client.CheckIngress(ctx, at)
	}
	if err != nil {
		return fmt.Errorf("ingress: %w", err)
	}
	return nil
}

// signalling hands the agent's legs to the phone as an interface.
type signalling struct{ agent *sip.Agent }

func (s signalling) Invite(ctx context.Context, target, offer string, h sip.Handler) (phone.Leg, error) {
	leg, err := s.agent.Invite(ctx, target, offer, h)
	if err != nil {
		return nil, err
	}
	return leg, nil
}

// incomingCall hands the agent's incoming calls to the phone as an interface.
type incomingCall struct{ *sip.Incoming }

func (i incomingCall) Answer(ctx context.Context, answer string, h sip.Handler) (phone.Leg, error) {
	leg, err := i.Incoming.Answer(ctx, answer, h)
	if err != nil {
		return nil, err
	}
	return leg, nil
}

// lineHolder holds the line that is up.
type lineHolder struct {
	mu   sync.Mutex
	line *line
}

// replace stops the line that is up and starts l; nil only stops.
func (h *lineHolder) replace(l *line) {
	h.mu.Lock()
	old := h.line
	h.line = nil
	h.mu.Unlock()
	if old != nil {
		old.stop()
	}
	if l != nil {
		l.start()
	}
	h.mu.Lock()
	h.line = l
	h.mu.Unlock()
}

func (h *lineHolder) current() *line {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.line
}
