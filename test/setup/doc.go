// Package setup drives `doorstation setup` in a real pseudo-terminal, and unattended: from nothing to a popup that rings, against the
// lab's Asterisk and Home Assistant's stand-in; and what an interruption leaves behind.
package setup
