package health

// exchangeFaults are those of the telephone exchange and the way there.
func exchangeFaults() []Fault {
	return []Fault{
		{
			Code: CodeNoUser, Severity: SeverityError,
			Title: "SIP Core's settings have no SIP user for this door.",
			Remedy: "Add an entry to users in SIP Core's settings whose ha_username is the id or the name of the Home Assistant user the token belongs to, " +
				"with its extension and password. Or set sip.extension in the local file to the extension of an existing entry.",
		},
		{
			Code: CodeBackupUser, Severity: SeverityWarning,
			Title: "The door uses SIP Core's backup_user because no entry of users is its own.",
			Remedy: "Give the door its own extension: add an entry to users in SIP Core's settings whose ha_username is the id or the name of the " +
				"Home Assistant user the token belongs to. Others using the backup user would be called in the door's place.",
		},
		{
			Code: CodeNoPBXAddress, Severity: SeverityError,
			Title: "The door does not know where the telephone exchange is.",
			Remedy: "Set pbx_server or custom_wss_url in SIP Core's settings, or sip.server in the local file " +
				"(sip.transport: ws or wss needs one of pbx_server and sip.server).",
		},
		{
			Code: CodePBXName, Severity: SeverityError,
			Title: "The name of the telephone exchange cannot be resolved.",
			Remedy: "Check the name in pbx_server or custom_wss_url in SIP Core's settings, or in sip.server in the local file, and this machine's name server " +
				"(getent hosts NAME). An IP address in its place needs no name server.",
		},
		{
			Code: CodeNoSupervisor, Severity: SeverityError,
			Title: "Home Assistant has no Supervisor, so the telephone exchange cannot be reached through it.",
			Remedy: "Set custom_wss_url in SIP Core's settings to the WebSocket address of the exchange, such as wss://pbx.example.com:8089/ws " +
				"(or sip.transport: wss and sip.server in the local file).",
		},
		{
			Code: CodeAddonMissing, Severity: SeverityError,
			Title: "The Asterisk add-on is not installed or not running.",
			Remedy: "In Home Assistant install and start the Asterisk add-on (Settings, Add-ons), " +
				"or set custom_wss_url in SIP Core's settings when the exchange is somewhere else.",
		},
		{
			Code: CodeIngressSession, Severity: SeverityError,
			Title: "Home Assistant does not give the door a way through to the Asterisk add-on.",
			Remedy: "The door tries again by itself. If this stays, restart the Asterisk add-on, update Home Assistant (before 2021.12 it lets administrators through only), " +
				"or set custom_wss_url in SIP Core's settings.",
		},
		{
			Code: CodePBXUnreachable, Severity: SeverityError,
			Title: "The telephone exchange cannot be reached.",
			Remedy: "Check that the Asterisk add-on or the exchange runs, and custom_wss_url and pbx_server in SIP Core's settings. " +
				"With a certificate of its own, name its authority as sip.tls.ca_file in the local file.",
		},
		{
			Code: CodeRegistrationRefused, Severity: SeverityError,
			Title: "The telephone exchange refuses the door's extension or password.",
			Remedy: "Make extension and password of the door's entry under users in SIP Core's settings the same as in the exchange " +
				"(for the Asterisk add-on: its configuration or custom pjsip file), then restart the add-on.",
		},
		{
			Code: CodeWebSocketRefused, Severity: SeverityError,
			Title: "What answers at the exchange's address is no SIP WebSocket.",
			Remedy: "Check host, port and path of custom_wss_url in SIP Core's settings (or sip.server): Asterisk's is /ws on port 8089 (wss) or 8088 (ws). " +
				"A reverse proxy in between must pass WebSockets on, with the header Sec-WebSocket-Protocol.",
		},
	}
}
