// Package page is the door's status page for people: what the door does, live, with its picture, a test press, its visits, and its
// faults with their remedies. It is HTML, style and script by hand, inside the program.
//
// It shows the camera's picture and rings the household, so it is guarded:
//
//   - It listens on loopback unless the local file says otherwise, and there only with a password (argon2id, sessions in memory).
//   - A request must name the machine in its Host header: a foreign name that was made to point here (DNS rebinding) is refused.
//   - What changes something is refused from any other origin, and needs the token of a page that is open now.
//   - Nothing is loaded from elsewhere, nothing may frame it, no script stands in the page (Content-Security-Policy).
//   - Connections, open pages, viewers, sessions and the time of each request are bounded; wrong passwords wait longer each time.
//
// TLS is not offered: a reverse proxy or ssh -L does that better than a certificate that no browser trusts.
package page
