// Package sipp runs the door's SIP agent over UDP against sipp, which plays the PBX: a second opinion on the races between a
// door and a PBX, by a program that was not written with the door in mind. Each scenario is a file in scenarios; begin.xml and
// end.xml are put around all of them, for sipp takes a scenario for the REGISTER and the call alike.
//
// It needs Debian's sip-tester, which `make deps` installs.
package sipp
