// Package peer holds the media side of a call: one pion PeerConnection per leg, offers that are ready before anybody presses
// the bell, the SDP that goes on the wire and comes from it, the sound and picture sent, the voice, the digits and the key
// frame requests received.
//
// A PBX is a rougher partner than a browser. It re-offers at awkward moments (Asterisk 1 to 30 ms after its 200, before
// ICE is up), renumbers payload types and declines media in ways no browser would. So the PeerConnection never sees what
// the far side wrote. A description is read into plain values (readSDP) and compared with what was agreed (agreeAnswer,
// agreeOffer). The PeerConnection makes one offer in its life and gets one answer in a form of ours in which everything is
// accepted; what goes out is then decided by our tracks, and what comes in is sorted by a tap in the interceptor chain, both by the
// payload types of the latest agreement. Every later offer is answered, and every one of ours written, from our own builder, at any
// moment, and cannot disturb DTLS or a stream.
//
// ICE is not the PeerConnection's either. Its agent (pion, as of webrtc v4.2.26) drops the path that works the moment a restart is
// offered, and has no way back when the far side refuses. Here each path to the far side is an ICE agent of its own (path), and the
// PeerConnection is on one end of a wire in memory (link) whose other end is the path in use. A restart, by us or by the far
// side, is a second path, which takes over when it is up.
package peer
