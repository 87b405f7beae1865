package health

// linesFaults are those of buttons, LEDs, light and inputs.
func linesFaults() []Fault {
	return []Fault{
		{
			Code: CodeGPIOUnavailable, Severity: SeverityError,
			Title: "The GPIO pins of this machine cannot be used: button, lock and light do not work.",
			Remedy: "Run on a Raspberry Pi and put the service's user into the group gpio (usermod -aG gpio doorstation), so that it may open /dev/gpiochip0. " +
				"On a machine without pins, set gpio: simulated in the local file.",
		},
		{
			Code: CodeButtonUnreadable, Severity: SeverityError,
			Title:  "A bell button cannot be read.",
			Remedy: "Check buttons[].pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeLightUnavailable, Severity: SeverityWarning,
			Title:  "The bell's light cannot be switched.",
			Remedy: "Check light.pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeLEDUnavailable, Severity: SeverityWarning,
			Title:  "An LED cannot be switched.",
			Remedy: "Check leds[].pin in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeInputUnreadable, Severity: SeverityWarning,
			Title:  "The door contact or the tamper switch cannot be read.",
			Remedy: "Check inputs in the local file and that nothing else uses that pin (gpioinfo shows who does).",
		},
		{
			Code: CodeButtonStill, Severity: SeverityError,
			Title: "Nothing moved on a button's line while it was to be pressed.",
			Remedy: "Check the button's cable, and buttons[].pin in the local file: doorstation check --press says which line moves when the button is pressed. " +
				"A button to ground wants active: low and pull: up.",
		},
	}
}
