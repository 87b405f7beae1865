package health

// soundFaults are those of the sound device and what is played.
func soundFaults() []Fault {
	return []Fault{
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
			Code: CodeMicrophoneSilent, Severity: SeverityWarning,
			Title: "The microphone is silent: the household will not hear the visitor.",
			Remedy: "Raise and unmute the microphone in the sound card's mixer (alsamixer, F4, or the amixer command that is named here), then sudo alsactl store. " +
				"If it stays silent, check its plug and audio.device in the local file.",
		},
		{
			Code: CodeMicrophoneOverdriven, Severity: SeverityWarning,
			Title:  "The microphone is overdriven: the visitor's voice is distorted.",
			Remedy: "Lower the microphone in the sound card's mixer (alsamixer, F4; a boost belongs to 0), then sudo alsactl store.",
		},
		{
			Code: CodeLoudspeakerUnheard, Severity: SeverityWarning,
			Title: "The microphone does not hear the loudspeaker: the visitor may not hear the household.",
			Remedy: "If you heard no tone either: raise and unmute the loudspeaker in the sound card's mixer (alsamixer, or the amixer command that is named here), " +
				"then sudo alsactl store; check its cable, its amplifier and audio.device in the local file. If you heard it, the microphone is too quiet or too far away.",
		},
	}
}
