// Package peer holds the media side of a call: one ICE, DTLS and SRTP transport per leg, offers that are ready before
// anybody presses the bell, the SDP that goes on the wire and comes from it, the audio and video sent, the voice, the
// digits and the key frame requests received.
//
// It stands on pion's ICE agent, DTLS and SRTP rather than on pion's PeerConnection. A PBX re-offers at awkward moments
// (Asterisk 1 to 30 ms after its 200, before ICE is up), renumbers payload types, changes SSRCs when it bridges, and
// declines media in ways a browser never would. Here a description is read into plain values, compared with what was
// agreed, and answered from our own builder; the transports are touched only when ICE or DTLS really starts anew. Every
// packet is judged by its payload type, never by the SSRC an SDP promised.
package peer
