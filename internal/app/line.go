package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"

	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/peer"
	"doorstation/internal/phone"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// line is the door's registration and its warm offers, made of one settings.Settings. It is replaced as a whole.
type line struct {
	settings settings.Settings
	client   *homeassistant.Client
	health   *health.Register
	agent    *sip.Agent
	offers   *peer.Pool
	want     int
	stages   []*stage
}

func newLine(o Options, s settings.Settings, client *homeassistant.Client, h *health.Register) (*line, error) {
	l := &line{settings: s, client: client, health: h, want: mostTargets(s.Local)}
	tlsConf, err := s.Local.SIP.TLS.Config()
	if err != nil {
		h.Raise(health.CodePBXUnreachable, "sip.tls: "+err.Error())
		return nil, fmt.Errorf("sip.tls: %w", err)
	}
	locate := func(context.Context) (sip.Endpoint, error) {
		return sip.Endpoint{URL: s.PBX.URL, TLS: tlsConf, Via: s.PBX.Kind}, nil
	}
	var diagnose func(context.Context, sip.Endpoint, error) error
	if s.PBX.Kind == settings.PBXIngress {
		homeTLS, err := s.Local.HomeAssistant.TLS.Config()
		if err != nil {
			return nil, fmt.Errorf("home_assistant.tls: %w", err)
		}
		in := &ingress{client: client, tls: homeTLS}
		locate, diagnose = in.locate, in.diagnose
	}
	l.agent, err = sip.New(sip.Config{
		Extension: s.Extension, Password: s.Password, DisplayName: s.DisplayName, Domain: s.Domain,
		UserAgent: "doorstation/" + o.Version, Locate: locate, Diagnose: diagnose,
		Log: o.Log.With("room", "sip"), OnRegistration: l.onRegistration,
	})
	if err != nil {
		h.Raise(health.CodeSettingsInvalid, err.Error())
		return nil, fmt.Errorf("signalling: %w", err)
	}
	l.offers, err = peer.NewPool(peerConfig(o, s), l.want)
	if err != nil {
		h.Raise(health.CodeICEServerInvalid, err.Error())
		return nil, fmt.Errorf("warm offers: %w", err)
	}
	return l, nil
}

func (l *line) start() {
	l.stages = []*stage{start("offers", l.offers.Run), start("sip", l.agent.Run)}
}

func (l *line) stop() {
	for i := len(l.stages) - 1; i >= 0; i-- {
		l.stages[i].cancel()
		<-l.stages[i].done
	}
	l.client.Close()
}

func (l *line) forPhone() *phone.Line {
	return &phone.Line{Signalling: signalling{l.agent}, Offers: l.offers, Video: l.settings.Video}
}

// onRegistration keeps the faults of the way to the PBX.
func (l *line) onRegistration(r sip.Registration) {
	switch r.State {
	case sip.Registered:
		l.health.Clear(health.CodePBXUnreachable, health.CodeRegistrationRefused, health.CodeIngressSession,
			health.CodeNoSupervisor, health.CodeAddonMissing, health.CodeNoPBXAddress)
	case sip.Refused:
		l.health.Clear(health.CodePBXUnreachable)
		l.health.Raise(health.CodeRegistrationRefused, errorText(r.Err))
	case sip.Unreachable:
		if code := ingressFault(r.Err); code != "" {
			l.health.Clear(health.CodePBXUnreachable)
			l.health.Raise(code, errorText(r.Err))
			return
		}
		l.health.Raise(health.CodePBXUnreachable, errorText(r.Err))
	default:
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// mostTargets is how many offers a press may need at once.
func mostTargets(l settings.Local) int {
	most := 1
	for _, b := range l.Buttons {
		most = max(most, len(b.Call))
	}
	return most
}

func peerConfig(o Options, s settings.Settings) peer.Config {
	c := peer.Config{
		RelayOnly: s.ICE.TransportPolicy == "relay", GatheringTimeout: s.ICE.GatheringTimeout, Video: s.Video,
		Log: o.Log.With("room", "peer"), Now: o.Now,
	}
	for _, server := range s.ICE.Servers {
		c.Servers = append(c.Servers, peer.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	return c
}

// ingress reaches the PBX through Home Assistant's ingress: a fresh session for each dial.
type ingress struct {
	client *homeassistant.Client
	tls    *tls.Config
}

func (i *ingress) locate(ctx context.Context) (sip.Endpoint, error) {
	in, err := i.client.Ingress(ctx)
	if err != nil {
		return sip.Endpoint{}, fmt.Errorf("ingress: %w", err)
	}
	return sip.Endpoint{URL: in.URL, Header: in.Header, TLS: i.tls, Via: "ingress"}, nil
}

func (i *ingress) diagnose(ctx context.Context, e sip.Endpoint, _ error) error {
	if err := i.client.CheckIngress(ctx, homeassistant.Ingress{URL: e.URL, Header: e.Header}); err != nil {
		return fmt.Errorf("ingress: %w", err)
	}
	return nil
}

// ingressFault names the fault of an ingress error, "" when it is none of these.
func ingressFault(err error) health.Code {
	for _, row := range []struct {
		is   error
		code health.Code
	}{
		{homeassistant.ErrNoSupervisor, health.CodeNoPBXAddress},
		{homeassistant.ErrNoAddon, health.CodeAddonMissing},
		{homeassistant.ErrAddonDown, health.CodeAddonMissing},
		{homeassistant.ErrIngressToken, health.CodeAddonMissing},
		{homeassistant.ErrIngressSession, health.CodeIngressSession},
		{homeassistant.ErrNotAdmin, health.CodeIngressSession},
		{homeassistant.ErrTokenRefused, health.CodeTokenRefused},
	} {
		if errors.Is(err, row.is) {
			return row.code
		}
	}
	return ""
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
