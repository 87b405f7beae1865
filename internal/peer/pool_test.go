package peer

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"
)

// blackHole is a server that takes everything and never answers.
func blackHole(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { check(t, c.Close()) })
	return c.LocalAddr().String()
}

func runPool(t *testing.T, p *Pool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		check(t, await(t, done, "end of the pool"))
		if _, err := p.Take(context.Background()); !errors.Is(err, ErrClosed) {
			t.Errorf("taken after the end: %v", err)
		}
	})
}

func awaitReady(t *testing.T, p *Pool, want int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); p.Ready() != want; {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d offers ready, want %d", p.Ready(), want)
		}
	}
}

func TestDeadServersDelayNobody(t *testing.T) {
	hole := blackHole(t)
	c := onLoopback(Config{Video: true, Servers: []ICEServer{{URLs: []string{"stun:" + hole}},
		{URLs: []string{"turn:" + hole + "?transport=udp", "nonsense"}, Username: "u", Credential: "c"}}})
	c.GatheringTimeout = 0
	pool, err := NewPool(c, 2)
	check(t, err)
	runPool(t, pool)
	for range 4 {
		var p *Peer
		p, err = pool.Take(context.Background())
		check(t, err)
		if !strings.Contains(p.Offer(), "typ host") {
			t.Errorf("offer without host candidate:\n%s", p.Offer())
		}
		check(t, p.Close()) // while it still gathers
		check(t, p.Close())
	}
	awaitReady(t, pool, 2)
}

// turnServer answers at listener; the password is "secret".
func turnServer(t *testing.T, listener net.PacketConn) {
	t.Helper()
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "lab",
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: listener, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}}},
	})
	check(t, err)
	t.Cleanup(func() { check(t, server.Close()) })
}

func TestRelayOnly(t *testing.T) {
	listener, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	turnServer(t, listener)
	at := "turn:" + listener.LocalAddr().String() + "?transport=udp"
	c := Config{RelayOnly: true, Servers: []ICEServer{{URLs: []string{at}, Username: "u", Credential: "secret"}}}
	d, f, _ := call(t, c, nil)
	offer := d.Offer()
	if strings.Contains(offer, "typ host") || strings.Contains(offer, "srflx") || !strings.Contains(offer, "typ relay raddr 0.0.0.0 rport 0") {
		t.Errorf("offer:\n%s", offer)
	}
	d.speak(t, f)
	d.listenTo(t, f, 1)
	if s := d.Stats(); !strings.Contains(s.LocalCandidate, "relay") {
		t.Errorf("the pair in use begins at %q", s.LocalCandidate)
	}
}

func TestRelayOnlyWithoutServer(t *testing.T) {
	c := onLoopback(Config{RelayOnly: true, Servers: []ICEServer{{URLs: []string{"turn:" + blackHole(t)}, Username: "u", Credential: "c"}}})
	c.GatheringTimeout = 10 * time.Millisecond
	pool, err := NewPool(c, 0)
	check(t, err)
	if _, err = pool.Take(context.Background()); !errors.Is(err, ErrNoCandidates) {
		t.Errorf("%v", err)
	}
}

// TestSilentServersAreNotWaitedForTwice has real servers that say nothing, and then one of them answers.
func TestSilentServersAreNotWaitedForTwice(t *testing.T) {
	listener, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	c := onLoopback(Config{Servers: []ICEServer{{URLs: []string{"turn:" + listener.LocalAddr().String() + "?transport=udp"},
		Username: "u", Credential: "secret"}}})
	c.GatheringTimeout = 10 * time.Millisecond
	pool, err := NewPool(c, 0)
	check(t, err)
	take := func() *Peer {
		p, wrong := pool.Take(context.Background())
		check(t, wrong)
		return p
	}
	check(t, take().Close())
	// With this much time the next would not come before the server is given up, after some seconds.
	pool.config.GatheringTimeout = maxGatheringTimeout
	p := take()
	defer p.Close()
	if isClosed(p.gather.done) {
		t.Error("waited for the server until it was given up")
	}
	if !strings.Contains(p.Offer(), "typ host") || strings.Contains(p.Offer(), "typ relay") {
		t.Errorf("offer:\n%s", p.Offer())
	}

	turnServer(t, listener)
	await(t, p.gather.done, "end of the gathering")
	q := take() // makes nothing better than p was, but p has made its experience
	defer q.Close()
	if !strings.Contains(q.Offer(), "typ relay") {
		t.Errorf("the server is back, the offer knows nothing of it:\n%s", q.Offer())
	}
}

