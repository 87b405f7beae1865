package peer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pion/webrtc/v4"
)

// Renewal is what an offer of our own in a session that is up is to change.
type Renewal struct {
	Restart bool // ICE restart: other credentials, candidates of the addresses there are now (RFC 8445 section 9)
	Video   bool // adds the door's picture to a session that has none
}

// renewal is an offer of ours that is open, from Renew to Renewed or Withdraw.
type renewal struct {
	next   *path // nil without a restart
	local  local
	layout []localSection
	ready  bool
}

// Renew makes an offer for a re-INVITE. With Restart it waits for candidates, at most the gathering time. The session goes on as it
// is until Renewed, and on its old path until the new one is up. While a renewal is open Reoffer returns an error, and so does another
// Renew. Errors: ErrState, ErrClosed, ErrNoCandidates, the cause of ctx.
func (p *Peer) Renew(ctx context.Context, r Renewal) (offer string, err error) {
	p.mu.Lock()
	if err = p.expect(answered); err == nil && p.renewal != nil {
		err = ErrRenewing
	}
	if err != nil {
		p.mu.Unlock()
		return "", err
	}
	n := &renewal{}
	p.open(n)
	p.mu.Unlock()
	if r.Restart {
		waiting, cancel := context.WithCancelCause(ctx)
		defer context.AfterFunc(p.ctx, func() { cancel(ErrClosed) })()
		defer cancel(nil)
		next, candidates, wrong := p.prepare(waiting, p.config.GatheringTimeout)
		if wrong != nil {
			p.Withdraw()
			return "", wrong
		}
		n.next = next
		n.local.use(next, candidates)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == closed {
		return "", ErrClosed // the path goes with the peer
	}
	if p.renewal != n { // withdrawn meanwhile
		if n.next != nil {
			p.drop(n.next)
		}
		return "", ErrState
	}
	if !r.Restart {
		n.local = p.local
	} else {
		made := n.local
		n.local = p.local
		n.local.ufrag, n.local.pwd, n.local.candidates = made.ufrag, made.pwd, made.candidates
	}
	p.local.version++
	n.local.version, n.local.setup = p.local.version, "actpass"
	n.layout = p.local.again(p.layout, p.agreed.Load(), r.Video)
	n.ready = true
	return n.local.write(n.layout), nil
}

// open begins or, with nil, ends a renewal. The caller holds mu.
func (p *Peer) open(n *renewal) {
	p.renewal = n
	p.ways.Lock()
	p.ways.negotiating = time.Time{}
	if n != nil {
		p.ways.negotiating = time.Now()
	}
	p.ways.Unlock()
	p.look()
}

// use takes the credentials and candidates of another path.
func (l *local) use(w *path, candidates []webrtc.ICECandidate) {
	l.ufrag, l.pwd, l.candidates = w.ufrag, w.pwd, candidates
}

// again are the m-lines of a later offer of ours: as many as there are, with the payload types agreed (RFC 3264 section 8); with
// video, one for the picture where there is none.
func (l *local) again(layout []localSection, a *agreement, video bool) []localSection {
	sections := slices.Clone(layout)
	if i := indexOf(sections, "audio"); i >= 0 {
		sections[i].formats, sections[i].direction = a.answered, sendrecv
	}
	if i := indexOf(sections, "video"); i >= 0 {
		sections[i].direction = sendonly
		return sections
	}
	if !video {
		return sections
	}
	picture := localSection{
		kind: "video", proto: "UDP/TLS/RTP/SAVPF", formats: []format{videoFormat(freeForVideo(a.voiceFormats()))},
		direction: sendonly, stream: l.video, extension: a.offerCC,
	}
	// An m-line that was declined may be used again (RFC 3264 section 8.1).
	if i := slices.IndexFunc(sections, func(s localSection) bool { return s.kind == "video" }); i >= 0 {
		picture.mid = sections[i].mid
		if picture.mid == "" {
			picture.mid = freeMid(sections)
		}
		sections[i] = picture
		return sections
	}
	picture.mid = freeMid(sections)
	return append(sections, picture)
}

func freeMid(sections []localSection) string {
	for i := len(sections); ; i++ {
		mid := strconv.Itoa(i)
		if !slices.ContainsFunc(sections, func(s localSection) bool { return s.mid == mid }) {
			return mid
		}
	}
}

// Renewed applies the far side's answer to the offer of Renew. After an error the renewal is withdrawn and the session is as it was;
// the far side thinks otherwise, so another Renew is due. Errors: ErrState, ErrClosed, ErrSDP, ErrNoAudio, ErrNewCertificate.
func (p *Peer) Renewed(answer string) (Negotiated, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.expect(answered); err != nil {
		return Negotiated{}, err
	}
	n := p.renewal
	if n == nil || !n.ready {
		return Negotiated{}, ErrState
	}
	p.open(nil)
	a, err := p.applyRenewal(n, answer)
	if err != nil {
		if n.next != nil {
			p.drop(n.next)
		}
		return Negotiated{}, err
	}
	p.log.Debug("renewed", "negotiated", a.Negotiated)
	return a.Negotiated, nil
}

// applyRenewal does what an answer to an offer of ours asks for. The caller holds mu.
func (p *Peer) applyRenewal(n *renewal, answer string) (*agreement, error) {
	d, err := readSDP(answer)
	if err != nil {
		return nil, err
	}
	before := p.agreed.Load()
	a := &agreement{receive: before.receive, offerCC: before.offerCC}
	if err = a.agreeAnswer(&d, n.layout); err != nil {
		return nil, err
	}
	r := d.transport(&d.media[indexOf(n.layout, "audio")])
	if r.ufrag == "" || r.pwd == "" {
		r.ufrag, r.pwd = p.remote.ufrag, p.remote.pwd
	}
	if err = r.sameCertificate(p.remote); err != nil {
		return nil, err
	}
	if n.next != nil {
		if err = p.tryNext(n.next, r, true); err != nil {
			return nil, err
		}
	} else if err = p.addCandidates(r.candidates, p.remote.candidates); err != nil {
		return nil, err
	}
	setup := p.local.setup
	p.local, p.remote, p.layout = n.local, r, n.layout
	p.local.setup = setup
	p.settleLayout(a)
	p.agree(a)
	return a, nil
}

// settleLayout makes the m-lines of an offer of ours what the answer left of them. The caller holds mu.
func (p *Peer) settleLayout(a *agreement) {
	p.layout = slices.Clone(p.layout)
	if i := indexOf(p.layout, "audio"); i >= 0 {
		p.layout[i].formats = a.answered
	}
	if i := indexOf(p.layout, "video"); i >= 0 {
		s := &p.layout[i]
		s.declined = []string{fmt.Sprint(s.formats[0].pt)}
		s.formats, s.extension = nil, a.transportCC
		if a.videoTaken {
			s.formats = []format{videoFormat(a.videoPT)}
		}
	}
}

// Withdraw takes the offer of Renew back, because the far side refused it: the session stays as it was.
func (p *Peer) Withdraw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.renewal
	if n == nil {
		return
	}
	p.open(nil)
	if n.next != nil {
		p.drop(n.next)
	}
}
