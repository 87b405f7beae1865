package health

// machineFaults are those of the machine itself.
func machineFaults() []Fault {
	return []Fault{
		{
			Code: CodeMonitorUnavailable, Severity: SeverityWarning,
			Title: "Health and metrics are not served: the address is taken or not this machine's.",
			Remedy: "Choose another address for monitor.listen in the local file, or none. " +
				"ss -ltnp shows which program uses it.",
		},
		{
			Code: CodePageUnavailable, Severity: SeverityWarning,
			Title: "The status page is not served: its address is taken or not this machine's, or its password can't be read.",
			Remedy: "Choose another address for page.listen in the local file, or none; ss -ltnp shows which program uses it. " +
				"Make the password anew with doorstation page password where that is what is wrong, then doorstation restart.",
		},
	}
}
