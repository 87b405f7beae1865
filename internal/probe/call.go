package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/peer"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

const (
	// ringLimit is how long a test call rings.
	ringLimit = 30 * time.Second
	// setUpLimit bounds the connection to the exchange, and the way of the media after the answer.
	setUpLimit = 10 * time.Second
	// frame is how much sound a packet has.
	frame = 20 * time.Millisecond
)

// callLinks is the test call, if one is asked for.
func (s *Scene) callLinks() []check.Link {
	if s.Call == "" {
		return nil
	}
	return []check.Link{{
		Name: "call", Title: "Test call to " + s.Call, Needs: []string{linkRegister}, Limit: ringLimit + max(s.CallFor, reportLimit) + 4*setUpLimit, Run: s.call,
	}}
}

// testCall is how a test call went, for machines. Times are from the INVITE on.
type testCall struct {
	Extension  string  `json:"extension"`
	Rang       bool    `json:"rang"`
	RangMS     float64 `json:"rang_ms,omitempty"`
	Answered   bool    `json:"answered"`
	AnsweredMS float64 `json:"answered_ms,omitempty"`
	MediaMS    float64 `json:"media_ms,omitempty"`
	Status     int     `json:"status,omitempty"`
	Codec      string  `json:"codec,omitempty"`
	Local      string  `json:"local,omitempty"`
	Remote     string  `json:"remote,omitempty"`
	Sent       uint64  `json:"packets_sent"`
	Received   uint64  `json:"packets_received"`
	LostFar    int64   `json:"packets_lost_far"`
	// EndedBy is who ended an answered call: "us", "far", "connection" or "timer".
	EndedBy string `json:"ended_by,omitempty"`
}

