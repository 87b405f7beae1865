package health

// callsFaults are those of whom the door calls, who calls it, and what the popup sends.
func callsFaults() []Fault {
	return []Fault{
		{
			Code: CodeNoTargets, Severity: SeverityWarning,
			Title:  "A bell button calls nobody.",
			Remedy: "List the extensions to call as buttons[].call in the local file.",
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
			Code: CodeTargetMissing, Severity: SeverityWarning,
			Title: "The telephone exchange does not know an extension that a bell button calls.",
			Remedy: "Correct buttons[].call in the local file, or add the extension to the exchange (for the Asterisk add-on: its configuration or the custom pjsip and " +
				"extensions files).",
		},
		{
			Code: CodeCallFailed, Severity: SeverityError,
			Title:  "The test call has rung nobody.",
			Remedy: "See whether the telephone that was called is on and logged in: the card of a tablet must be open and show that it is registered. What the exchange said is named here.",
		},
		{
			Code: CodeCallNoMedia, Severity: SeverityError,
			Title: "The test call was answered, and no sound came through.",
			Remedy: "Compare the addresses that are named here: if one of the two is not at home, a TURN server is needed. In the house, look for a firewall between door and exchange " +
				"(Asterisk: UDP 10000 to 20000).",
		},
		{
			Code: CodeCallNoPicture, Severity: SeverityError,
			Title: "The test call was answered, and its picture did not come through.",
			Remedy: "If nothing of it was sent, do what is named here, or call again. If it was sent and did not arrive, look for what lets sound through and not the larger packets of " +
				"a picture: a weak Wi-Fi at the door (try a cable), a firewall or a router that holds long UDP packets back, a VPN whose MTU is too large.",
		},
	}
}
