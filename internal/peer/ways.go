package peer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

const (
	// nextPatience is how long a new path may take to come up before it is given up for another.
	nextPatience = 10 * time.Second
	// negotiatingLimit is how long an offer of ours may stay open: an INVITE without an answer ends sooner (RFC 3261 section 17.1.1.2).
	negotiatingLimit = 40 * time.Second
	// restartAgain is how often trouble is told of while it lasts.
	restartAgain = 5 * time.Second
)

// leave sends what the PeerConnection has to say by the path in use.
func (p *Peer) leave(packet []byte) {
	if w := p.inUse.Load(); w != nil {
		w.write(packet)
	}
}

// begun starts ICE on the first path, and the guard. Who offered is controlling, and so is who meets an ICE lite side (RFC 8445
// section 6.1.1). The caller holds mu.
func (p *Peer) begun() error {
	p.ways.Lock()
	first := p.ways.current
	first.begun = time.Now()
	p.ways.Unlock()
	if err := p.run(first, p.remote, p.offer != "" || p.remote.lite); err != nil {
		return err
	}
	p.work.start(p.guard)
	return nil
}

// run lets a path connect and deliver.
func (p *Peer) run(w *path, r remote, controlling bool) error {
	if err := w.connect(r, controlling); err != nil {
		return err
	}
	p.work.start(func() { w.read(p.link.deliver) })
	p.work.start(func() { w.hasten(p.ctx) })
	return nil
}

// prepare makes another path and waits for what it can offer.
func (p *Peer) prepare(ctx context.Context, limit time.Duration) (*path, []webrtc.ICECandidate, error) {
	w, err := p.newWay()
	if err != nil {
		return nil, nil, err
	}
	found, err := w.gather.wait(ctx, limit)
	if err == nil {
		if found = p.offerable(found); len(found) == 0 {
			err = ErrNoCandidates
		}
	}
	if err != nil {
		p.drop(w)
		return nil, nil, err
	}
	return w, found, nil
}

// newWay makes a path that is closed with the peer, if not before.
func (p *Peer) newWay() (*path, error) {
	p.ways.Lock()
	known := p.ways.known
	p.ways.Unlock()
	w, err := newPath(p.ctx, p.config, known, p.pathState)
	if err != nil {
		return nil, err
	}
	p.ways.Lock()
	closing := p.ctx.Err() != nil
	if !closing {
		p.ways.all = append(p.ways.all, w)
	}
	p.ways.Unlock()
	if closing {
		return nil, errWithClose(ErrClosed, w.close) // not under the lock, which its callbacks take
	}
	return w, nil
}

// tryNext lets another path connect; the current one is used until it has.
func (p *Peer) tryNext(w *path, r remote, controlling bool) error {
	p.ways.Lock()
	before := p.ways.next
	p.ways.next, w.begun = w, time.Now()
	p.ways.Unlock()
	if before != nil {
		p.drop(before)
	}
	if err := p.run(w, r, controlling); err != nil {
		p.ways.Lock()
		if p.ways.next == w {
			p.ways.next = nil
		}
		p.ways.Unlock()
		return err
	}
	p.look()
	return nil
}

// drop closes a path that is of no use any more, in its own time.
func (p *Peer) drop(w *path) {
	p.work.start(func() {
		if err := w.close(); err != nil {
			p.log.Debug("closing a path", "error", err)
		}
		p.ways.Lock()
		defer p.ways.Unlock()
		p.ways.all = slices.DeleteFunc(p.ways.all, func(o *path) bool { return o == w })
	})
}

// addCandidates tells the path that was negotiated last of further addresses of the far side.
func (p *Peer) addCandidates(told, known []string) error {
	p.ways.Lock()
	w := p.ways.next
	if w == nil {
		w = p.ways.current
	}
	p.ways.Unlock()
	for _, c := range told {
		if slices.Contains(known, c) {
			continue
		}
		if err := w.addCandidate(c); err != nil {
			if errors.Is(err, ice.ErrClosed) {
				return ErrClosed
			}
			return err
		}
	}
	return nil
}

