// Package terminal puts the questions of a setup to a terminal: with arrow keys and colours where the terminal has some, else as
// numbered lines on any serial console, in ASCII where the locale is not UTF-8.
package terminal
