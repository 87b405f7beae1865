package health

// iceFaults are those of the servers that help media through networks.
func iceFaults() []Fault {
	return []Fault{
		{
			Code: CodeICEServerInvalid, Severity: SeverityWarning,
			Title: "A STUN or TURN server in SIP Core's settings cannot be used.",
			Remedy: "Correct ice_config.iceServers in SIP Core's settings: urls such as stun:stun.example.com:3478 or turn:turn.example.com:3478?transport=udp, " +
				"and for turn also username and credential.",
		},
		{
			Code: CodeICEServerName, Severity: SeverityWarning,
			Title:  "The name of a STUN or TURN server cannot be resolved.",
			Remedy: "Correct the name in ice_config.iceServers in SIP Core's settings, or take the server out; check this machine's name server (getent hosts NAME).",
		},
		{
			Code: CodeSTUNSilent, Severity: SeverityWarning,
			Title: "A STUN server does not answer.",
			Remedy: "Take it out of ice_config.iceServers in SIP Core's settings or put one there that answers: a silent one makes calls wait, and Asterisk may wait 18 s " +
				"for its own. If all are silent, a firewall keeps UDP from leaving the house.",
		},
		{
			Code: CodeTURNSilent, Severity: SeverityWarning,
			Title: "A TURN server does not answer.",
			Remedy: "Check that it runs, and host, port and transport of its entry in ice_config.iceServers in SIP Core's settings. Where a firewall keeps UDP " +
				"back, ?transport=tcp or turns: may get through.",
		},
		{
			Code: CodeTURNRefused, Severity: SeverityWarning,
			Title: "A TURN server refuses the door.",
			Remedy: "With 401, make username and credential of its entry in ice_config.iceServers the same as on the server (coturn: user=NAME:PASSWORD, or the credential of the day " +
				"with use-auth-secret). With 486 it has too many allocations: raise user-quota.",
		},
		{
			Code: CodeRelayBlocked, Severity: SeverityWarning,
			Title: "A TURN server gives a relay through which nothing comes.",
			Remedy: "On the server, open the ports of the relay (coturn: min-port to max-port, UDP) in its firewall, and behind a NAT set external-ip to its public " +
				"address, so that it does not give out a private one.",
		},
		{
			Code: CodeRelayOnlyWithoutTURN, Severity: SeverityError,
			Title:  "Only relays are allowed, and none is to be had: calls have neither sound nor picture.",
			Remedy: "Mend the TURN server of ice_config.iceServers in SIP Core's settings (or add one), or set iceTransportPolicy to all.",
		},
		{
			Code: CodeNoRelay, Severity: SeverityWarning,
			Title: "There is no relay: a call from outside the house may have neither sound nor picture.",
			Remedy: "For calls to telephones that are not at home, run a TURN server and add it to ice_config.iceServers in SIP Core's settings, for door and telephones alike. " +
				"Within the house none is needed.",
		},
		{
			Code: CodeSymmetricNAT, Severity: SeverityWarning,
			Title: "The router gives each server another port of the door's, so that STUN alone leads nobody to it.",
			Remedy: "Add a TURN server to ice_config.iceServers in SIP Core's settings, or let the router keep a port for all destinations (endpoint-independent mapping; " +
				"full cone).",
		},
		{
			Code: CodeNoCandidates, Severity: SeverityError,
			Title:  "The door has no address that it could offer for sound and picture.",
			Remedy: "Check this machine's network (ip addr): an interface must be up and have an address that is not its own loopback.",
		},
	}
}
