package peer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"
)

// network says what gatherings find, for a pool whose time is the test's.
type network struct {
	servers  int           // that answer
	after    time.Duration // when they do
	complete bool          // no other server is waited for
}

// gather lets a gatherer find what the network has.
func (n network) gather(ctx context.Context, g *gatherer) {
	g.take(found(webrtc.ICECandidateTypeHost))
	if !g.relayOnly {
		g.take(found(webrtc.ICECandidateTypeHost))
	}
	if n.servers > 0 {
		if waitFor(ctx, nil, n.after) != nil {
			return
		}
		for range n.servers {
			g.take(found(webrtc.ICECandidateTypeRelay))
		}
	}
	if n.complete {
		g.take(nil)
	}
}

func found(kind webrtc.ICECandidateType) *webrtc.ICECandidate {
	return &webrtc.ICECandidate{Foundation: "1", Priority: 1, Address: "192.0.2.1", Protocol: webrtc.ICEProtocolUDP, Port: 4000, Typ: kind,
		Component: 1}
}

// inNetwork runs a pool of want peers with a gathering time of one second. take takes one and says how long that took.
func inNetwork(t *testing.T, c Config, want int, test func(t *testing.T, p *Pool, n *network, take func() (*Peer, time.Duration))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.GatheringTimeout = time.Second
		c.Servers = []ICEServer{{URLs: []string{"turn:192.0.2.9"}, Username: "u", Credential: "c"}}
		p, _, _, _ := fakePool(t, c, want)
		n := &network{}
		p.build = func(c Config, known *experience) (*Peer, error) {
			made, err := webrtc.NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				return nil, err
			}
			q := &Peer{config: c, log: c.Log, gather: newGatherer(c, known), made: time.Now(), pc: made, iceUp: make(chan struct{})}
			q.ctx, q.cancel = context.WithCancelCause(context.Background())
			now := *n
			q.work.start(func() { now.gather(q.ctx, q.gather) })
			return q, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		var taken []*Peer
		test(t, p, n, func() (*Peer, time.Duration) {
			t.Helper()
			begin := time.Now()
			q, err := p.Take(t.Context())
			check(t, err)
			took := time.Since(begin)
			taken = append(taken, q)
			synctest.Wait() // the pool is filled again
			return q, took
		})
		cancel()
		check(t, <-done)
		for _, q := range taken {
			check(t, q.Close())
		}
	})
}

func TestServersThatSaidNothingAreNotWaitedFor(t *testing.T) {
	inNetwork(t, Config{}, 1, func(t *testing.T, p *Pool, n *network, take func() (*Peer, time.Duration)) {
		if _, took := take(); took != time.Second {
			t.Errorf("the very first took %v, not the gathering time", took)
		}
		for range 3 { // one press after the other, each before the new peer has had its time
			time.Sleep(100 * time.Millisecond)
			q, took := take()
			if took != 0 || isClosed(q.gather.done) || strings.Count(q.Offer(), "typ host") != 2 {
				t.Errorf("took %v; offer:\n%s", took, q.Offer())
			}
			if p.Ready() != 1 {
				t.Error("the one that follows is not called ready")
			}
		}
		*n = network{servers: 1, after: 300 * time.Millisecond} // back again
		take()
		time.Sleep(2 * time.Second) // a peer has its full time
		if q, took := take(); took != 0 || !strings.Contains(q.Offer(), "typ relay") {
			t.Errorf("took %v; offer:\n%s", took, q.Offer())
		}
		if p.Ready() != 0 {
			t.Error("a peer that can get better is called ready")
		}
		if q, took := take(); took != 300*time.Millisecond || !strings.Contains(q.Offer(), "typ relay") {
			t.Errorf("took %v, the server answers after 300ms; offer:\n%s", took, q.Offer())
		}
	})
}

func TestOneSilentServerAmongOthers(t *testing.T) {
	inNetwork(t, Config{}, 1, func(t *testing.T, _ *Pool, n *network, take func() (*Peer, time.Duration)) {
		*n = network{servers: 2, after: 50 * time.Millisecond}
		take()
		time.Sleep(2 * time.Second)
		take() // and the next has begun to gather
		if q, took := take(); took != 50*time.Millisecond || strings.Count(q.Offer(), "typ relay") != 2 {
			t.Errorf("took %v, those that live answer after 50ms; offer:\n%s", took, q.Offer())
		}
	})
}

func TestWhatIsNoExperience(t *testing.T) {
	inNetwork(t, Config{}, 0, func(t *testing.T, p *Pool, n *network, take func() (*Peer, time.Duration)) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := p.Take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		*n = network{servers: 1, after: 200 * time.Millisecond, complete: true}
		if _, took := take(); took != 200*time.Millisecond {
			t.Errorf("took %v: the one that was given up was believed that the server is silent", took)
		}
		*n = network{servers: 1, after: 1100 * time.Millisecond}
		if _, took := take(); took != time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Second) // the server has answered, too late
		if _, took := take(); took != 0 {
			t.Errorf("took %v, though the server is known to need more than there is", took)
		}
		check(t, p.Configure(p.config, 0))
		if _, took := take(); took != time.Second {
			t.Errorf("took %v: servers of before were thought of", took)
		}
	})
}

func TestRelayOnlyWaitsForItsServer(t *testing.T) {
	inNetwork(t, Config{RelayOnly: true}, 0, func(t *testing.T, p *Pool, n *network, take func() (*Peer, time.Duration)) {
		for range 2 {
			begin := time.Now()
			if _, err := p.Take(t.Context()); !errors.Is(err, ErrNoCandidates) || time.Since(begin) != time.Second {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		}
		*n = network{servers: 1, after: 100 * time.Millisecond}
		if q, took := take(); took != 100*time.Millisecond || !strings.Contains(q.Offer(), "typ relay") {
			t.Errorf("took %v; offer:\n%s", took, q.Offer())
		}
	})
}
