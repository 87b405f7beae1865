package peer

import (
	"context"
)

// Answer makes a peer for an incoming call, its answer ready to be sent: candidates are waited for as in Take. The peer is the
// caller's to close; Start must be called before the answer is sent. Errors: those of Take, and ErrSDP, ErrNoAudio, ErrNoICE and
// ErrNoFingerprint for an offer that cannot be taken.
func (p *Pool) Answer(ctx context.Context, offer string) (taken *Peer, answer string, agreed Negotiated, err error) {
	// What cannot be taken costs no warm offer.
	if _, err = readOffer(offer); err != nil {
		return nil, "", Negotiated{}, err
	}
	if taken, err = p.Take(ctx); err != nil {
		return nil, "", Negotiated{}, err
	}
	if answer, agreed, err = taken.answer(offer); err != nil {
		return nil, "", Negotiated{}, errWithClose(err, taken.Close)
	}
	return taken, answer, agreed, nil
}

// incomingOffer is a first offer of the far side, as it will be answered.
type incomingOffer struct {
	description
	remote remote
}

func readOffer(text string) (*incomingOffer, error) {
	d, err := readSDP(text)
	if err != nil {
		return nil, err
	}
	_, plans, err := agreeOffer(&d, &agreement{}, true)
	if err != nil {
		return nil, err
	}
	o := &incomingOffer{description: d, remote: d.transport(plans[mainOf(plans)].offered)}
	if o.remote.ufrag == "" || o.remote.pwd == "" {
		return nil, ErrNoICE
	}
	if len(o.remote.fingerprints) == 0 {
		return nil, ErrNoFingerprint
	}
	return o, nil
}

// answer takes the far side's first offer in place of making one. ICE begins with Start.
func (p *Peer) answer(text string) (string, Negotiated, error) {
	o, err := readOffer(text)
	if err != nil {
		return "", Negotiated{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err = p.expect(offered); err != nil {
		return "", Negotiated{}, err
	}
	a, plans, err := agreeOffer(&o.description, &agreement{}, p.config.Video)
	if err != nil {
		return "", Negotiated{}, err
	}
	// Whoever leaves it to us gets "active", which saves a round trip (RFC 8842 section 5.3).
	p.local.setup = "active"
	if o.remote.setup == "active" {
		p.local.setup = "passive"
	}
	p.offer = "" // never sent: the far side's it is
	if err = p.take(a, o.remote, false); err != nil {
		return "", Negotiated{}, err
	}
	p.layout = p.local.answerSections(plans)
	p.state = accepted
	p.log.Debug("offer answered", "negotiated", a.Negotiated)
	return p.local.write(p.layout), a.Negotiated, nil
}
