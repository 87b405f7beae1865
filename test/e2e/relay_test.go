package e2e

import (
	"strings"
	"testing"

	"doorstation/test/house"
	"doorstation/test/lab"
)

// The door and the tablet are in networks of their own, from which no UDP goes anywhere but to coturn: sound and picture go by the
// relay, to the PBX and from there on by the relay again, whichever way the door gets to it.
func TestDoorAndTabletBehindARelay(t *testing.T) {
	for _, transport := range []string{"udp", "tcp", "tls"} {
		for _, policy := range []string{"all", "relay"} {
			t.Run(transport+" "+policy, func(t *testing.T) {
				ca := lab.NewCA(t)
				turn := lab.StartTURN(t, lab.TURNOptions{CA: ca})
				porch, living := lab.NewNetwork(t, "porch"), lab.NewNetwork(t, "living")
				wall := porch.Wall(t)
				living.Wall(t)
				h := house.Open(t, house.Options{
					Network: porch, Asterisk: lab.AsteriskOptions{CA: ca}, SIPCore: relayedBy(turn, transport, policy),
					ByWSS: transport == "tls", Secrets: []string{turn.Password},
				})
				h.PBX.TraceSIP(t)
				browser := lab.StartBrowser(t, lab.BrowserOptions{Network: living})
				kitchen := tablet(t, browser, h, lab.PopupOptions{ICEServers: []lab.ICEServer{turn.Server("udp")}, RelayOnly: true})
				h.Door.WaitRegistered()
				answered(t, h, kitchen)
				assertPicture(t, kitchen)
				assertHears(t, kitchen)
				assertDoorHears(t, h.Door, kitchenHz)
				kitchen.Hangup()
				h.Door.WaitOutcome(1, "talked")
				if local, _ := h.Door.VisitLines()[0]["local_candidate"].(string); !strings.Contains(local, "relay") {
					t.Errorf("the door's side of the call is %q", local)
				}
				if policy == "relay" {
					// Not a check, not a word about where the door is: whoever listens knows the relay alone.
					if n := wall.Stopped(t); n != 0 {
						t.Errorf("%d packets left by another way than the relay", n)
					}
					if said := sdpLines(h.PBX.Log(), porch.Addr); len(said) > 0 {
						t.Errorf("the PBX was told the door's own address: %q", said)
					}
				}
			})
		}
	}
}

// sdpLines are the lines of session descriptions in a log of SIP that contain something.
func sdpLines(log, what string) (lines []string) {
	for line := range strings.Lines(log) {
		if len(line) > 2 && line[1] == '=' && strings.Contains(line, what) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// relayedBy makes a TURN server the only entry of SIP Core's ice_config.
func relayedBy(turn *lab.TURN, transport, policy string) func(map[string]any) {
	return func(core map[string]any) {
		core["ice_config"] = map[string]any{
			"iceServers":         []any{map[string]any{"urls": turn.URL(transport), "username": turn.Username, "credential": turn.Password}},
			"iceTransportPolicy": policy, "iceGatheringTimeout": 2000, "rtcpMuxPolicy": "require", "iceCandidatePoolSize": 1,
		}
	}
}

// A machine that has IPv6 addresses alone, with and without a relay that is reached by IPv6.
func TestADoorThatSpeaksIPv6Alone(t *testing.T) {
	for _, relay := range []bool{false, true} {
		t.Run(map[bool]string{false: "direct", true: "by a relay"}[relay], func(t *testing.T) {
			porch := lab.NewNetwork(t, "porch")
			o := house.Options{Network: porch, IPv6: true}
			if relay {
				porch.Wall(t)
				o.SIPCore = relayedBy(lab.StartTURN(t, lab.TURNOptions{Addresses: []string{porch.Gateway6}}), "udp", "relay")
			}
			h, kitchen := evening(t, o, lab.PopupOptions{})
			h.PBX.TraceSIP(t)
			answered(t, h, kitchen)
			assertPicture(t, kitchen)
			assertHears(t, kitchen)
			assertDoorHears(t, h.Door, kitchenHz)
			kitchen.Hangup()
			h.Door.WaitOutcome(1, "talked")
			if local, _ := h.Door.VisitLines()[0]["local_candidate"].(string); !strings.Contains(local, "[2001:db8:") {
				t.Errorf("the door's side of the call is %q", local)
			}
			if len(sdpLines(h.PBX.Log(), "c=IN IP6 2001:db8:")) == 0 {
				t.Error("no offer whose c= is an address of IPv6")
			}
		})
	}
}
