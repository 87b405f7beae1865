package health

import "slices"

// The faults a door station knows. catalogue says for each what it means and what to do.
const (
	CodeTokenMissing             Code = "token_missing"
	CodeTokenRefused             Code = "token_refused"
	CodeIntegrationMissing       Code = "integration_missing"
	CodeNotSetUp                 Code = "not_set_up"
	CodeHomeAssistantUnreachable Code = "home_assistant_unreachable"
	CodeSettingsInvalid          Code = "settings_invalid"
	CodeNoPBXAddress             Code = "no_pbx_address"
	CodeNoSupervisor             Code = "no_supervisor"
	CodeAddonMissing             Code = "addon_missing"
	CodeNoUser                   Code = "no_user"
	CodeBackupUser               Code = "backup_user"
	CodeNoPicture                Code = "no_picture"
	CodeRegistrationRefused      Code = "registration_refused"
	CodePBXUnreachable           Code = "pbx_unreachable"
	CodeIngressSession           Code = "ingress_session"
	CodeGPIOUnavailable          Code = "gpio_unavailable"
	CodeButtonUnreadable         Code = "button_unreadable"
	CodeLockUnavailable          Code = "lock_unavailable"
	CodeLightUnavailable         Code = "light_unavailable"
	CodeCameraUnavailable        Code = "camera_unavailable"
	CodeCameraStalled            Code = "camera_stalled"
	CodeAudioUnavailable         Code = "audio_unavailable"
	CodeICEServerInvalid         Code = "ice_server_invalid"
	CodeNoTargets                Code = "no_targets"
)

// catalogue lists every known fault in the order in which a new installation meets them.
func catalogue() []Fault {
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
			Code: CodeHomeAssistantUnreachable, Severity: SeverityError,
			Title: "Home Assistant cannot be reached.",
			Remedy: "Check that Home Assistant runs and that home_assistant.url in the local file is the address a browser on this network opens. " +
				"With a certificate of its own, name its authority as home_assistant.tls.ca_file.",
		},
		{
			Code: CodeSettingsInvalid, Severity: SeverityWarning,
			Title: "Some of SIP Core's settings are of the wrong type and are not used.",
			Remedy: "In Home Assistant open Settings, Devices & services, SIP Core, Configure, and correct the keys named here. " +
				"Until then the door uses their defaults.",
		},
		{
			Code: CodeNoPBXAddress, Severity: SeverityError,
			Title: "The door does not know where the telephone exchange is.",
			Remedy: "Set pbx_server or custom_wss_url in SIP Core's settings, or sip.server in the local file " +
				"(sip.transport: ws or wss needs one of pbx_server and sip.server).",
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
			Code: CodeNoPicture, Severity: SeverityWarning,
			Title: "The household will not see the visitor.",
			Remedy: "Set sip_video: true in SIP Core's settings (or call.video: always in the local file), or give the door's extension a " +
				"camera_entity under popup_config.extensions in SIP Core's settings. If no picture is wanted, set call.video: never in the local file.",
		},
		{
			Code: CodeRegistrationRefused, Severity: SeverityError,
			Title: "The telephone exchange refuses the door's extension or password.",
			Remedy: "Make extension and password of the door's entry under users in SIP Core's settings the same as in the exchange " +
				"(for the Asterisk add-on: its configuration or custom pjsip file), then restart the add-on.",
		},
		{
			Code: CodePBXUnreachable, Severity: SeverityError,
			Title: "The telephone exchange cannot be reached.",
			Remedy: "Check that the Asterisk add-on or the exchange runs, and custom_wss_url and pbx_server in SIP Core's settings. " +
				"With a certificate of its own, name its authority as sip.tls.ca_file in the local file.",
		},
		{
			Code: CodeIngressSession, Severity: SeverityError,
			Title: "Home Assistant does not give the door a way through to the Asterisk add-on.",
			Remedy: "The door tries again by itself. If this stays, restart the Asterisk add-on, make the door's user in Home Assistant an administrator, " +
				"or set custom_wss_url in SIP Core's settings.",
		},
		{
			Code: CodeGPIOUnavailable, Severity: SeverityError,
			Title: "The GPIO pins of this machine cannot be used: button, lock and light do not work.",
			Remedy: "Run on a Raspberry Pi and put the service's user into the group gpio (usermod -aG gpio doorstation), so that it may open /dev/gpiochip0. " +
				"On a machine without pins, set gpio: simulated in the local file.",
		},
		{
			Code: CodeButtonUnreadable, Severity: SeverityError,
			Title:  "A bell button cannot be read.",
			Remedy: "Check buttons[].pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeLockUnavailable, Severity: SeverityError,
			Title:  "The door's lock cannot be switched.",
			Remedy: "Check lock.pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeLightUnavailable, Severity: SeverityWarning,
			Title:  "The bell's light cannot be switched.",
			Remedy: "Check light.pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeCameraUnavailable, Severity: SeverityError,
			Title: "The camera cannot be used: calls have sound only.",
			Remedy: "Check the camera's ribbon cable and that rpicam-hello --list-cameras shows it, that the service's user is in the group video, " +
				"and camera.source in the local file.",
		},
		{
			Code: CodeCameraStalled, Severity: SeverityError,
			Title: "The camera has stopped delivering pictures and is being restarted.",
			Remedy: "If this comes back, check the power supply (vcgencmd get_throttled should say 0x0) and the camera's cable, " +
				"and try smaller camera.width, camera.height, camera.framerate or camera.bitrate in the local file.",
		},
		{
			Code: CodeAudioUnavailable, Severity: SeverityWarning,
			Title: "The sound device cannot be used: calls have no sound at the door.",
			Remedy: "Check that the sound device is plugged in (arecord -l and aplay -l list it), that the service's user is in the group audio, " +
				"and audio.device in the local file (none for a door without sound).",
		},
		{
			Code: CodeICEServerInvalid, Severity: SeverityWarning,
			Title: "A STUN or TURN server in SIP Core's settings cannot be used.",
			Remedy: "Correct ice_config.iceServers in SIP Core's settings: urls such as stun:stun.example.com:3478 or turn:turn.example.com:3478?transport=udp, " +
				"and for turn also username and credential.",
		},
		{
			Code: CodeNoTargets, Severity: SeverityWarning,
			Title:  "A bell button calls nobody.",
			Remedy: "List the extensions to call as buttons[].call in the local file.",
		},
	}
}

// Catalogue returns every fault the station knows, without Detail and Since, for documentation and tests.
func Catalogue() []Fault { return catalogue() }

// describe returns what the catalogue says about a code.
func describe(code Code) Fault {
	all := catalogue()
	if i := slices.IndexFunc(all, func(f Fault) bool { return f.Code == code }); i >= 0 {
		return all[i]
	}
	return Fault{Code: code, Severity: SeverityError, Title: "A fault without a description: " + string(code) + "."}
}
