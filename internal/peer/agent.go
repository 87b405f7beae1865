package peer

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// turnDialTimeout bounds the connection to a TURN server by TCP or TLS.
const turnDialTimeout = 5 * time.Second

// newAgent makes the ICE agent of one path: the addresses it finds are those the machine has now. ctx ends its dialling.
func newAgent(ctx context.Context, c Config, ufrag, pwd string) (*ice.Agent, error) {
	include := c.IncludeInterface
	if include == nil {
		include = interfaceFilter(usableInterfaces())
	}
	relayWait := relayPatience
	if c.RelayOnly {
		relayWait = 0
	}
	uris := c.servers()
	o := []ice.AgentOption{
		ice.WithLoggerFactory(quietLoggers{c.Log}),
		ice.WithLocalCredentials(ufrag, pwd),
		ice.WithUrls(uris),
		ice.WithProxyDialer(newTURNDialer(ctx, c, uris)),
		ice.WithInterfaceFilter(include),
		ice.WithIPFilter(lasting(c.Log, include)),
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithDisableActiveTCP(),
		ice.WithDisconnectedTimeout(iceDisconnected),
		ice.WithFailedTimeout(iceFailed),
		ice.WithKeepaliveInterval(iceKeepalive),
		ice.WithMaxBindingRequests(iceMaxChecks),
		ice.WithHostAcceptanceMinWait(0),
		ice.WithPrflxAcceptanceMinWait(0),
		ice.WithSrflxAcceptanceMinWait(srflxPatience),
		ice.WithRelayAcceptanceMinWait(relayWait),
		ice.WithSTUNGatherTimeout(stunGatherTimeout),
	}
	if c.Loopback {
		o = append(o, ice.WithIncludeLoopback())
	}
	if c.RelayOnly {
		// No socket but those to the TURN servers: nothing can leave by another way, not even a check.
		o = append(o, ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeRelay}))
	}
	a, err := ice.NewAgentWithOptions(o...)
	if err != nil {
		return nil, fmt.Errorf("peer: ICE: %w", err)
	}
	return a, nil
}

// turnDialer connects to TURN servers by TCP and TLS, in pion's place: that knows neither our authorities nor an end to dialling.
type turnDialer struct {
	ctx    context.Context // of the path
	log    *slog.Logger
	tls    *tls.Config
	secure map[string]string // "host:port" of the servers of "turns:", with the name to verify
}

func newTURNDialer(ctx context.Context, c Config, uris []*stun.URI) *turnDialer {
	d := &turnDialer{ctx: ctx, log: c.Log, tls: c.TLS, secure: make(map[string]string)}
	for _, u := range uris {
		if u.Scheme == stun.SchemeTypeTURNS {
			d.secure[net.JoinHostPort(u.Host, strconv.Itoa(u.Port))] = u.Host
		}
	}
	return d
}

// Dial implements golang.org/x/net/proxy.Dialer.
func (d *turnDialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(d.ctx, turnDialTimeout)
	defer cancel()
	var plain net.Dialer
	conn, err := plain.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("peer: TURN: %w", err)
	}
	name, secure := d.secure[address]
	if !secure {
		return conn, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.tls != nil {
		c = d.tls.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = name
	}
	protected := tls.Client(conn, c)
	if err = protected.HandshakeContext(ctx); err != nil {
		d.log.Warn("TURN server left out: no TLS with it", "server", address, "error", err)
		return nil, errWithClose(fmt.Errorf("peer: TURN: %w", err), conn.Close)
	}
	return protected, nil
}
