package main

import (
	"fmt"

	"doorstation/internal/control"
)

type muteCmd struct {
	socketFlag
	What   string `arg:"" enum:"microphone,loudspeaker" help:"microphone: the household does not hear the door. loudspeaker: the door does not hear the household."`
	Switch string `arg:"" optional:"" default:"on" enum:"on,off" help:"on (default) or off."`
}

// Run mutes, or opens again.
func (c *muteCmd) Run(e *env) error {
	on := c.Switch == "on"
	change := control.SoundChange{MuteMicrophone: &on}
	if c.What == "loudspeaker" {
		change = control.SoundChange{MuteLoudspeaker: &on}
	}
	return changeSound(e, c.socketFlag, change)
}

type volumeCmd struct {
	socketFlag
	Volume int `arg:"" help:"0 to 100; 100 is as loud as the sound device is set to."`
}

// Run changes the volume.
func (c *volumeCmd) Run(e *env) error {
	return changeSound(e, c.socketFlag, control.SoundChange{Volume: &c.Volume})
}

func changeSound(e *env, socket socketFlag, change control.SoundChange) error {
	now, err := control.NewClient(socket.path(e)).ChangeSound(e.ctx, change)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "for this call: microphone %s, loudspeaker %s, volume %d\n", openOr(now.MicrophoneMuted), openOr(now.LoudspeakerMuted), now.Volume)
	return err
}

func openOr(muted bool) string {
	if muted {
		return "muted"
	}
	return "open"
}
