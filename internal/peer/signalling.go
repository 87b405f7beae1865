package peer

import (
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"
)

// restartPatience bounds how long the answer to an ICE restart waits for servers: sound is cut meanwhile.
const restartPatience = 300 * time.Millisecond

// SetAnswer takes the answer to Offer and starts connecting. After ErrSDP, ErrNoAudio, ErrNoICE or ErrNoFingerprint the offer
// still stands and another answer may come; other errors are for good. After SetEarlyAnswer it ends what was held back, and
// fails with ErrForked when somebody else answers than was heard until then.
func (p *Peer) SetAnswer(sdp string) (Negotiated, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == early {
		return p.confirm(sdp)
	}
	if err := p.expect(offered); err != nil {
		return Negotiated{}, err
	}
	a, r, err := p.readAnswer(sdp)
	if err != nil {
		return Negotiated{}, err
	}
	if err = p.take(a, r, true); err != nil {
		return Negotiated{}, err
	}
	p.settleLayout(a)
	p.state = answered
	p.log.Debug("answer taken", "negotiated", a.Negotiated)
	return a.Negotiated, nil
}

// readAnswer compares an answer with our first offer. The caller holds mu.
func (p *Peer) readAnswer(sdp string) (*agreement, remote, error) {
	d, err := readSDP(sdp)
	if err != nil {
		return nil, remote{}, err
	}
	a := &agreement{}
	a.addOwn()
	if err = a.agreeAnswer(&d, p.layout); err != nil {
		return nil, remote{}, err
	}
	r := d.transport(&d.media[indexOf(p.layout, "audio")])
	if r.ufrag == "" || r.pwd == "" {
		return nil, remote{}, ErrNoICE
	}
	if len(r.fingerprints) == 0 {
		return nil, remote{}, ErrNoFingerprint
	}
	return a, r, nil
}

// take begins the session with a far side: DTLS roles are settled, the PeerConnection is told, and ICE begins unless that is left
// to begun. The caller holds mu.
func (p *Peer) take(a *agreement, r remote, begin bool) error {
	// As long as we say actpass, "active" is what answers should say (RFC 8842 section 5.3) and what any other value is taken for.
	p.client = p.local.setup == "active" || (p.local.setup == "actpass" && r.setup == "passive")
	setup := "active"
	if p.client {
		setup = "passive"
	}
	p.voice.mu.Lock()
	p.voice.want = a.Audio
	p.voice.mu.Unlock()
	p.basePT.Store(uint32(a.audioPT))
	before := p.agreed.Swap(a)
	// Of several fingerprints, pion can check one only; they all name the same certificate.
	text := canonical{fingerprint: r.fingerprints[0], link: p.link, setup: setup, agreement: a}.text()
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		p.agreed.Store(before)
		return fmt.Errorf("%w: %w", ErrSDP, err)
	}
	p.remote = r
	if begin {
		return p.begun()
	}
	return nil
}

// transport reads what an m-line and its description say of ICE and DTLS.
func (d *description) transport(s *section) remote {
	r := remote{
		ufrag: s.ufrag, pwd: s.pwd, fingerprints: s.fingerprints, setup: s.setup, candidates: s.candidates, lite: d.iceLite,
	}
	for i := range d.media {
		if other := &d.media[i]; len(r.candidates) == 0 && d.bundled(s, other) {
			r.candidates = other.candidates
		}
	}
	return r
}

// Reoffer answers a later offer of the far side (re-INVITE or UPDATE), at any time after SetAnswer, unless an offer of ours is open
// (Renew: ErrRenewing). An offer that changes nothing about ICE and DTLS does not touch them, whatever they are doing. After an error (ErrSDP,
// ErrNoAudio, ErrNewCertificate, ErrState, ErrClosed) everything stays as it was and the offer is to be refused.
func (p *Peer) Reoffer(sdp string) (answer string, n Negotiated, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err = p.expect(answered); err != nil {
		return "", Negotiated{}, err
	}
	if p.renewal != nil {
		return "", Negotiated{}, ErrRenewing
	}
	d, err := readSDP(sdp)
	if err != nil {
		return "", Negotiated{}, err
	}
	a, plans, err := agreeOffer(&d, p.agreed.Load(), p.config.Video)
	if err != nil {
		return "", Negotiated{}, err
	}
	if err = p.retransport(d.transport(plans[mainOf(plans)].offered)); err != nil {
		return "", Negotiated{}, err
	}
	p.agree(a)
	p.local.version++
	p.layout = p.local.answerSections(plans)
	text := p.local.write(p.layout)
	p.log.Debug("re-offer answered", "negotiated", a.Negotiated)
	return text, a.Negotiated, nil
}

// mainOf is the m-line of an answer that carries sound.
func mainOf(plans []plan) int {
	return slices.IndexFunc(plans, func(q plan) bool { return q.offered.kind == "audio" && len(q.formats) > 0 })
}

// agree makes a the agreement that holds. The caller holds mu.
func (p *Peer) agree(a *agreement) {
	before := p.agreed.Load()
	resumed := a.Video && !before.Video
	if resumed {
		p.picture.hold()
	}
	p.agreed.Store(a)
	if resumed && p.connected.Load() {
		p.work.start(p.askKeyFrame) // not under the lock: the callee may ask something of the peer
	}
}

// retransport does what an offer asks of ICE and DTLS, if anything, and decides on setup. The caller holds mu.
func (p *Peer) retransport(r remote) error {
	before := p.remote
	if r.ufrag == "" || r.pwd == "" {
		r.ufrag, r.pwd = before.ufrag, before.pwd
	}
	if err := r.sameCertificate(before); err != nil {
		return err
	}
	if r.ufrag != before.ufrag || r.pwd != before.pwd {
		if err := p.followRestart(r); err != nil {
			return err
		}
	} else if err := p.addCandidates(r.candidates, before.candidates); err != nil {
		return err
	}
	p.remote = r
	// A role once agreed is kept (RFC 8842 section 5.5): with the other one both sides would send a ClientHello.
	p.local.setup = "passive"
	if p.client {
		p.local.setup = "active"
	}
	return nil
}

// sameCertificate fills in fingerprints that were left out and refuses others: another certificate would be another association
// (RFC 8842 section 4), which pion cannot begin.
func (r *remote) sameCertificate(before remote) error {
	if len(r.fingerprints) == 0 {
		r.fingerprints = before.fingerprints
	}
	if !slices.ContainsFunc(r.fingerprints, func(f fingerprint) bool { return slices.Contains(before.fingerprints, f) }) {
		return ErrNewCertificate
	}
	return nil
}

// followRestart follows the far side to new credentials (RFC 8445 section 9), by a path of its own: the one there is goes on until
// the new is up. The caller holds mu.
func (p *Peer) followRestart(r remote) error {
	limit := min(p.config.GatheringTimeout, restartPatience)
	if p.config.RelayOnly {
		limit = p.config.GatheringTimeout // there is nothing to offer before the server answers
	}
	next, candidates, err := p.prepare(p.ctx, limit)
	if err != nil {
		return err
	}
	if err = p.tryNext(next, r, r.lite); err != nil { // the offerer is controlling (RFC 8839 section 4.4.1.2.1)
		return errWithClose(err, next.close)
	}
	p.local.use(next, candidates)
	return nil
}
