package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// path is one way to the far side: an ICE agent with its sockets, credentials and candidates. A peer has one, and a second while
// ICE is restarted.
type path struct {
	agent      *ice.Agent
	gather     *gatherer
	ufrag, pwd string
	addresses  []string // the machine's when it began to gather
	cancel     context.CancelFunc
	once       struct{ up, close sync.Once }

	conn  atomic.Pointer[ice.Conn]
	up    chan struct{} // closed when a pair was chosen
	begun time.Time     // when it began to connect; guarded by the peer's ways
	state ice.ConnectionState
	gone  string // the address it uses and the machine has no longer
	stale bool   // the machine's addresses are others, and a better way may be there
}

// newPath makes a path that has begun to gather. Its events go to tell; known is what others found before.
func newPath(ctx context.Context, c Config, known *experience, tell func(*path, ice.ConnectionState)) (*path, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &path{
		gather: newGatherer(c, known), ufrag: randomText(4), pwd: randomText(16), addresses: machineAddresses(c.Loopback),
		cancel: cancel, up: make(chan struct{}),
	}
	var err error
	if w.agent, err = newAgent(ctx, c, w.ufrag, w.pwd); err != nil {
		cancel()
		return nil, err
	}
	err = errors.Join(
		w.agent.OnCandidate(func(c ice.Candidate) { w.gather.take(candidateOf(c)) }),
		w.agent.OnConnectionStateChange(func(s ice.ConnectionState) { tell(w, s) }),
		w.agent.GatherCandidates(),
	)
	if err != nil {
		return nil, errWithClose(fmt.Errorf("peer: ICE: %w", err), w.close)
	}
	return w, nil
}

// candidateOf is a candidate as our descriptions have it; nil stays nil.
func candidateOf(c ice.Candidate) *webrtc.ICECandidate {
	if c == nil {
		return nil
	}
	o := &webrtc.ICECandidate{
		Foundation: c.Foundation(), Priority: c.Priority(), Address: c.Address(), Protocol: webrtc.ICEProtocolUDP,
		Port: uint16(c.Port()), Component: c.Component(),
	}
	switch c.Type() {
	case ice.CandidateTypeHost:
		o.Typ = webrtc.ICECandidateTypeHost
	case ice.CandidateTypeServerReflexive:
		o.Typ = webrtc.ICECandidateTypeSrflx
	case ice.CandidateTypePeerReflexive:
		o.Typ = webrtc.ICECandidateTypePrflx
	case ice.CandidateTypeRelay:
		o.Typ = webrtc.ICECandidateTypeRelay
	default:
	}
	if r := c.RelatedAddress(); r != nil {
		o.RelatedAddress, o.RelatedPort = r.Address, uint16(r.Port)
	}
	return o
}

// connect begins the checks with a far side.
func (w *path) connect(r remote, controlling bool) error {
	if err := w.agent.SetRemoteICELite(r.lite); err != nil {
		return fmt.Errorf("peer: ICE: %w", err)
	}
	for _, told := range r.candidates {
		if err := w.addCandidate(told); err != nil {
			return err
		}
	}
	begin := w.agent.StartAccept
	if controlling {
		begin = w.agent.StartDial
	}
	conn, err := begin(r.ufrag, r.pwd)
	if err != nil {
		return fmt.Errorf("peer: ICE: %w", err)
	}
	w.conn.Store(conn)
	return nil
}

// addCandidate takes one of the far side's; those that are of no use are left out.
func (w *path) addCandidate(told string) error {
	text, ok := usableCandidate(told)
	if !ok {
		return nil
	}
	c, err := ice.UnmarshalCandidate(text)
	if err != nil {
		return nil //nolint:nilerr // one more that is of no use
	}
	if err = w.agent.AddRemoteCandidate(c); err != nil {
		return fmt.Errorf("peer: ICE: %w", err)
	}
	return nil
}

// read hands on what comes until the path is closed.
func (w *path) read(to func([]byte)) {
	conn := w.conn.Load()
	b := make([]byte, receiveMTU)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		to(append([]byte(nil), b[:n]...))
	}
}

// write sends a packet. What the network says to it is not told: the next may get through.
func (w *path) write(packet []byte) {
	if conn := w.conn.Load(); conn != nil {
		_, _ = conn.Write(packet)
	}
}

// pair is the pair in use.
func (w *path) pair() (local, far *webrtc.ICECandidate, ok bool) {
	pair, err := w.agent.GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return nil, nil, false
	}
	return candidateOf(pair.Local), candidateOf(pair.Remote), true
}

// base is the machine's own address behind a candidate.
func base(c *webrtc.ICECandidate) string {
	if c.Typ == webrtc.ICECandidateTypeHost || c.RelatedAddress == "" {
		return c.Address
	}
	return c.RelatedAddress
}

// close ends the agent and waits for it. It may be called more than once, but not from the agent's callbacks.
func (w *path) close() error {
	var err error
	w.once.close.Do(func() {
		w.gather.abandon()
		w.cancel()
		if e := w.agent.GracefulClose(); e != nil && !errors.Is(e, ice.ErrClosed) {
			err = fmt.Errorf("peer: close ICE: %w", e)
		}
	})
	return err
}
