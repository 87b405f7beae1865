package health

// pictureFaults are those of the camera and its picture.
func pictureFaults() []Fault {
	return []Fault{
		{
			Code: CodeNoPicture, Severity: SeverityWarning,
			Title: "The household will not see the visitor.",
			Remedy: "Set sip_video: true in SIP Core's settings (or call.video: always in the local file), or give the door's extension a " +
				"camera_entity under popup_config.extensions in SIP Core's settings. If no picture is wanted, set call.video: never in the local file.",
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
			Code: CodeCameraBusy, Severity: SeverityError,
			Title: "Another program uses the camera: calls have sound only.",
			Remedy: "End the program that is named here, and take it out of what is started with the machine (systemctl disable --now NAME). " +
				"sudo fuser -v /dev/video* /dev/media* shows who uses a camera.",
		},
		{
			Code: CodeCameraDark, Severity: SeverityWarning,
			Title:  "The camera's picture shows nothing.",
			Remedy: "Take the cap or the protective film from the lens, and see that nothing is in front of it. At night visitors need a lamp, or a camera with infrared light.",
		},
	}
}
