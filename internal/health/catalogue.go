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
	CodePageUnavailable          Code = "page_unavailable"
	CodeLEDUnavailable           Code = "led_unavailable"
	CodeInputUnreadable          Code = "input_unreadable"
	CodeCodesUnusable            Code = "codes_unusable"
	CodeWrongCodes               Code = "wrong_codes"
	CodeLockBlocked              Code = "lock_blocked"
	CodeDoorLeftOpen             Code = "door_left_open"
	CodeDoorForced               Code = "door_forced"
	CodeTamper                   Code = "tamper"
	CodeFileUnreadable           Code = "file_unreadable"
	CodeSecretFileOpen           Code = "secret_file_open"
	CodeHomeAssistantName        Code = "home_assistant_dns"
	CodeCertificateExpired       Code = "certificate_expired"
	CodeCertificateExpiring      Code = "certificate_expiring"
	CodeCertificateNotYetValid   Code = "certificate_not_yet_valid"
	CodeCertificateName          Code = "certificate_name"
	CodeCertificateUnknown       Code = "certificate_unknown"
	CodeWebSocketRefused         Code = "websocket_refused"
	CodeTargetMissing            Code = "target_missing"
	CodeCallFailed               Code = "call_failed"
	CodeCallNoMedia              Code = "call_no_media"
	CodeCallNoPicture            Code = "call_no_picture"
	CodeICEServerName            Code = "ice_server_dns"
	CodeSTUNSilent               Code = "stun_silent"
	CodeTURNSilent               Code = "turn_silent"
	CodeTURNRefused              Code = "turn_refused"
	CodeRelayBlocked             Code = "relay_blocked"
	CodeRelayOnlyWithoutTURN     Code = "relay_only_without_turn"
	CodeNoRelay                  Code = "no_relay"
	CodeSymmetricNAT             Code = "symmetric_nat"
	CodeNoCandidates             Code = "no_candidates"
	CodeCameraBusy               Code = "camera_busy"
	CodeCameraDark               Code = "camera_dark"
	CodeMicrophoneSilent         Code = "microphone_silent"
	CodeMicrophoneOverdriven     Code = "microphone_overdriven"
	CodeLoudspeakerUnheard       Code = "loudspeaker_unheard"
	CodeButtonStill              Code = "button_still"
	CodeUnderVoltage             Code = "under_voltage"
	CodeTooHot                   Code = "too_hot"
	CodeClockWrong               Code = "clock_wrong"
	CodeDiskFull                 Code = "disk_full"
	CodeDiskReadOnly             Code = "disk_read_only"
	CodeDiskErrors               Code = "disk_errors"
	CodeMemoryLow                Code = "memory_low"
)

// catalogue lists every known fault: an area after the other, in about the order in which a new installation meets them. Each area has
// a file of its own.
func catalogue() []Fault {
	return slices.Concat(
		filesFaults(),
		homeFaults(),
		certificateFaults(),
		exchangeFaults(),
		iceFaults(),
		callsFaults(),
		pictureFaults(),
		soundFaults(),
		linesFaults(),
		lockFaults(),
		machineFaults(),
	)
}

// Catalogue returns every fault the station knows, without Detail and Since, for documentation and tests.
func Catalogue() []Fault { return catalogue() }

// Describe returns what the catalogue says about a code, without Detail and Since. One that is not in it is an error without a remedy.
func Describe(code Code) Fault {
	all := catalogue()
	if i := slices.IndexFunc(all, func(f Fault) bool { return f.Code == code }); i >= 0 {
		return all[i]
	}
	return Fault{Code: code, Severity: SeverityError, Title: "A fault without a description: " + string(code) + "."}
}
