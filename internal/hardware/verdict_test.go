package hardware

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorstation/internal/health"
	"doorstation/internal/machine"
)

// fakeMachine is a Raspberry Pi of files.
func fakeMachine(t *testing.T, files map[string]string) machine.Machine {
	t.Helper()
	m := machine.Machine{Root: t.TempDir()}
	for path, text := range files {
		path = filepath.Join(m.Root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// TestWhatIsWrongWithTheMachine names each fault, and names it no more when it is mended.
func TestWhatIsWrongWithTheMachine(t *testing.T) {
	const firmware, zone = "/sys/devices/platform/soc/soc:firmware/get_throttled", "/sys/class/thermal/thermal_zone0/"
	m := fakeMachine(t, map[string]string{
		firmware: "0\n", zone + "type": "cpu-thermal\n", zone + "temp": "51000\n",
		"/proc/meminfo": "MemTotal: 931512 kB\nMemAvailable: 500000 kB\n", "/sys/fs/ext4/mmcblk0p2/errors_count": "0\n",
		"/var/lib/doorstation/x": "",
	})
	found := func(name string) Verdict {
		t.Helper()
		for _, v := range LookAtMachine(MachineOptions{Machine: m, StateDir: "/var/lib/doorstation"}) {
			if v.Name == name {
				return v
			}
		}
		t.Fatalf("nothing of %s", name)
		return Verdict{}
	}
	for _, c := range []struct {
		name, file, bad, good string
		code                  health.Code
		says                  string
	}{
		{"power", firmware, "50005\n", "0\n", health.CodeUnderVoltage, "now"},
		{"power", firmware, "50000\n", "0\n", health.CodeUnderVoltage, "some time"},
		{"temperature", zone + "temp", "84100\n", "51000\n", health.CodeTooHot, "84 °C"},
		{"memory", "/proc/meminfo", "MemTotal: 931512 kB\nMemAvailable: 20000 kB\n", "MemTotal: 931512 kB\nMemAvailable: 500000 kB\n", health.CodeMemoryLow, "19 MB available of 909 MB"},
		{"disk", "/sys/fs/ext4/mmcblk0p2/errors_count", "2\n", "0\n", health.CodeDiskErrors, "2 errors on mmcblk0p2"},
	} {
		set := func(text string) {
			if err := os.WriteFile(filepath.Join(m.Root, c.file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if v := found(c.name); v.Code != "" {
			t.Errorf("%s before: %+v", c.name, v)
		}
		set(c.bad)
		if v := found(c.name); v.Code != c.code || !strings.Contains(v.Found, c.says) {
			t.Errorf("%s: %+v", c.name, v)
		}
		set(c.good)
		if v := found(c.name); v.Code != "" {
			t.Errorf("%s after: %+v", c.name, v)
		}
	}
	for _, v := range LookAtMachine(MachineOptions{Machine: fakeMachine(t, nil)}) {
		if v.Name != "clock" {
			t.Errorf("a machine that tells nothing: %+v", v)
		}
	}
}
