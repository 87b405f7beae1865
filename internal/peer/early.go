package peer

// SetEarlyAnswer takes the session description of a provisional response (RFC 3261 section 13.2.1), so that what the far side
// plays before anybody answers is heard. SetAnswer must follow with the one of the 200, the same or another. Nothing of the
// door's own should be written before that. After an error the offer stands as it was.
func (p *Peer) SetEarlyAnswer(sdp string) (Negotiated, error) { return Negotiated{}, errNotBuilt }