// pathState is what an agent calls.
func (p *Peer) pathState(w *path, s ice.ConnectionState) {
	p.ways.Lock()
	w.state = s
	inUse, next := p.ways.current, p.ways.next
	var old *path
	if s == ice.ConnectionStateConnected && w == next {
		old, inUse = inUse, w
		p.ways.current, p.ways.next = w, nil
	}
	p.ways.Unlock()
	p.log.Debug("ICE", "state", s.String(), "path", w.ufrag, "in_use", w == inUse)
	if s == ice.ConnectionStateConnected && w == inUse {
		w.once.up.Do(func() { close(w.up) })
		p.inUse.Store(w)
		p.link.up()
		p.iceConnected(p.config.Now())
	}
	if old != nil {
		p.drop(old)
	}
	p.look()
}

// look makes the guard look again.
func (p *Peer) look() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// guard tells of trouble, again and again while it lasts, and of the end.
func (p *Peer) guard() {
	var told time.Time
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		reason, dead := p.trouble(time.Now())
		if dead {
			p.fail(ErrICEFailed)
			return
		}
		if reason == "" {
			told = time.Time{}
		} else if time.Since(told) >= restartAgain && p.events.RestartWanted != nil && p.ctx.Err() == nil {
			told = time.Now()
			p.log.Debug("ICE restart wanted", "reason", reason)
			p.events.RestartWanted(reason)
		}
		select {
		case <-p.ctx.Done():
			return
		case <-p.poke:
		case <-t.C:
		}
	}
}

// trouble says what is wrong with the path in use, "" when nothing is or something is being done about it, and whether it is
// beyond hope.
func (p *Peer) trouble(now time.Time) (reason string, dead bool) {
	p.ways.Lock()
	defer p.ways.Unlock()
	if next := p.ways.next; next != nil {
		if next.state != ice.ConnectionStateFailed && !next.stale && now.Sub(next.begun) < nextPatience {
			return "", false
		}
		p.ways.next = nil
		p.drop(next)
	}
	w := p.ways.current
	switch {
	case now.Sub(p.ways.negotiating) < negotiatingLimit:
		return "", false
	case w.state == ice.ConnectionStateFailed:
		return "", true
	case w.gone != "":
		return "the address " + w.gone + " is gone", false
	case w.state == ice.ConnectionStateDisconnected:
		return "nothing was heard for some seconds", false
	case w.stale && isClosed(w.up):
		w.stale = false // once
		return "the machine has other addresses", false
	case w.stale && now.Sub(w.begun) > iceDisconnected:
		return "the machine has other addresses than were offered", false
	}
	return "", false
}

// addressesChanged compares the machine's addresses with what the path in use needs.
func (p *Peer) addressesChanged(now []string, known *experience) {
	p.ways.Lock()
	p.ways.known = known
	w := p.ways.current
	p.ways.Unlock()
	local, _, chosen := w.pair()
	p.ways.Lock()
	for _, o := range p.ways.all {
		// One that is still to come up began with what is no longer true.
		o.stale = o != w && !slices.Equal(o.addresses, now)
	}
	switch {
	case !chosen:
		w.stale = !slices.Equal(w.addresses, now)
	case !has(now, base(local)):
		w.gone = base(local)
	default:
		w.gone = ""
		// The way through a server was taken because no other was there; now there may be one.
		w.stale = local.Typ != webrtc.ICECandidateTypeHost && !slices.Equal(w.addresses, now)
	}
	p.ways.Unlock()
	p.look()
}

// closePaths ends all paths.
func (p *Peer) closePaths() error {
	p.ways.Lock()
	paths := slices.Clone(p.ways.all)
	p.ways.Unlock()
	var errs []error
	for _, w := range paths {
		errs = append(errs, w.close())
	}
	return errors.Join(errs...)
}
