package inside

import (
	"os"
	"path/filepath"
	"strings"
)

// cameras are the names that V4L2 drivers give their devices, and the variables that hold the device's file.
var cameras = []struct{ prefix, variable string }{
	{"vivid-000-vid-cap", "DOORSTATION_TEST_VIVID"},
	{"Loopback", "DOORSTATION_TEST_LOOPBACK_VIDEO"},
	{"stateful-encoder", "DOORSTATION_TEST_VICODEC_ENCODER"},
	{"stateful-decoder", "DOORSTATION_TEST_VICODEC_DECODER"},
	{"vicodec-source", "DOORSTATION_TEST_VICODEC_ENCODER"},
	{"vim2m", "DOORSTATION_TEST_VIM2M"},
}

// devices are the environment variables that name the guest's devices.
func devices() []string {
	var env []string
	names, _ := filepath.Glob("/sys/class/video4linux/*/name") // the pattern is good
	for _, file := range names {
		name, err := os.ReadFile(file)
		if err != nil {
			continue // it went away
		}
		for _, c := range cameras {
			if strings.HasPrefix(string(name), c.prefix) {
				env = append(env, c.variable+"=/dev/"+filepath.Base(filepath.Dir(file)))
			}
		}
	}
	if _, err := os.Stat("/proc/asound/Loopback"); err == nil {
		env = append(env, "DOORSTATION_TEST_ALSA=Loopback")
	}
	if _, err := os.Stat("/sys/kernel/config/gpio-sim"); err == nil {
		env = append(env, "DOORSTATION_TEST_GPIO_SIM=/sys/kernel/config/gpio-sim")
	}
	return env
}
