package peer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"
)

// restartPatience bounds how long the answer to an ICE restart waits for servers: sound is cut meanwhile.
const restartPatience = 300 * time.Millisecond

// SetAnswer takes the answer to Offer and starts connecting. After ErrSDP, ErrNoAudio, ErrNoICE or ErrNoFingerprint the offer
// still stands and another answer may come; other errors are for good.
func (p *Peer) SetAnswer(sdp string) (Negotiated, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.expect(offered); err != nil {
		return Negotiated{}, err
	}
	d, err := readSDP(sdp)
	if err != nil {
		return Negotiated{}, err
	}
	a, err := agreeAnswer(&d, p.config.Video)
	if err != nil {
		return Negotiated{}, err
	}
	r := d.transport(&d.media[0])
	if r.ufrag == "" || r.pwd == "" {
		return Negotiated{}, ErrNoICE
	}
	if len(r.fingerprints) == 0 {
		return Negotiated{}, ErrNoFingerprint
	}
	// Our offer is actpass. "active" is what answers should say (RFC 8842 section 5.3) and what any other value is taken for.
	setup := "active"
	if r.setup == "passive" {
		setup = "passive"
	}
	p.voice.mu.Lock()
	p.voice.want = a.Audio
	p.voice.mu.Unlock()
	p.basePT.Store(uint32(a.audioPT))
	before := p.agreed.Swap(a)
	text := canonical{far: r, setup: setup, agreement: a, video: p.config.Video}.text(1)
	if err = p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		p.agreed.Store(before)
		return Negotiated{}, fmt.Errorf("%w: %w", ErrSDP, err)
	}
	p.remote, p.client, p.rounds, p.state = r, setup == "passive", 1, answered
	p.work.start(p.hasten)
	p.log.Debug("answer taken", "negotiated", a.Negotiated)
	return a.Negotiated, nil
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

// Reoffer answers a later offer of the far side (re-INVITE or UPDATE), at any time after SetAnswer. An offer that changes
// nothing about ICE and DTLS does not touch them, whatever they are doing. After an error (ErrSDP, ErrNoAudio, ErrNewCertificate,
// ErrState, ErrClosed) everything stays as it was and the offer is to be refused.
func (p *Peer) Reoffer(sdp string) (answer string, n Negotiated, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err = p.expect(answered); err != nil {
		return "", Negotiated{}, err
	}
	d, err := readSDP(sdp)
	if err != nil {
		return "", Negotiated{}, err
	}
	before := p.agreed.Load()
	a, plans, err := agreeOffer(&d, before, p.config.Video)
	if err != nil {
		return "", Negotiated{}, err
	}
	main := slices.IndexFunc(plans, func(q plan) bool { return q.offered.kind == "audio" && len(q.formats) > 0 })
	if err = p.retransport(d.transport(plans[main].offered), a); err != nil {
		return "", Negotiated{}, err
	}
	resumed := a.Video && !before.Video
	if resumed {
		p.picture.hold()
	}
	p.agreed.Store(a)
	if resumed && p.connected.Load() {
		p.work.start(p.askKeyFrame) // not under the lock: the callee may ask something of the peer
	}
	p.local.version++
	text := p.local.write(p.local.answerSections(plans))
	p.log.Debug("re-offer answered", "negotiated", a.Negotiated)
	return text, a.Negotiated, nil
}

// retransport does what an offer asks of ICE and DTLS, if anything, and decides on setup. The caller holds mu.
func (p *Peer) retransport(r remote, a *agreement) error {
	before := p.remote
	if r.ufrag == "" || r.pwd == "" {
		r.ufrag, r.pwd = before.ufrag, before.pwd
	}
	if len(r.fingerprints) == 0 {
		r.fingerprints = before.fingerprints
	}
	if !slices.ContainsFunc(r.fingerprints, func(f fingerprint) bool { return slices.Contains(before.fingerprints, f) }) {
		// Another certificate would be another association (RFC 8842 section 4), which pion cannot begin.
		return ErrNewCertificate
	}
	if r.ufrag != before.ufrag || r.pwd != before.pwd {
		if err := p.restartICE(r, a); err != nil {
			return err
		}
	} else {
		// The same session may have got more addresses.
		for _, c := range r.candidates {
			p.addCandidate(c, before.candidates)
		}
	}
	p.remote = r
	// A role once agreed is kept (RFC 8842 section 5.5): with the other one both sides would send a ClientHello.
	switch {
	case r.setup == "active":
		p.local.setup = "passive"
	case r.setup == "passive" || p.client:
		p.local.setup = "active"
	default:
		p.local.setup = "passive"
	}
	return nil
}

func (p *Peer) addCandidate(text string, known []string) {
	usable, ok := usableCandidate(text)
	if !ok || slices.Contains(known, text) {
		return
	}
	if err := p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:" + usable}); err != nil {
		p.log.Debug("remote candidate left out", "error", err)
	}
}

// restartICE follows the far side to new credentials (RFC 8445 section 9). The PeerConnection is told by an offer in our words,
// and what it answers is read for our own new credentials only.
func (p *Peer) restartICE(r remote, a *agreement) error {
	p.gather.restart()
	p.rounds++
	text := canonical{far: r, setup: "actpass", agreement: a, video: p.config.Video}.text(p.rounds)
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: text}); err != nil {
		return fmt.Errorf("%w: ICE restart: %w", ErrSDP, err)
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("peer: ICE restart: %w", err)
	}
	if err = p.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("peer: ICE restart: %w", err)
	}
	limit := min(p.config.GatheringTimeout, restartPatience)
	if p.config.RelayOnly {
		limit = p.config.GatheringTimeout // there is nothing to offer before the server answers
	}
	found, err := p.gather.wait(p.ctx, limit)
	if err != nil {
		if errors.Is(err, ErrClosed) {
			return ErrClosed
		}
		return err
	}
	p.setCandidates(found)
	return p.takeCredentials(answer.SDP)
}
