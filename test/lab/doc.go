// Package lab is the house that the end-to-end tests ring at: real parts, each started and ended by the test that
// wants it.
//
//   - [Main] puts the whole test binary into a network and process namespace of its own, with one address that is not
//     loopback ([Addr]). Nothing in it reaches the outside, its ports collide with nobody's, and when the binary
//     ends, the kernel ends whatever it started.
//   - [StartAsterisk] runs Debian's Asterisk 22, unpacked but not installed, with the endpoint settings of the SIP
//     Core add-on.
//   - [StartBrowser] runs Chromium; [Browser.Popup] opens in it a miniature of the SIP Core card's popup on JsSIP,
//     with a tone for a microphone, and tells what a person in front of it would see and hear.
//   - [StartTURN] runs coturn, [SilentSTUN] a STUN server that never answers, [Lose] drops packets.
//   - [NewNetwork] makes a network of its own for a door or popup that is elsewhere, [NewFarNetwork] one with a [Wire] in
//     between, on which a test makes delay, jitter, loss and black holes, for TCP and UDP alike.
//   - [StartHomeAssistant] runs Home Assistant Core with a stand-in for SIP Core in it; most scenarios use package homestub in its place,
//     which starts at once, and which the tests of package test/homeassistant compare with it.
//   - [AnnounceHome] runs avahi-daemon, which announces Home Assistants by multicast DNS.
//   - [Start] runs any other program, such as the door itself.
//
// Files of a run (logs, screenshots, configuration) stay in the directory out of the tested package, in one folder per
// test; the ends of the logs are shown when the test fails. What the lab is made of is fetched once by prepare.sh.
package lab
