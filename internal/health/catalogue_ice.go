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
	}
}
