package health

// certificateFaults are those of certificates, of whichever server is named beside them.
func certificateFaults() []Fault {
	return []Fault{
		{
			Code: CodeCertificateExpired, Severity: SeverityError,
			Title: "The certificate of a server has expired.",
			Remedy: "Renew it on the server named here (Home Assistant, the telephone exchange or the TURN server) and restart that server, so that it takes the new one. " +
				"If the certificate is not old, this machine's clock is wrong: timedatectl shows it.",
		},
		{
			Code: CodeCertificateExpiring, Severity: SeverityWarning,
			Title:  "The certificate of a server expires within two weeks.",
			Remedy: "Renew it on the server named here and restart that server. If it renews itself, see why it has not: most do so a month before.",
		},
		{
			Code: CodeCertificateNotYetValid, Severity: SeverityError,
			Title:  "The certificate of a server is not valid yet.",
			Remedy: "This machine's clock, or that of the machine which made the certificate, is wrong: compare timedatectl on both. Then make the certificate anew if it was the other one.",
		},
		{
			Code: CodeCertificateName, Severity: SeverityError,
			Title: "The certificate of a server is for another name than the one that the door was told.",
			Remedy: "Write one of the names that the certificate holds, which are listed here, as home_assistant.url, custom_wss_url or sip.server; " +
				"or have a certificate made that holds the name the door uses.",
		},
		{
			Code: CodeCertificateUnknown, Severity: SeverityError,
			Title: "The certificate of a server comes from an authority that this machine does not know.",
			Remedy: "Copy the authority's certificate (PEM; for a self-signed one the certificate itself) to this machine and name the file as home_assistant.tls.ca_file " +
				"or sip.tls.ca_file in the local file; for a TURN server it is sip.tls.ca_file, too. A public authority whose chain is not complete " +
				"is mended on the server: it must send the certificates in between.",
		},
	}
}
