package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// What keeps the two sources from making a working door. A person mends them; until then the agent keeps trying.
var (
	// ErrNoUser says that no SIP user is the door's and there is no backup_user.
	ErrNoUser = errors.New("no entry of users in SIP Core's settings is the token's user, and there is no backup_user")
	// ErrNoSuchExtension says that sip.extension names none of the users.
	ErrNoSuchExtension = errors.New("sip.extension names none of the users in SIP Core's settings")
	// ErrNoPBXAddress says that an explicit transport was asked for without saying where to.
	ErrNoPBXAddress = errors.New("neither sip.server in the local file nor pbx_server in SIP Core's settings says where the PBX is")
)

// Identity is the Home Assistant user the token belongs to.
type Identity struct{ ID, Name string }

// The ways to the PBX.
const (
	// PBXCustomWSSURL is SIP Core's custom_wss_url.
	PBXCustomWSSURL = "custom_wss_url"
	// PBXIngress is through Home Assistant's ingress.
	PBXIngress = "ingress"
	// PBXServer is the local file's explicit transport.
	PBXServer = "server"
)

// Settings is what the station is built from. Treat it as immutable. Formatting, logging or marshalling it never shows
// a secret.
type Settings struct {
	Local                            Local
	Extension, Password, DisplayName string
	// BackupUser says that the SIP user is the shared backup_user.
	BackupUser bool
	// Domain is the host of the SIP domain, without a port; an IPv6 address without brackets.
	Domain string
	PBX    PBX
	ICE    ICE
	// Video says whether calls offer video.
	Video    bool
	Popup    Popup
	Incoming IncomingCalls
}

// IncomingCalls says what becomes of calls to the door.
type IncomingCalls struct {
	// Callers are the extensions that may call, without the door's own; nobody else may.
	Callers []string
	// Answer says whether their calls are answered by themselves.
	Answer bool
	// Talk are the digits that open the door's loudspeaker.
	Talk string
}

// PBX says how the PBX is reached.
type PBX struct {
	// Kind is one of the PBX constants.
	Kind string
	// URL is the ws or wss URL, or udp://host[:port], tcp://host[:port] or tls://host[:port] (without a port the name
	// system says which); empty for ingress.
	URL string
}

// Merge makes the door's settings of its local file, SIP Core's settings and who it is. The errors are ErrNoUser,
// ErrNoSuchExtension and ErrNoPBXAddress, with what was looked for.
func Merge(l Local, c SIPCore, who Identity) (Settings, []Notice, error) {
	user, backup, err := pick(l, c, who)
	if err != nil {
		return Settings{}, nil, err
	}
	pbx, err := reach(l.SIP, c)
	if err != nil {
		return Settings{}, nil, err
	}
	s := Settings{
		Local:     l,
		Extension: user.Extension, Password: user.Password, DisplayName: user.DisplayName, BackupUser: backup,
		Domain: domain(l, c), PBX: pbx, ICE: c.ICE, Video: wanted(l.Call.Video, c.SIPVideo), Popup: c.Popup,
		Incoming: incoming(l.Incoming, c, user.Extension),
	}
	return s, notices(s, c), nil
}

// pick finds the door's SIP user. The order is the card's, so that door and tablets agree on whose an entry is.
func pick(l Local, c SIPCore, who Identity) (user User, backup bool, err error) {
	find := func(is func(User) bool) bool {
		i := slices.IndexFunc(c.Users, is)
		if i >= 0 {
			user = c.Users[i]
		}
		return i >= 0
	}
	if wanted := l.SIP.Extension; wanted != "" {
		if !find(func(u User) bool { return u.Extension == wanted }) {
			return User{}, false, fmt.Errorf("%w: %q", ErrNoSuchExtension, wanted)
		}
		return user, false, nil
	}
	if find(func(u User) bool { return who.ID != "" && u.HAUsername == who.ID }) ||
		find(func(u User) bool { return who.Name != "" && u.HAUsername == who.Name }) {
		return user, false, nil
	}
	if c.BackupUser != nil {
		return *c.BackupUser, true, nil
	}
	return User{}, false, fmt.Errorf("%w: the token belongs to %q (id %q)", ErrNoUser, who.Name, who.ID)
}

// reach says how the PBX is reached.
func reach(s SIP, c SIPCore) (PBX, error) {
	if s.Transport == TransportAuto || s.Transport == "" {
		if c.CustomWSSURL != "" {
			return PBX{Kind: PBXCustomWSSURL, URL: c.CustomWSSURL}, nil
		}
		return PBX{Kind: PBXIngress}, nil
	}
	if strings.Contains(s.Server, "://") {
		return PBX{Kind: PBXServer, URL: s.Server}, nil
	}
	host, port := splitHostPort(s.Server)
	if host == "" {
		host = c.PBXServer
	}
	if host == "" {
		return PBX{}, ErrNoPBXAddress
	}
	switch s.Transport {
	case TransportUDP, TransportTCP, TransportTLS:
		return PBX{Kind: PBXServer, URL: s.Transport + "://" + joinHostPort(host, port)}, nil
	}
	if port == "" {
		port = wsPort(s.Transport)
	}
	// The path is the one of Asterisk's WebSocket server.
	u := url.URL{Scheme: s.Transport, Host: net.JoinHostPort(host, port), Path: "/ws"}
	return PBX{Kind: PBXServer, URL: u.String()}, nil
}

// domain is the host of the SIP domain.
func domain(l Local, c SIPCore) string {
	if c.PBXServer != "" {
		return c.PBXServer
	}
	u, err := url.Parse(l.HomeAssistant.URL)
	if err != nil {
		return "" // ParseLocal lets no such URL through
	}
	return u.Hostname()
}

// joinHostPort puts an IPv6 address into brackets, and a port behind it if there is one.
func joinHostPort(host, port string) string {
	switch {
	case port != "":
		return net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	default:
		return host
	}
}

// wanted is what the local file wants; auto follows SIP Core.
func wanted(word string, sipCore bool) bool {
	switch word {
	case "always":
		return true
	case "never":
		return false
	default:
		return sipCore
	}
}

// incoming resolves who may call the door, whose own extension is own.
func incoming(l Incoming, c SIPCore, own string) IncomingCalls {
	in := IncomingCalls{Answer: wanted(l.Answer, c.AutoAnswer), Talk: l.Talk}
	var callers []string
	switch l.Allow {
	case AllowUsers:
		callers = c.Extensions()
	case AllowList:
		callers = l.Callers
	}
	for _, caller := range callers {
		if caller != own {
			in.Callers = append(in.Callers, caller)
		}
	}
	return in
}