// call calls an extension, with a picture where the bell's calls have one, and hangs up soon after the answer. It is a connection of its own that binds no contact, so that
// a running agent's registration stands; while that has a visit, nobody is called.
func (s *Scene) call(ctx context.Context, say func(check.Finding)) {
	if now, err := s.Control.Status(ctx); err == nil { // it is a while since the link "agent"
		s.Agent = &now
	}
	if s.Agent != nil && (s.Agent.Visit.State != "idle" || s.Agent.Look != nil) {
		say(check.Finding{Outcome: check.Skipped, Found: "the door is in a call now"})
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	offers, err := s.offers()
	if err != nil {
		say(check.Finding{Outcome: check.Error, Found: err.Error()})
		return
	}
	agent, up, err := s.unbound()
	if err != nil {
		say(check.Finding{Outcome: check.Error, Found: err.Error()})
		return
	}
	// Both end with ctx and return nil.
	running.Go(func() { _ = offers.Run(ctx) })
	running.Go(func() { _ = agent.Run(ctx) })
	select {
	case err = <-up:
	case <-time.After(setUpLimit):
		err = sip.ErrNoAnswer
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		say(s.registrationFailed(err))
		return
	}
	for _, f := range s.callBy(ctx, agent, offers) {
		say(f)
	}
}

// offers are what calls begin with, as the agent has them.
func (s *Scene) offers() (*peer.Pool, error) {
	c, err := s.peerConfig(s.door.ICE)
	if err != nil {
		return nil, err
	}
	c.Video = s.door.Video
	return peer.NewPool(c, 1)
}

// peerConfig is how the agent's peer connections are made.
func (s *Scene) peerConfig(ice settings.ICE) (peer.Config, error) {
	c := peer.Config{RelayOnly: ice.TransportPolicy == "relay", GatheringTimeout: ice.GatheringTimeout, Loopback: s.loopback, Log: s.Log, Now: s.Now}
	var err error
	if c.TLS, err = (settings.TLS{CAFile: s.Local.SIP.TLS.CAFile}).Config(); err != nil {
		return c, fmt.Errorf("sip.tls: %w", err)
	}
	for _, server := range ice.Servers {
		c.Servers = append(c.Servers, peer.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	return c, nil
}

// unbound makes the agent that calls; up tells once whether it may.
func (s *Scene) unbound() (agent *sip.Agent, up <-chan error, err error) {
	told := make(chan error, 1)
	c := *s.asSIP
	c.Unbound = true
	c.OnRegistration = func(r sip.Registration) {
		var news error
		switch r.State {
		case sip.Registered:
		case sip.Refused, sip.Unreachable:
			news = r.Err
		default:
			return
		}
		select {
		case told <- news:
		default: // only the first counts
		}
	}
	agent, err = sip.New(c)
	if err != nil {
		return nil, nil, fmt.Errorf("signalling: %w", err)
	}
	return agent, told, nil
}

// callBy makes the call.
func (s *Scene) callBy(ctx context.Context, agent *sip.Agent, offers *peer.Pool) []check.Finding {
	data := &testCall{Extension: s.Call}
	p, err := offers.Take(ctx)
	if err != nil {
		return []check.Finding{{Code: health.CodeNoCandidates, Found: err.Error(), Data: data}}
	}
	c := newConversation(s, p)
	defer p.Close() //nolint:errcheck // the call is over
	p.Start(c.events())
	ringing, cancel := context.WithTimeout(ctx, ringLimit)
	defer cancel()
	applied, began := make(chan struct{}), time.Now()
	leg, err := agent.Invite(ringing, s.Call, p.Offer(), sip.Handler{
		Progress: func(status int, _, _ string) {
			if (status == 180 || status == 183) && !data.Rang {
				data.Rang, data.RangMS = true, milliseconds(time.Since(began))
			}
		},
		Reoffer: func(ctx context.Context, offer string) (string, error) { // Asterisk's, shortly after its 200
			select {
			case <-applied:
			case <-ctx.Done():
				return "", sip.ErrPending
			}
			answer, agreed, reofferErr := p.Reoffer(offer)
			if reofferErr != nil {
				return "", fmt.Errorf("%w: %w", sip.ErrNotAcceptable, reofferErr)
			}
			c.video.Store(agreed.Video)
			return answer, nil
		},
		Ended: c.end,
	})
	if err != nil {
		return []check.Finding{s.unanswered(ctx, err, data)}
	}
	defer func() {
		bye, cancelBye := context.WithTimeout(context.WithoutCancel(ctx), setUpLimit)
		defer cancelBye()
		_ = leg.Hangup(bye) // it ends one way or the other
	}()
	data.Answered, data.AnsweredMS = true, milliseconds(time.Since(began))
	agreed, err := p.SetAnswer(leg.Answer())
	if err == nil && agreed.Audio.Name == "" {
		err = peer.ErrNoAudio
	}
	c.video.Store(agreed.Video)
	close(applied)
	if err != nil {
		return []check.Finding{{Code: health.CodeCallNoMedia, Found: "answered, and its answer cannot be used: " + err.Error(), Data: data}}
	}
	data.Codec = agreed.Audio.Name
	wrong := fmt.Sprintf("no way for sound was found within %s", setUpLimit)
	select {
	case at := <-c.connected:
		data.MediaMS, wrong = milliseconds(at.Sub(began)), ""
		c.talk(ctx, silence(agreed.Audio.Name), leg.Done())
	case err = <-c.failed:
		wrong = fmt.Sprintf("no way for sound was found: %v", err)
	case <-time.After(setUpLimit):
	case <-leg.Done():
	case <-ctx.Done():
	}
	data.EndedBy = c.endedBy(leg.Done())
	said := []check.Finding{s.answered(p.Stats(), c.heard.Load(), data, wrong)}
	if s.door.Video && data.MediaMS > 0 {
		said = append(said, c.pictured().finding())
	}
	return said
}

// silence is a frame of it: of Opus as its encoder makes it (20 ms, CELT, no energy), of the others at rest.
func silence(codec string) []byte {
	const samples = 160
	rest := byte(0xFF) // PCMU, and near to nothing in G.722
	switch codec {
	case "opus":
		return []byte{0xF8, 0xFF, 0xFE}
	case "PCMA":
		rest = 0xD5
	}
	frame := make([]byte, samples)
	for i := range frame {
		frame[i] = rest
	}
	return frame
}
