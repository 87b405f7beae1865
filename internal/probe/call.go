package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

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
		Name: "call", Title: "Test call to " + s.Call, Needs: []string{linkRegister}, Limit: ringLimit + s.CallFor + 4*setUpLimit, Run: s.call,
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
}

// call calls an extension, for sound alone, and hangs up soon after the answer. It is a connection of its own that binds no contact, so that
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
	say(s.callBy(ctx, agent, offers))
}

// offers are what calls begin with, as the agent has them, for sound alone.
func (s *Scene) offers() (*peer.Pool, error) {
	ice := s.door.ICE
	c := peer.Config{RelayOnly: ice.TransportPolicy == "relay", GatheringTimeout: ice.GatheringTimeout, Log: s.Log, Now: s.Now}
	var err error
	if c.TLS, err = (settings.TLS{CAFile: s.Local.SIP.TLS.CAFile}).Config(); err != nil {
		return nil, fmt.Errorf("sip.tls: %w", err)
	}
	for _, server := range ice.Servers {
		c.Servers = append(c.Servers, peer.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	return peer.NewPool(c, 1)
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
func (s *Scene) callBy(ctx context.Context, agent *sip.Agent, offers *peer.Pool) check.Finding {
	data := &testCall{Extension: s.Call}
	p, err := offers.Take(ctx)
	if err != nil {
		return check.Finding{Code: health.CodeNoCandidates, Found: err.Error(), Data: data}
	}
	defer p.Close() //nolint:errcheck // the call is over
	connected, heard := make(chan time.Time, 1), atomic.Uint64{}
	p.Start(peer.Events{
		Connected: func(_, dtls time.Time) { connected <- dtls },
		Audio:     func(*rtp.Packet, peer.AudioCodec) { heard.Add(1) },
	})
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
			answer, _, reofferErr := p.Reoffer(offer)
			if reofferErr != nil {
				return "", fmt.Errorf("%w: %w", sip.ErrNotAcceptable, reofferErr)
			}
			return answer, nil
		},
	})
	if err != nil {
		return s.unanswered(ctx, err, data)
	}
	defer func() {
		bye, cancelBye := context.WithTimeout(context.WithoutCancel(ctx), setUpLimit)
		defer cancelBye()
		_ = leg.Hangup(bye) // it ends one way or the other
	}()
	data.Answered, data.AnsweredMS = true, milliseconds(time.Since(began))
	agreed, err := p.SetAnswer(leg.Answer())
	close(applied)
	if err == nil && agreed.Audio.Name == "" {
		err = peer.ErrNoAudio
	}
	if err != nil {
		return check.Finding{Code: health.CodeCallNoMedia, Found: "answered, and its answer cannot be used: " + err.Error(), Data: data}
	}
	data.Codec = agreed.Audio.Name
	select {
	case at := <-connected:
		data.MediaMS = milliseconds(at.Sub(began))
		talk(ctx, p, silence(agreed.Audio.Name), s.CallFor, leg.Done())
	case <-time.After(setUpLimit):
	case <-leg.Done():
	case <-ctx.Done():
	}
	return s.answered(p.Stats(), heard.Load(), data)
}

// talk sends silence until the time is over or the far end hangs up.
func talk(ctx context.Context, p *peer.Peer, payload []byte, d time.Duration, ended <-chan struct{}) {
	every := time.NewTicker(frame)
	defer every.Stop()
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		select {
		case <-every.C:
			_ = p.WriteAudio(payload, frame) // a packet that is not sent shows in the figures
		case <-over.C:
			return
		case <-ended:
			return
		case <-ctx.Done():
			return
		}
	}
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

// unanswered says how a call ended that nobody took.
func (s *Scene) unanswered(ctx context.Context, err error, data *testCall) check.Finding {
	var refused *sip.RejectedError
	f := check.Finding{Code: health.CodeCallFailed, Data: data}
	switch {
	case errors.As(err, &refused):
		data.Status = refused.Status
		f.Found = fmt.Sprintf("%d %s: %s", refused.Status, refused.Reason, meaning(refused.Status))
		if data.Rang {
			f.Outcome, f.Code = check.Note, ""
			f.Found = fmt.Sprintf("rang after %.0f ms, and was declined (%d)", data.RangMS, refused.Status)
		}
	case data.Rang && ctx.Err() == nil:
		f.Outcome, f.Code = check.Note, ""
		f.Found = fmt.Sprintf("rang after %.0f ms for %s, and nobody answered", data.RangMS, ringLimit)
	default:
		f.Found = err.Error()
	}
	return f
}

// meaning is a status in a person's words.
func meaning(status int) string {
	switch status {
	case 404:
		return "the exchange has no such number"
	case 480, 503:
		return "nobody is registered with that extension now"
	case 486, 600:
		return "busy"
	case 488, 606:
		return "it cannot take this kind of call"
	case 403, 401, 407:
		return "the door's extension may not call it"
	default:
		return "the exchange would not"
	}
}

// answered says how a call went that somebody took.
func (s *Scene) answered(st peer.Stats, heard uint64, data *testCall) check.Finding {
	data.Sent, data.Received, data.LostFar = st.AudioSent.Packets, heard, st.AudioSent.Lost
	data.Local, data.Remote = st.LocalCandidate, st.RemoteCandidate
	var lines []string
	if data.Rang {
		lines = append(lines, fmt.Sprintf("rang after %.0f ms, answered after %.1f s", data.RangMS, data.AnsweredMS/1000))
	} else {
		lines = append(lines, fmt.Sprintf("answered after %.1f s without ringing", data.AnsweredMS/1000))
	}
	f := check.Finding{Data: data}
	if data.MediaMS == 0 {
		f.Code = health.CodeCallNoMedia
		lines = append(lines, fmt.Sprintf("no way for sound was found within %s", setUpLimit))
	} else {
		lines = append(lines,
			fmt.Sprintf("sound (%s) from %.1f s on, between %s here and %s there", data.Codec, data.MediaMS/1000, data.Local, data.Remote),
			fmt.Sprintf("%s sent, %d of them reported lost; %s received", count(int(data.Sent), "packet"), data.LostFar, count(int(data.Received), "packet")))
		if data.Received == 0 {
			f.Code = health.CodeCallNoMedia
		}
	}
	f.Found = strings.Join(append(lines, "hung up by the door"), "\n")
	return f
}
