// Package peer holds the media side of a call: one pion PeerConnection per leg, offers that are ready before anybody presses
// the bell, the SDP that goes on the wire and comes from it, the sound and picture sent, the voice, the digits and the key
// frame requests received.
//
// A PBX is a rougher partner than a browser. It re-offers at awkward moments (Asterisk 1 to 30 ms after its 200, before
// ICE is up), renumbers payload types and declines media in ways no browser would. So the PeerConnection never sees what
// the far side wrote. A description is read into plain values (readSDP) and compared with what was agreed (agreeAnswer,
// agreeOffer). The PeerConnection gets one answer in a form of ours in which everything is accepted; what goes out is then
// decided by our tracks, and what comes in is sorted by a tap in the interceptor chain, both by the payload types of the
// latest agreement. A re-offer reaches the PeerConnection only when it restarts ICE; all others are answered from our
// own builder, at any moment, and cannot disturb a transport that is still coming up.
package peer
