package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhereThePBXIs(t *testing.T) {
	dns := &names{
		hosts: map[string][]string{
			"pbx.example": {"2001:db8::1", "2001:db8::2", "192.0.2.1"}, "a.example": {"192.0.2.10"}, "b.example": {"192.0.2.20", "2001:db8::20"},
			"pbx": {"192.0.2.3"}, "pbx.local": {"192.0.2.4"}, "mapped.example": {"::ffff:192.0.2.5"},
			"none.example": {"192.0.2.6"}, "gone.example": {"192.0.2.7"},
		},
		srv: map[string][]*net.SRV{
			"_sip._udp.house.example":  {{Target: "b.example.", Port: 5070, Priority: 1}, {Target: "nowhere.example.", Port: 5070, Priority: 2}, {Target: "a.example.", Port: 5080, Priority: 3}},
			"_sip._tcp.house.example":  {{Target: "a.example", Port: 5090}},
			"_sips._tcp.house.example": {{Target: "a.example.", Port: 5091}},
			"_sip._udp.none.example":   {{Target: "."}},
			"_sip._udp.gone.example":   {{Target: "nowhere.example.", Port: 5060}},
			"_sip._udp.pbx":            {{Target: "a.example.", Port: 9}}, // not asked for
			"_sip._udp.pbx.local":      {{Target: "a.example.", Port: 9}},
		},
	}
	for _, c := range []struct{ scheme, host, port, want string }{
		{"udp", "house.example", "", "192.0.2.20:5070 [2001:db8::20]:5070 192.0.2.10:5080"},
		{"tcp", "house.example", "", "192.0.2.10:5090"},
		{"tls", "house.example", "", "192.0.2.10:5091"},
		{"udp", "house.example", "5060", "error"}, // with a port its own addresses count (RFC 3263 section 4.2)
		{"udp", "pbx.example", "", "[2001:db8::1]:5060 192.0.2.1:5060 [2001:db8::2]:5060"},
		{"tls", "pbx.example", "", "[2001:db8::1]:5061 192.0.2.1:5061 [2001:db8::2]:5061"},
		{"tcp", "pbx.example", "5099", "[2001:db8::1]:5099 192.0.2.1:5099 [2001:db8::2]:5099"},
		{"udp", "pbx", "", "192.0.2.3:5060"},
		{"udp", "pbx.local", "", "192.0.2.4:5060"},
		{"udp", "mapped.example", "", "192.0.2.5:5060"},
		{"udp", "192.0.2.9", "", "192.0.2.9:5060"},
		{"tls", "2001:db8::9", "", "[2001:db8::9]:5061"},
		{"udp", "none.example", "", "error"}, // its owner says that there is no such service
		{"udp", "gone.example", "", "error"},
		{"udp", "nowhere.example", "", "error"},
		{"udp", "192.0.2.9", "70000", "error"},
	} {
		got, err := locate(t.Context(), dns, c.scheme, c.host, c.port)
		text := "error"
		if err == nil {
			parts := make([]string, len(got))
			for i, a := range got {
				parts[i] = a.String()
			}
			text = strings.Join(parts, " ")
		}
		if text != c.want {
			t.Errorf("%s %s %s: %s (%v), want %s", c.scheme, c.host, c.port, text, err, c.want)
		}
	}
	if slices.ContainsFunc(dns.asked, func(q string) bool { return q == "_sip._udp.pbx" || strings.HasSuffix(q, ".local") && q[0] == '_' }) {
		t.Errorf("asked for the services of a host: %v", dns.asked)
	}
}

func TestMoreAddressesThanAnyoneNeeds(t *testing.T) {
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("192.0.2.%d", i))
	}
	dns := &names{hosts: map[string][]string{"pbx.example": many}, srv: map[string][]*net.SRV{}}
	for i := range 100 {
		dns.srv["_sip._udp.house.example"] = append(dns.srv["_sip._udp.house.example"], &net.SRV{Target: "pbx.example.", Port: uint16(i + 1)})
	}
	for _, host := range []string{"pbx.example", "house.example"} {
		if got, err := locate(t.Context(), dns, "udp", host, ""); err != nil || len(got) != maxAddresses {
			t.Errorf("%s: %d addresses, %v", host, len(got), err)
		}
	}
}

// A router that never answers the question for SRV records costs srvLimit, not the bell.
func TestSRVIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got, err := locate(t.Context(), slowSRV{&names{hosts: map[string][]string{"pbx.example": {"192.0.2.1"}}}}, "udp", "pbx.example", "")
		if err != nil || len(got) != 1 || time.Since(began) != srvLimit {
			t.Errorf("%v, %v after %v", got, err, time.Since(began))
		}
	})
}

type slowSRV struct{ *names }

func (slowSRV) LookupSRV(ctx context.Context, _, _, _ string) (string, []*net.SRV, error) {
	<-ctx.Done()
	return "", nil, context.Cause(ctx)
}

