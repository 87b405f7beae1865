// Package sip registers the door at its PBX over a SIP WebSocket (RFC 7118) and makes calls there. Session descriptions
// pass through it unread.
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
// Transactions (RFC 3261 section 17) are those of a reliable transport: no retransmission, no lingering. The socket
// interface is where other transports fit in.
package sip
