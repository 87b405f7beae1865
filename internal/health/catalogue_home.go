package health

// homeFaults are those of Home Assistant, its token, and SIP Core's settings.
func homeFaults() []Fault {
	return []Fault{
		{
			Code: CodeTokenMissing, Severity: SeverityError,
			Title: "There is no Home Assistant access token.",
			Remedy: "In Home Assistant, log in as the user made for the door, open the profile, Security, and create a long-lived access token. " +
				"Put it into a file of its own and name that file as home_assistant.token_file in the local file " +
				"(or hand it over as the systemd credential home_assistant_token or in the environment as DOORSTATION_TOKEN).",
		},
		{
			Code: CodeTokenRefused, Severity: SeverityError,
			Title: "Home Assistant refuses the access token.",
			Remedy: "Create a new long-lived access token for the door's user (profile, Security) and put it into the file named by " +
				"home_assistant.token_file. If Home Assistant bans addresses after failed logins, remove this machine's from ip_bans.yaml and restart Home Assistant.",
		},
		{
			Code: CodeHomeAssistantUnreachable, Severity: SeverityError,
			Title: "Home Assistant cannot be reached.",
			Remedy: "Check that Home Assistant runs and that home_assistant.url in the local file is the address a browser on this network opens. " +
				"With a certificate of its own, name its authority as home_assistant.tls.ca_file.",
		},
		{
			Code: CodeIntegrationMissing, Severity: SeverityError,
			Title:  "The SIP Core integration is not installed in Home Assistant.",
			Remedy: "Install SIP Core (HACS, Integrations), restart Home Assistant and add it under Settings, Devices & services.",
		},
		{
			Code: CodeNotSetUp, Severity: SeverityError,
			Title:  "The SIP Core integration is installed in Home Assistant but not set up.",
			Remedy: "In Home Assistant open Settings, Devices & services, Add integration, choose SIP Core and save its options once.",
		},
		{
			Code: CodeSettingsInvalid, Severity: SeverityWarning,
			Title: "Some of SIP Core's settings are of the wrong type and are not used.",
			Remedy: "In Home Assistant open Settings, Devices & services, SIP Core, Configure, and correct the keys named here. " +
				"Until then the door uses their defaults.",
		},
		{
			Code: CodeSettingsRefused, Severity: SeverityWarning,
			Title: "The newest settings of SIP Core are wrong and are not used: those from before stay in force.",
			Remedy: "In Home Assistant open Settings, Devices & services, SIP Core, Configure, and correct the keys named here. " +
				"The door takes the settings over as a whole as soon as they are right.",
		},
		{
			Code: CodeSettingsKept, Severity: SeverityWarning,
			Title: "Home Assistant has not been heard since the start: the door works with the settings it kept.",
			Remedy: "Bring Home Assistant back, or mend what the other faults here say about it. What was changed in SIP Core since then is not known to the door yet. " +
				"For a bell that rings without Home Assistant, set custom_wss_url in SIP Core's settings, or sip.transport and sip.server in the local file.",
		},
		{
			Code: CodeSettingsNotKept, Severity: SeverityWarning,
			Title: "The settings cannot be kept for a start without Home Assistant.",
			Remedy: "Give the service's user a directory it may write to: StateDirectory=doorstation in the systemd unit, or run --state-dir. " +
				"If the disk is full or read-only, make room or mend it (df, dmesg).",
		},
		{
			Code: CodeSettingsCorrupt, Severity: SeverityWarning,
			Title: "The file with the kept settings was damaged and has been set aside.",
			Remedy: "Nothing is lost once Home Assistant answers: the door then keeps its settings anew. " +
				"If this comes back, replace the SD card. The damaged file may be deleted.",
		},
		{
			Code: CodeHomeAssistantName, Severity: SeverityError,
			Title: "The name of Home Assistant cannot be resolved.",
			Remedy: "Check home_assistant.url in the local file and this machine's name server (getent hosts NAME). A name that ends in .local needs the package " +
				"libnss-mdns. An IP address in its place needs no name server.",
		},
	}
}