// closer is a connection that remembers its end.
type closer struct {
	addr   netip.AddrPort
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

func TestAddressesAreRaced(t *testing.T) {
	errRefused := errors.New("refused")
	type script struct {
		takes time.Duration // -1: for ever
		fails bool
	}
	for name, c := range map[string]struct {
		addresses []script
		winner    int // -1: none
		after     time.Duration
		began     []time.Duration
	}{
		"the first at once":         {[]script{{time.Millisecond, false}, {0, false}}, 0, time.Millisecond, []time.Duration{0}},
		"refused":                   {[]script{{0, true}, {0, true}, {time.Second, false}}, 2, time.Second, []time.Duration{0, 0, 0}},
		"silent":                    {[]script{{-1, false}, {time.Millisecond, false}}, 1, 251 * time.Millisecond, []time.Duration{0, 250 * time.Millisecond}},
		"slow but first":            {[]script{{300 * time.Millisecond, false}, {time.Second, false}}, 0, 300 * time.Millisecond, []time.Duration{0, 250 * time.Millisecond}},
		"the second comes too late": {[]script{{299 * time.Millisecond, false}, {50 * time.Millisecond, false}}, 0, 299 * time.Millisecond, []time.Duration{0, 250 * time.Millisecond}},
		"all refused":               {[]script{{time.Second, true}, {0, true}}, -1, time.Second, []time.Duration{0, 250 * time.Millisecond}},
		"all silent till the end":   {[]script{{-1, false}, {-1, false}}, -1, 10 * time.Second, []time.Duration{0, 250 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), dialLimit)
				defer cancel()
				var addrs []netip.AddrPort
				for i := range c.addresses {
					addrs = append(addrs, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(i+1)))
				}
				start := time.Now()
				began := make(chan time.Duration, 10)
				conns := make(chan *closer, 10)
				won, err := race(ctx, addrs, func(ctx context.Context, a netip.AddrPort) (*closer, error) {
					began <- time.Since(start)
					s := c.addresses[a.Port()-1]
					if s.takes < 0 {
						<-ctx.Done()
						return nil, context.Cause(ctx)
					}
					time.Sleep(s.takes) // deaf to the end of ctx, so that it may come too late
					if s.fails {
						return nil, errRefused
					}
					conn := &closer{addr: a}
					conns <- conn
					return conn, nil
				})
				if c.winner < 0 != (err != nil) || err == nil && won.addr != addrs[c.winner] {
					t.Errorf("won by %+v, %v", won, err)
				}
				if took := time.Since(start); c.winner < 0 && took != c.after {
					t.Errorf("took %v", took)
				}
				close(began)
				var got []time.Duration
				for b := range began {
					got = append(got, b)
				}
				if !slices.Equal(got, c.began) {
					t.Errorf("tried after %v, want %v", got, c.began)
				}
				close(conns)
				for conn := range conns {
					if conn.closed == (conn == won) {
						t.Errorf("the connection to %s: closed %v", conn.addr, conn.closed)
					}
				}
			})
		})
	}
}

// A name whose first address does not answer costs a moment, whatever the transport.
func TestTheSecondAddressAnswers(t *testing.T) {
	for _, transport := range []string{"ws", "tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			dns := &names{hosts: map[string][]string{"pbx.example": {"::1", "127.0.0.1"}}} // nobody listens at the first
			w := newWorld(t, loopback, func(c *Config, p *pbx) {
				var address string
				switch transport {
				case "ws":
					srv := httptest.NewServer(p)
					t.Cleanup(srv.Close)
					address = srv.Listener.Addr().String()
				case "tcp":
					address = p.serveStream(t, "127.0.0.1:0", nil)
				case "udp":
					address = p.serveUDP(t, "127.0.0.1:0").address()
				}
				c.Resolver = dns
				at(transport+"://pbx.example"+strings.TrimPrefix(address, "127.0.0.1"), nil)(c, p)
			})
			w.registered()
		})
	}
}

func TestTheDNSIsAway(t *testing.T) {
	dns := &names{err: &net.DNSError{Err: "server misbehaving", Name: "pbx.example", IsTemporary: true}}
	w := newWorld(t, loopback, func(c *Config, p *pbx) {
		address := p.serveUDP(t, "127.0.0.1:0").address()
		c.Resolver = dns
		at("udp://pbx.example"+strings.TrimPrefix(address, "127.0.0.1"), nil)(c, p)
	})
	var failed *net.DNSError
	if r := w.registration(Unreachable); !errors.As(r.Err, &failed) || !strings.Contains(r.Err.Error(), "pbx.example") {
		t.Errorf("registration %+v", r)
	}
	dns.mu.Lock()
	dns.err, dns.hosts = nil, map[string][]string{"pbx.example": {"127.0.0.1"}}
	dns.mu.Unlock()
	w.registered()
}
