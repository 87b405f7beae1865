// Package sound has the door's sound card on the kernel's sound system: what internal/audio plays and hears goes through ALSA and a
// card of the kernel's (snd-aloop), at whose far side the test listens and speaks with programs of its own.
package sound
