package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/iceserver"
	"doorstation/internal/peer"
	"doorstation/internal/settings"
)

// The names of the links of sound and picture's way.
const (
	linkICE        = "ice"
	linkCandidates = "candidates"
)

// iceLinks are those of the way that sound and picture take.
func (s *Scene) iceLinks() []check.Link {
	return []check.Link{
		{Name: linkICE, Title: "STUN and TURN", Needs: []string{linkSettings}, Limit: time.Minute, Run: s.iceServers},
		{Name: linkCandidates, Title: "Addresses offered", Needs: []string{linkSettings}, Run: s.candidates},
		{Name: "outside", Title: "Calls from outside", Needs: []string{linkICE, linkCandidates}, Run: s.outside},
	}
}

// iceServer is what a STUN or TURN server did, for machines.
type iceServer struct {
	URL         string  `json:"url"`
	Transport   string  `json:"transport,omitempty"`
	Address     string  `json:"address,omitempty"`
	RoundTripMS float64 `json:"round_trip_ms,omitempty"`
	Mapped      string  `json:"mapped,omitempty"`
	Relayed     string  `json:"relayed,omitempty"`
	// Through is how data came through the relay: "direct", "between_relays" or "nothing".
	Through       string  `json:"through,omitempty"`
	RelayTripMS   float64 `json:"relay_round_trip_ms,omitempty"`
	RefusedStatus int     `json:"refused_status,omitempty"`
}

// media is what the links about sound and picture's way have found out for the last of them.
type media struct {
	stun   []netip.AddrPort // servers that answered by UDP
	relays int              // whose data came through from an ordinary socket
	near   []string         // the same, at addresses that nobody outside can reach
	inside int              // between whose relays alone it came through
	types  map[string]int   // candidates by type
}

// asked is the outcome of one server.
type asked struct {
	server  iceserver.Server
	answer  iceserver.Answer
	err     error
	flow    iceserver.Flow
	flowErr error
}

// iceServers asks each server, all at once, and sends data through each relay.
func (s *Scene) iceServers(ctx context.Context, say func(check.Finding)) {
	servers, err := s.servers()
	if err != nil {
		say(check.Finding{Code: health.CodePBXUnreachable, Found: err.Error()})
		return
	}
	if len(servers) == 0 {
		say(check.Finding{Found: "ice_config.iceServers of SIP Core's settings names none"})
		return
	}
	all := make([]asked, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() {
			all[i] = asked{server: server}
			all[i].answer, all[i].err = iceserver.Ask(ctx, server)
		})
	}
	asking.Wait()
	for _, a := range all {
		if a.err == nil && a.answer.Place.Transport == "udp" {
			s.media.stun = append(append(s.media.stun, a.answer.Address), a.answer.Also...)
		}
	}
	for i := range all {
		if all[i].err != nil || !all[i].answer.Place.Relay {
			continue
		}
		asking.Go(func() {
			all[i].flow, all[i].flowErr = iceserver.Loop(ctx, all[i].server, all[i].answer.Address, s.mirror(all[i].answer))
		})
	}
	asking.Wait()
	for _, a := range all {
		say(s.server(a))
	}
}

// mirror is a server that tells the address of a socket which is to play the telephone outside: the TURN server itself where it is asked
// by UDP, else one that is.
func (s *Scene) mirror(a iceserver.Answer) netip.AddrPort {
	if a.Place.Transport == "udp" {
		return a.Address
	}
	same := func(o netip.AddrPort) bool { return o.Addr().Is4() == a.Address.Addr().Is4() }
	if i := slices.IndexFunc(s.media.stun, same); i >= 0 {
		return s.media.stun[i]
	}
	return a.Address // many TURN servers answer by UDP on the same port
}

// servers are those of SIP Core's settings, each URL of its own.
func (s *Scene) servers() ([]iceserver.Server, error) {
	// As for the agent: the authorities of the household's own, verified in any case.
	cfg, err := (settings.TLS{CAFile: s.Local.SIP.TLS.CAFile}).Config()
	if err != nil {
		return nil, fmt.Errorf("sip.tls: %w", err)
	}
	var all []iceserver.Server
	for _, entry := range s.core.ICE.Servers {
		for _, u := range entry.URLs {
			all = append(all, iceserver.Server{URL: u, Username: entry.Username, Credential: entry.Credential, TLS: cfg})
		}
	}
	return all, nil
}

