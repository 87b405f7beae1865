package app

import (
	"strings"
	"testing"

	"doorstation/internal/settings"
)

func TestCheckNamesASoundDeviceThatIsNotThere(t *testing.T) {
	if devices, warning := CheckSound(settings.Audio{Device: "none"}); devices != "" || warning != "" {
		t.Errorf("a door without sound: %q, %q", devices, warning)
	}
	_, warning := CheckSound(settings.Audio{Device: "no card is called this"})
	if !strings.Contains(warning, "audio_unavailable") || !strings.Contains(warning, "no card is called this") && !strings.Contains(warning, "no sound system") {
		t.Errorf("got %q", warning)
	}
}
