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
	}
}