// server says what one server did.
func (s *Scene) server(a asked) check.Finding {
	place := a.answer.Place
	data := iceServer{URL: place.String(), Transport: place.Transport, RoundTripMS: milliseconds(a.answer.RoundTrip)}
	if a.answer.Address.IsValid() {
		data.Address = a.answer.Address.String()
	}
	f := check.Finding{Link: "ice." + strings.ReplaceAll(place.String(), " by ", "/"), Title: "  " + place.String()}
	if a.err != nil {
		f.Code, f.Found = s.serverFault(a, &data), a.err.Error()
		f.Data = data
		return f
	}
	if a.answer.Mapped.IsValid() {
		data.Mapped = a.answer.Mapped.String()
	}
	if !place.Relay {
		f.Found = fmt.Sprintf("answers in %.1f ms and sees the door as %s", data.RoundTripMS, a.answer.Mapped.Addr())
		f.Data = data
		return f
	}
	data.Relayed = a.answer.Relayed.String()
	f.Found = fmt.Sprintf("takes the credential, answers in %.1f ms and gives the relay %s", data.RoundTripMS, data.Relayed)
	data.Through, data.RelayTripMS = "nothing", milliseconds(a.flow.RoundTrip)
	switch {
	case a.flow.Direct:
		data.Through = "direct"
		s.reached(a.answer.Relayed.Addr())
		f.Found += fmt.Sprintf("\ndata came through it and back in %.1f ms", data.RelayTripMS)
	case a.flow.Between && a.flow.NoOutside:
		data.Through = "between_relays"
		s.reached(a.answer.Relayed.Addr())
		f.Found += fmt.Sprintf("\ndata came through between two relays of the server in %.1f ms; from outside it was not tried, for want of a STUN server by UDP", data.RelayTripMS)
	case a.flow.Between:
		data.Through = "between_relays"
		s.media.inside++
		f.Code = health.CodeRelayBlocked
		f.Found += fmt.Sprintf("\nnothing came through from an ordinary socket of the door's, only between two relays of the server (%.1f ms)", data.RelayTripMS)
	default:
		f.Code = health.CodeRelayBlocked
		f.Found += "\nnothing came through it"
		if a.flowErr != nil {
			f.Found += ": " + a.flowErr.Error()
		}
	}
	if private(a.answer.Relayed.Addr()) && !private(a.answer.Address.Addr()) {
		f.Found += "\nthe relay's address is a private one, which nobody outside can reach"
	}
	f.Data = data
	return f
}

// reached counts a relay through which data came.
func (s *Scene) reached(relay netip.Addr) {
	if private(relay) {
		s.media.near = append(s.media.near, relay.String())
		return
	}
	s.media.relays++
}

// private says whether an address means nothing in the Internet (RFC 1918, RFC 4193, RFC 6598).
func private(a netip.Addr) bool {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// serverFault names what is wrong with a server.
func (s *Scene) serverFault(a asked, data *iceServer) health.Code {
	var refused *iceserver.RefusedError
	relay := a.answer.Place.Relay
	switch {
	case errors.Is(a.err, iceserver.ErrURL):
		return health.CodeICEServerInvalid
	case errors.Is(a.err, iceserver.ErrName):
		return health.CodeICEServerName
	case errors.As(a.err, &refused) && relay:
		data.RefusedStatus = refused.Code
		return health.CodeTURNRefused
	case certificateCode(a.err, s.Now()) != "":
		return certificateCode(a.err, s.Now())
	case relay:
		return health.CodeTURNSilent
	default:
		return health.CodeSTUNSilent
	}
}

// candidates gathers what an offer would name.
func (s *Scene) candidates(ctx context.Context, say func(check.Finding)) {
	c, err := s.peerConfig(s.core.ICE)
	if err != nil {
		say(check.Finding{Outcome: check.Error, Found: err.Error()})
		return
	}
	found, err := peer.Candidates(ctx, c)
	if err != nil {
		say(check.Finding{Outcome: check.Error, Found: err.Error()})
		return
	}
	s.media.types = map[string]int{}
	var lines []string
	for _, one := range found {
		s.media.types[one.Type]++
		lines = append(lines, one.Type+" "+one.Address)
	}
	f := check.Finding{Found: strings.Join(lines, "\n"), Data: found}
	switch {
	case len(found) == 0 && c.RelayOnly:
		f.Code, f.Found = health.CodeRelayOnlyWithoutTURN, "iceTransportPolicy is relay, and no server gives one"
	case len(found) == 0:
		f.Code, f.Found = health.CodeNoCandidates, "none"
	}
	say(f)
}

// reach is whether a call from outside the house would have sound and picture, for machines.
type reach struct {
	Relay        bool     `json:"relay"`
	Mapped       []string `json:"mapped,omitempty"`
	SymmetricNAT bool     `json:"symmetric_nat"`
}

// outside says whether sound and picture would find the way when the one who answers is not at home.
func (s *Scene) outside(ctx context.Context, say func(check.Finding)) {
	data := reach{Relay: s.media.relays > 0}
	mapped, err := iceserver.Map(ctx, s.media.stun)
	if err != nil {
		say(check.Finding{Outcome: check.Note, Found: "how the router maps ports is not known: " + err.Error(), Data: data})
		return
	}
	for _, m := range mapped {
		data.Mapped = append(data.Mapped, m.String())
		data.SymmetricNAT = data.SymmetricNAT || m != mapped[0]
	}
	nat := ""
	switch {
	case data.SymmetricNAT:
		nat = "\nthe router gives each server another port of the door's (a symmetric NAT): " + strings.Join(data.Mapped, ", ")
	case len(mapped) > 1:
		nat = "\nall servers see the door at " + data.Mapped[0]
	}
	switch {
	case data.Relay:
		say(check.Finding{Found: "sound and picture would come through a relay" + nat, Data: data})
	case len(s.media.near) > 0:
		say(check.Finding{
			Outcome: check.Note, Data: data,
			Found: "the only relay that works is at a private address, " + strings.Join(s.media.near, ", ") + ": a telephone outside reaches it by a VPN alone\n" +
				"for others the TURN server has to give out its public address (coturn: external-ip), and the router to let its ports in" + nat,
		})
	case data.SymmetricNAT:
		say(check.Finding{Code: health.CodeSymmetricNAT, Found: strings.TrimSpace(nat), Data: data})
	case s.media.inside > 0:
		say(check.Finding{Outcome: check.Note, Found: "only between two relays of the TURN server: the one outside must use it, too" + nat, Data: data})
	default:
		say(check.Finding{
			Outcome: check.Note, Code: health.CodeNoRelay,
			Found: "there is no relay that works; within the house none is needed" + nat, Data: data,
		})
	}
}
