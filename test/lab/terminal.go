package lab

import "regexp"

// escapes are the sequences that move, colour and clear (ECMA-48: CSI), set titles and links (OSC), carry pictures (DCS, APC), and choose
// letters.
var escapes = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|(?s:\x1b[P_^].*?\x1b\\)|\x1b[()][0-9A-Za-z]|\x1b[@-Z\\-_=>78c]`)

// WithoutEscapes is what a program has sent to a terminal without what a terminal does not show.
func WithoutEscapes(sent string) string { return escapes.ReplaceAllString(sent, "") }
