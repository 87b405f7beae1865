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
		{
			Code: CodeUnderVoltage, Severity: SeverityWarning,
			Title: "The power supply is too weak: camera, radio and SD card may fail at any time.",
			Remedy: "Use the Raspberry Pi's own supply (5.1 V, 3 A; 5 A for a Raspberry Pi 5) with a short, thick cable, and give lock, lamp and amplifier a " +
				"supply of their own. vcgencmd get_throttled should say 0x0 after the next start.",
		},
		{
			Code: CodeTooHot, Severity: SeverityWarning,
			Title:  "The processor is too hot and is being slowed down: the picture may stutter.",
			Remedy: "Give it air, shade or a heat sink. Less work helps, too: smaller camera.width, camera.height or camera.framerate in the local file.",
		},
		{
			Code: CodeClockWrong, Severity: SeverityWarning,
			Title: "The clock is wrong, or nothing keeps it right: certificates and TURN credentials may be refused.",
			Remedy: "Let the machine ask a time server: sudo timedatectl set-ntp true; timedatectl should say System clock synchronized: yes. " +
				"Without the Internet name a server of the house (the router, Home Assistant's machine) as NTP= in /etc/systemd/timesyncd.conf.",
		},
		{
			Code: CodeDiskFull, Severity: SeverityWarning,
			Title:  "The disk is full: settings and codes cannot be kept.",
			Remedy: "Make room: sudo journalctl --vacuum-size=100M, sudo apt-get clean; df -h and df -i show what is full.",
		},
		{
			Code: CodeDiskReadOnly, Severity: SeverityWarning,
			Title: "The disk cannot be written to: settings and codes cannot be kept.",
			Remedy: "If it is meant to be so (overlay file system), give the state directory a file system that can be written to. Else it has become so because of errors: " +
				"journalctl -k | grep -i -e ext4 -e mmc says which; make a copy of the SD card and replace it.",
		},
		{
			Code: CodeDiskErrors, Severity: SeverityWarning,
			Title: "The disk has had errors: an SD card that is worn out begins so.",
			Remedy: "Make a copy of the SD card, and replace it. If a weak power supply was the reason, let the file system be repaired at the next start " +
				"(fsck.mode=force in cmdline.txt, once).",
		},
		{
			Code: CodeMemoryLow, Severity: SeverityWarning,
			Title:  "There is hardly any memory left: the kernel may end the agent.",
			Remedy: "End what else runs on this machine: ps aux --sort=-rss | head shows what has most. On a machine with 512 MB run no desktop.",
		},
	}
}
