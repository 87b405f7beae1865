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
	CodeCameraFormat             Code = "camera_format"
	CodeAudioUnavailable         Code = "audio_unavailable"
	CodeAudioIncomplete          Code = "audio_incomplete"
	CodeToneFile                 Code = "tone_file"
	CodeEchoNotKept              Code = "echo_not_kept"
	CodeICEServerInvalid         Code = "ice_server_invalid"
	CodeNoTargets                Code = "no_targets"
	CodeSettingsRefused          Code = "settings_refused"
	CodeSettingsKept             Code = "settings_kept"
	CodeSettingsNotKept          Code = "settings_not_kept"
	CodeSettingsCorrupt          Code = "settings_corrupt"
	CodePBXName                  Code = "pbx_dns"
	CodeCallsItself              Code = "calls_itself"
	CodeUnknownTarget            Code = "unknown_target"
	CodeDTMFOpensNothing         Code = "dtmf_opens_nothing"
	CodeCodeNotSent              Code = "code_not_sent"
	CodeTalkOpensDoor            Code = "talk_opens_door"
	CodeCallsRefused             Code = "calls_refused"
	CodeMonitorUnavailable       Code = "monitor_unavailable"
	CodeLEDUnavailable           Code = "led_unavailable"
	CodeInputUnreadable          Code = "input_unreadable"
	CodeCodesUnusable            Code = "codes_unusable"
	CodeWrongCodes               Code = "wrong_codes"
	CodeLockBlocked              Code = "lock_blocked"
	CodeDoorLeftOpen             Code = "door_left_open"
	CodeDoorForced               Code = "door_forced"
	CodeTamper                   Code = "tamper"
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
			Remedy: "For the Raspberry Pi's camera: install the package rpicam-apps-lite (on a Raspberry Pi 5 rpicam-apps), check the ribbon cable and " +
				"that rpicam-hello --list-cameras shows it, and that the service's user is in the group video. For a USB camera: doorstation check lists " +
				"those there are and says which would be used. Otherwise check camera in the local file.",
		},
		{
			Code: CodeCameraStalled, Severity: SeverityError,
			Title: "The camera has stopped delivering pictures and is being restarted.",
			Remedy: "If this comes back, check the power supply (vcgencmd get_throttled should say 0x0) and the camera's cable, " +
				"and try smaller camera.width, camera.height, camera.framerate or camera.bitrate in the local file.",
		},
		{
			Code: CodeCameraFormat, Severity: SeverityWarning,
			Title: "The camera's H.264 is not what browsers are promised: they may show a black picture.",
			Remedy: "Let the command of camera.source: exec encode the baseline profile without B-frames, level 3.1 at most, 1280x720 at 30/s at most " +
				"(ffmpeg: -c:v libx264 -profile:v baseline -level 3.1), in place of passing a network camera's stream on as it is.",
		},
		{
			Code: CodeAudioUnavailable, Severity: SeverityWarning,
			Title: "The sound device cannot be used: calls have no sound at the door.",
			Remedy: "Check that the sound device is plugged in (arecord -l and aplay -l list it), that the service's user is in the group audio, " +
				"and audio.device in the local file (none for a door without sound).",
		},
		{
			Code: CodeAudioIncomplete, Severity: SeverityWarning,
			Title: "The sound device has no microphone, or no loudspeaker: calls have sound one way only.",
			Remedy: "Check that both are plugged in (arecord -l lists microphones, aplay -l loudspeakers), that no other program holds one of them, " +
				"and audio.device in the local file. Where they are two devices, make them one default in /etc/asound.conf (type asym).",
		},
		{
			Code: CodeToneFile, Severity: SeverityWarning,
			Title: "A WAV file that is to be played at the door cannot be: the door's own tone is played in its place.",
			Remedy: "Correct audio.tones in the local file, or put a WAV file there that the service's user may read: PCM, 8 to 48 kHz, one or two channels, " +
				"at most 60 s (ffmpeg -i FILE -ar 48000 -ac 1 -c:a pcm_s16le tone.wav makes one). It is read when the agent starts.",
		},
		{
			Code: CodeEchoNotKept, Severity: SeverityWarning,
			Title:  "How late the loudspeaker's sound comes back to the microphone can't be kept: it is measured anew after each start.",
			Remedy: "Make the state directory writable for the service's user, and see that the disk is not full.",
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
			Code: CodePBXName, Severity: SeverityError,
			Title: "The name of the telephone exchange cannot be resolved.",
			Remedy: "Check the name in pbx_server or custom_wss_url in SIP Core's settings, or in sip.server in the local file, and this machine's name server " +
				"(getent hosts NAME). An IP address in its place needs no name server.",
		},
		{
			Code: CodeCallsItself, Severity: SeverityWarning,
			Title:  "A bell button calls the door itself.",
			Remedy: "Take the door's own extension out of buttons[].call in the local file.",
		},
		{
			Code: CodeUnknownTarget, Severity: SeverityWarning,
			Title: "A bell button calls an extension that none of SIP Core's users has.",
			Remedy: "Correct buttons[].call in the local file, or add the extension to users in SIP Core's settings. " +
				"If it is meant for a group or a telephone outside SIP Core, it rings all the same.",
		},
		{
			Code: CodeDTMFOpensNothing, Severity: SeverityWarning,
			Title: "A button of the popup sends digits that open nothing at this door.",
			Remedy: "Make data of that button (type: dtmf) under popup_config.buttons in SIP Core's settings one of lock.codes in the local file, " +
				"or add it to lock.codes.",
		},
		{
			Code: CodeCodeNotSent, Severity: SeverityWarning,
			Title: "A code that opens this door is sent by no button of the popup.",
			Remedy: "Under popup_config.buttons in SIP Core's settings give a button type: dtmf and the code as data, " +
				"or take the code out of lock.codes in the local file.",
		},
		{
			Code: CodeTalkOpensDoor, Severity: SeverityWarning,
			Title:  "The digits that open the door's loudspeaker also open the door.",
			Remedy: "Choose other digits for incoming.talk or for lock.codes in the local file.",
		},
		{
			Code: CodeCallsRefused, Severity: SeverityWarning,
			Title: "Somebody who is not allowed to has called the door.",
			Remedy: "If the caller belongs to the household, add the extension to users in SIP Core's settings or to incoming.allow in the local file. " +
				"Otherwise look in the telephone exchange who that is. The count begins anew when doorstation is restarted.",
		},
		{
			Code: CodeMonitorUnavailable, Severity: SeverityWarning,
			Title: "Health and metrics are not served: the address is taken or not this machine's.",
			Remedy: "Choose another address for monitor.listen in the local file, or none. " +
				"ss -ltnp shows which program uses it.",
		},
		{
			Code: CodeLEDUnavailable, Severity: SeverityWarning,
			Title:  "An LED cannot be switched.",
			Remedy: "Check leds[].pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeInputUnreadable, Severity: SeverityWarning,
			Title:  "The door contact or the tamper switch cannot be read.",
			Remedy: "Check inputs in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeCodesUnusable, Severity: SeverityError,
			Title: "The persons' codes cannot be used: they do not open the door.",
			Remedy: "Make the file named by lock.codes_file in the local file with doorstation code add NAME, let it belong to the service's user and nobody " +
				"else read it (chown doorstation, chmod 600), then doorstation restart. If others could read it, change the codes.",
		},
		{
			Code: CodeWrongCodes, Severity: SeverityWarning,
			Title: "Somebody has typed many wrong codes and is locked out for a while.",
			Remedy: "Ask in the household who it was. A stranger at one of your telephones is the other explanation: change its password in the telephone exchange. " +
				"doorstation alarm clear ends the lock-out at once.",
		},
		{
			Code: CodeLockBlocked, Severity: SeverityWarning,
			Title:  "The lock is blocked: no code opens the door.",
			Remedy: "It was blocked by doorstation lock block, perhaps before a restart; doorstation lock release ends that.",
		},
		{
			Code: CodeDoorLeftOpen, Severity: SeverityWarning,
			Title:  "The door stands open.",
			Remedy: "Shut the door. If it is shut, check the contact and its cable, and inputs.contact in the local file (open, left_open).",
		},
		{
			Code: CodeDoorForced, Severity: SeverityError,
			Title: "The door was opened while the lock was shut.",
			Remedy: "Look after the door, then doorstation alarm clear. If the door has a handle on the inside, this is no alarm: set " +
				"inputs.contact.forced: false in the local file.",
		},
		{
			Code: CodeTamper, Severity: SeverityError,
			Title: "The door station was opened.",
			Remedy: "Look after the door station and close it, then doorstation alarm clear; until then the lock stays shut, unless " +
				"inputs.tamper.block_lock is false in the local file.",
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