func TestTakeEndsWithItsContext(t *testing.T) {
	c := onLoopback(Config{RelayOnly: true, Servers: []ICEServer{{URLs: []string{"turn:" + blackHole(t)}, Username: "u", Credential: "c"}}})
	pool, err := NewPool(c, 0)
	check(t, err)
	gone := errors.New("the visitor is gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	if _, err = pool.Take(ctx); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

func TestTakenPeersAreReplaced(t *testing.T) {
	pool, err := NewPool(onLoopback(Config{}), 3)
	check(t, err)
	runPool(t, pool)
	awaitReady(t, pool, 3)
	p, err := pool.Take(context.Background())
	check(t, err)
	defer p.Close()
	awaitReady(t, pool, 3)
	check(t, pool.Configure(onLoopback(Config{Video: true}), 1))
	awaitReady(t, pool, 1)
	q, err := pool.Take(context.Background())
	check(t, err)
	defer q.Close()
	if !strings.Contains(q.Offer(), "m=video") {
		t.Error("taken after Configure, but made as before")
	}
	if pool.Configure(Config{}, -1) == nil || pool.Configure(Config{}, 1000) == nil {
		t.Error("any number of warm offers will do")
	}
}

// fakePool is one whose peers have no sockets, so that its time can be the test's.
func fakePool(t *testing.T, c Config, want int) (p *Pool, built, standing *atomic.Int32, address *atomic.Value) {
	t.Helper()
	built, standing, address = &atomic.Int32{}, &atomic.Int32{}, &atomic.Value{}
	address.Store("192.0.2.1/24")
	p, err := NewPool(c, want)
	check(t, err)
	p.build = func(c Config, known *experience) (*Peer, error) {
		built.Add(1)
		standing.Add(1)
		made, wrong := webrtc.NewPeerConnection(webrtc.Configuration{})
		if wrong != nil {
			return nil, wrong
		}
		q := &Peer{config: c.withDefaults(), gather: newGatherer(c, known), made: time.Now(), pc: made, iceUp: make(chan struct{})}
		q.ctx, q.cancel = context.WithCancelCause(context.Background())
		context.AfterFunc(q.ctx, func() { standing.Add(-1) })
		q.gather.take(nil)
		return q, nil
	}
	p.current = func(bool) []string { return []string{address.Load().(string)} }
	return p, built, standing, address
}

func TestWarmOffersAreRenewed(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		after  time.Duration
		built  int32
	}{
		"with a server":        {Config{Servers: []ICEServer{{URLs: []string{"stun:192.0.2.1"}}}}, refreshAfter + time.Second, 4},
		"with a server, twice": {Config{Servers: []ICEServer{{URLs: []string{"stun:192.0.2.1"}}}}, 2*refreshAfter + 2*time.Second, 6},
		"without":              {Config{}, 10 * refreshAfter, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, built, standing, _ := fakePool(t, c.config, 2)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- p.Run(ctx) }()
				time.Sleep(c.after)
				synctest.Wait()
				if built.Load() != c.built || standing.Load() != 2 || p.Ready() != 2 {
					t.Errorf("built %d, want %d; standing %d, ready %d, want 2", built.Load(), c.built, standing.Load(), p.Ready())
				}
				cancel()
				check(t, <-done)
				synctest.Wait()
				if standing.Load() != 0 {
					t.Errorf("%d peers are left", standing.Load())
				}
			})
		})
	}
}

func TestNewAddressesMakeNewOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, built, standing, address := fakePool(t, Config{}, 2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		p.AddressesChanged() // a message about nothing that matters
		synctest.Wait()
		if built.Load() != 2 {
			t.Errorf("built %d", built.Load())
		}
		address.Store("198.51.100.1/24")
		p.AddressesChanged()
		synctest.Wait()
		if built.Load() != 4 || standing.Load() != 2 || p.Ready() != 2 {
			t.Errorf("built %d, standing %d, ready %d", built.Load(), standing.Load(), p.Ready())
		}
		cancel()
		check(t, <-done)
	})
}

func TestFailuresAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _, _ := fakePool(t, Config{}, 1)
		good, tries := p.build, 0
		p.build = func(c Config, known *experience) (*Peer, error) {
			if tries++; tries < 3 {
				return nil, errors.New("no network")
			}
			return good(c, known)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(2*retryPause + time.Second)
		synctest.Wait()
		if p.Ready() != 1 || tries != 3 {
			t.Errorf("ready %d after %d tries", p.Ready(), tries)
		}
		cancel()
		check(t, <-done)
	})
}

func TestServersAreChecked(t *testing.T) {
	for url, good := range map[string]bool{
		"stun:stun.example.org": true, "stun:192.0.2.1:3478?transport=udp": true, "stuns:example.org:5349": true,
		"turn:example.org:3478?transport=tcp": true, "turns:example.org": true, " stun:[2001:db8::1]:3478 ": true,
		"": false, "http://example.org": false, "stun:": false, "turn:x:99999999": false, "stun:a:b:c": false,
	} {
		errs := CheckServers([]ICEServer{{URLs: []string{url}, Username: "u", Credential: "secret"}})
		if (len(errs) == 0) != good {
			t.Errorf("%q: %v", url, errs)
		}
		for _, err := range errs {
			if !errors.Is(err, ErrServer) || strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
		}
	}
	if len(CheckServers([]ICEServer{{URLs: []string{"turn:example.org"}}})) != 1 {
		t.Error("a TURN server without credentials will do")
	}
	if s := (ICEServer{URLs: []string{"turn:x"}, Username: "u", Credential: "secret"}); strings.Contains(s.String(), "secret") {
		t.Error(s.String())
	}
}

func TestInterfaces(t *testing.T) {
	keep := interfaceFilter([]string{"eth0", "docker0", "wg0"})
	for name, want := range map[string]bool{"eth0": true, "end0": true, "wlan0": true, "docker0": false, "veth12": false, "br-ab": false,
		"hassio": false, "wg0": false, "tailscale0": false, "tun0": false} {
		if keep(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if !interfaceFilter([]string{"wg0"})("wg0") {
		t.Error("nothing is left where a tunnel is all there is")
	}
}

// TestAddressesChangeWhileAnOfferSettles: what the call is made with is known to be out of date.
func TestAddressesChangeWhileAnOfferSettles(t *testing.T) {
	c := onLoopback(Config{Servers: []ICEServer{{URLs: []string{"stun:" + blackHole(t)}}}})
	c.GatheringTimeout = time.Minute
	pool, err := NewPool(c, 0)
	check(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	enough, settled := errors.New("enough"), make(chan error, 1)
	go func() {
		_, takeErr := pool.Take(ctx)
		settled <- takeErr
	}()
	var taken *Peer
	for end := time.After(patience); taken == nil; {
		select {
		case <-end:
			t.Fatal("nothing is taken")
		case <-time.After(time.Millisecond):
		}
		pool.mu.Lock()
		for p := range pool.taken {
			taken = p
		}
		pool.current = func(bool) []string { return []string{"192.0.2.1/24"} }
		pool.mu.Unlock()
	}
	pool.AddressesChanged()
	taken.ways.Lock()
	stale := taken.ways.current.stale
	taken.ways.Unlock()
	if !stale {
		t.Error("the offer passes for fresh")
	}
	cancel(enough)
	if err = await(t, settled, "the end of Take"); !errors.Is(err, enough) {
		t.Error(err)
	}
	pool.mu.Lock()
	defer pool.mu.Unlock()
	if len(pool.taken) != 0 {
		t.Error("the pool still knows a peer that is closed")
	}
}

func TestLinkLocalAddressesAreLeftOut(t *testing.T) {
	lan, own, six, link := net.ParseIP("192.168.1.7"), net.ParseIP("127.0.0.1"), net.ParseIP("2001:db8::7"), net.ParseIP("169.254.7.7")
	for _, c := range []struct {
		machine []net.IP
		link    bool
	}{{[]net.IP{lan, link, six, own}, false}, {[]net.IP{link, own}, true}, {[]net.IP{six, link}, true}} {
		use := withoutLinkLocal(c.machine)
		if use(link) != c.link || !use(lan) || !use(six) || use(net.ParseIP("fe80::7")) {
			t.Errorf("%v: %v, %v, %v, %v", c.machine, use(link), use(lan), use(six), use(net.ParseIP("fe80::7")))
		}
	}
}
