// Package sip registers the door at its PBX, over a SIP WebSocket (RFC 7118) or by UDP, TCP or TLS, and makes and takes calls
// there. Session descriptions pass through it unread.
//
// # How it is built
//
// Messages, headers and the parser are sipgo's. Transport, transactions and dialogs are our own, because everything that
// goes wrong between a door and a PBX is a matter of order, and sipgo (v1.7.2) gives each message a goroutine: a
// re-INVITE overtakes the 200 before it, a BYE the ACK, digits each other. Its dialogs give up a call after ten
// provisional answers, leave a call standing whose 200 crossed the CANCEL, and know no session timer; its WebSocket
// loses the connection over a ping and cannot carry a cookie over TLS; its logger and limits are global.
//
// Here one goroutine per connection reads a message, drops it when it is malformed, and carries it through transaction
// and leg before it reads the next (conn). So an ACK is on the wire before anything that followed the 200 is looked at,
// and the PBX's requests reach a leg in the order they were sent. A leg is a small state machine behind one lock; timers
// and callers enter by the same lock, and nothing of it waits while holding it, save for the socket to take a message.
// What is handed to the caller's code goes through mailboxes that never make the reader wait.
//
// # Calls
//
// Calls of both directions are legs with the same code. What a leg wants of its peer within the dialog that touches the
// session, a refresh, the news of another connection or an offer of the caller's code, is a change, and one is open at a time.
// The description that holds becomes another only with the 2xx; where it is uncertain which one the peer has, because a 200
// came after its re-INVITE was given up or went down with a connection, ours is offered again.
//
// Sessions have a timer (RFC 4028) of 90 s in both roles, whatever longer interval the PBX says: Asterisk's re-INVITE shortly
// after its 200 would make it 1800 s, for which a door without power would leave its call standing.
//
// Requests that would lie get no 200: MESSAGE gets 405, since nobody reads it (RFC 3428 section 7), REFER 603. 100rel is not
// offered. The SDP of a 183 is the answer when the 200 has none (section 13.2.2.4). A 3xx is followed within the PBX's domain.
//
// # A connection that is lost
//
// Calls that ring end, and the PBX is told by CANCEL when there is a connection again. Calls that are up go adrift: their
// sound goes another way. The next connection carries them on, and the PBX learns of it by UPDATE or re-INVITE. Without a
// connection they end when the PBX ends them too, at the end of the session, or after 90 s where none was agreed.
//
// What Asterisk 22.10.1 does then, by its own log, over WebSocket and TCP and with rewrite_contact as the add-on has it:
//
//   - The channel stays up when its connection closes. A BYE in the meantime goes to the connection that is no more, after
//     which the door's UPDATE gets 481.
//   - UPDATE without a body is answered 200 from the new connection, unchallenged, within 1 ms. From then on its requests, BYE
//     included, go to the new connection's address; nothing needs to be said to it besides. A re-INVITE is answered 200.
//   - An ACK of ours that went down with the connection is waited for, and each later re-INVITE gets 491 as long as it is
//     missing. So the last ACK is sent again on the new connection, as is a 2xx of ours whose ACK has not come.
//   - Restarted, it knows no such call: 481, and the leg ends.
//
// # Transports
//
// A socket carries whole messages, and its hop is what Via and Contact say of it: behind a WebSocket a host name that nobody
// can resolve, else the socket's own address, which PBXs with rewrite_contact or rport see past a NAT. Transactions (RFC 3261
// section 17) know of it only whether it is reliable: all retransmission and lingering is for UDP, also that of the 2xx to
// an INVITE, which ends when the ACK passes by on its way to the leg.
//
// Calls come in over the connection that we opened, TCP and TLS included: nothing listens. The UDP socket is bound but not
// connected. A connected one would have the kernel answer strangers by ICMP, and would not hear a PBX that has several
// addresses; so it drops by itself what is not of the addresses that the name resolved to, asks for ICMP errors by
// IP_RECVERR, and takes two of them half a second apart, with nothing heard in between, for the PBX being gone.
//
// RFC 3261 section 18.1.1 wants requests of more than 1300 bytes to go over TCP where UDP was meant, and an INVITE of ours
// with its candidates is always larger. It goes in one fragmented datagram all the same: Asterisk takes that and sends its
// own INVITEs so unless told otherwise (disable_tcp_switch), a second connection would make two ways of one dialog, and
// whoever has a network that loses fragments can write tcp in place of udp. Retransmission bridges single losses.
//
// A name without a port is looked up by SRV first (RFC 3263), except names that are those of hosts: of one label, or of
// multicast DNS. Connections to several addresses are raced as in RFC 8305; for UDP the next address gets its turn when one
// said nothing for four seconds. TLS checks the certificate against the name that was configured and sends that name, not the
// target of an SRV record (RFC 5922 section 4); URIs of sip: in certificates are not looked at, only DNS names and addresses.
// Contact has "sip:" with transport=tls, as Asterisk and its kin write it themselves, since "sips:" would demand TLS of the
// whole way.
package sip
