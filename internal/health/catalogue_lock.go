package health

// lockFaults are those of the lock, its codes and its alarms.
func lockFaults() []Fault {
	return []Fault{
		{
			Code: CodeLockUnavailable, Severity: SeverityError,
			Title:  "The door's lock cannot be switched.",
			Remedy: "Check lock.pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeLockBlocked, Severity: SeverityWarning,
			Title:  "The lock is blocked: no code opens the door.",
			Remedy: "It was blocked by doorstation lock block, perhaps before a restart; doorstation lock release ends that.",
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
