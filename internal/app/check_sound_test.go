package app

import (
	"strings"
	"testing"

	"doorstation/internal/settings"
)

func TestCheckNamesASoundDeviceThatIsNotThere(t *testing.T) {
	if c := CheckSound(settings.Audio{Device: "none"}); c.Code != "" {
		t.Errorf("a door without sound: %+v", c)
	}
	c := CheckSound(settings.Audio{Device: "no card is called this"})
	if c.Code != "audio_unavailable" || !strings.Contains(c.Detail, "no card is called this") && !strings.Contains(c.Detail, "no sound system") {
		t.Errorf("got %+v", c)
	}
}
