package health

// filesFaults are those of the local file and the files that it names.
func filesFaults() []Fault {
	return []Fault{
		{
			Code: CodeFileUnreadable, Severity: SeverityError,
			Title: "The service's user may not read a file that the local file names.",
			Remedy: "Let the file belong to the service's user and to nobody else: chown doorstation:doorstation FILE, chmod 600 FILE. Each directory above it must be " +
				"open to that user, too (namei -l FILE shows which one is not).",
		},
		{
			Code: CodeSecretFileOpen, Severity: SeverityWarning,
			Title:  "A file with a secret can be read by others on this machine.",
			Remedy: "Close it with chmod 600 FILE. If strangers use this machine, make a new token (or new codes), as the old one may be known.",
		},
	}
}
