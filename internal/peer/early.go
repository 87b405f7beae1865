package peer

// SetEarlyAnswer takes the session description of a provisional answer (183) and starts connecting: the far voice, an announcement or
// a ringing tone of the PBX's, comes by Events.Audio, and nothing of the door's leaves before SetAnswer. Connected may come before
// SetAnswer then. Errors are those of SetAnswer, and the same ones leave the offer as it was.
func (p *Peer) SetEarlyAnswer(sdp string) (Negotiated, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.expect(offered); err != nil {
		return Negotiated{}, err
	}
	a, r, err := p.readAnswer(sdp)
	if err != nil {
		return Negotiated{}, err
	}
	a.AudioSend, a.Video = false, false
	if err = p.take(a, r, true); err != nil {
		return Negotiated{}, err
	}
	p.state = early
	p.log.Debug("early answer taken", "negotiated", a.Negotiated)
	return a.Negotiated, nil
}

// confirm takes the answer after an early one. It may name other codecs and directions, and more candidates. It may not name another
// transport: the PBX then put the call through to somebody who never saw our checks, for which the sockets of this offer are taken,
// or to another certificate, which the PeerConnection cannot take back. The caller holds mu.
func (p *Peer) confirm(sdp string) (Negotiated, error) {
	a, r, err := p.readAnswer(sdp)
	if err != nil {
		return Negotiated{}, err
	}
	before := p.remote
	if r.ufrag != before.ufrag || r.pwd != before.pwd || r.sameCertificate(before) != nil {
		return Negotiated{}, ErrForked
	}
	if err = p.addCandidates(r.candidates, before.candidates); err != nil {
		return Negotiated{}, err
	}
	p.remote, p.state = r, answered
	p.agree(a)
	p.settleLayout(a)
	p.log.Debug("answer taken", "negotiated", a.Negotiated)
	return a.Negotiated, nil
}
