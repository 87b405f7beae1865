package e2e

import (
	"testing"

	"doorstation/test/house"
	"doorstation/test/lab"
)

// TestAHouseholdOfOneCodec: what a PBX allows alone is spoken both ways. The tone is coded by the PBX, the echo by the door.
func TestAHouseholdOfOneCodec(t *testing.T) {
	for _, codec := range []string{"g722", "alaw", "ulaw"} {
		t.Run(codec, func(t *testing.T) {
			h := house.Open(t, house.Options{
				Targets: []string{"904"},
				Asterisk: lab.AsteriskOptions{
					EndpointExtra: []string{"allow = !all," + codec},
					DialplanExtra: []string{
						"exten => 904,1,Answer()", " same => n,PlayTones(800)", " same => n,Wait(4)", " same => n,StopPlayTones()",
						" same => n,Echo()",
					},
				},
			})
			h.Door.WaitRegistered()
			h.Door.Press("")
			assertDoorHears(t, h.Door, 800)
			assertDoorHears(t, h.Door, doorHz) // its own voice comes back
		})
	}
}
