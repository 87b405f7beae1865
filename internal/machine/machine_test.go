package machine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kernel makes a machine of files: path, content, path, content, ….
func kernel(t *testing.T, files ...string) Machine {
	t.Helper()
	m := Machine{Root: t.TempDir()}
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(m.Root, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestPower(t *testing.T) {
	const firmware4, firmware5 = "/sys/devices/platform/soc/soc:firmware/get_throttled", "/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
	for _, c := range []struct {
		name  string
		m     Machine
		want  Power
		known bool
	}{
		{"no Raspberry Pi", kernel(t), Power{Bits: -1}, false},
		{"all well", kernel(t, firmware4, "0\n"), Power{}, true},
		{"weak now", kernel(t, firmware5, "50005\n"), Power{UnderVoltage: true, UnderVoltageSeen: true, Throttled: true, ThrottledSeen: true, Bits: 0x50005}, true},
		{"weak before", kernel(t, firmware4, "0x50000\n"), Power{UnderVoltageSeen: true, ThrottledSeen: true, Bits: 0x50000}, true},
		{
			"the sensor alone", kernel(t, "/sys/class/hwmon/hwmon0/name", "cpu_thermal\n", "/sys/class/hwmon/hwmon1/name", "rpi_volt\n", "/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
			Power{UnderVoltage: true, UnderVoltageSeen: true, Bits: -1}, true,
		},
		{"the sensor is well", kernel(t, "/sys/class/hwmon/hwmon1/name", "rpi_volt\n", "/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n"), Power{Bits: -1}, true},
		{"nonsense", kernel(t, firmware4, "yes\n"), Power{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.m.Power()
			if (err == nil) != c.known || c.known && got != c.want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	if _, err := kernel(t).Power(); !errors.Is(err, ErrUnknown) {
		t.Errorf("a machine that does not tell: %v", err)
	}
}

func TestTemperature(t *testing.T) {
	m := kernel(t, "/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n", "/sys/class/thermal/thermal_zone0/temp", "83200\n",
		"/sys/class/thermal/thermal_zone1/type", "battery\n", "/sys/class/thermal/thermal_zone1/temp", "99000\n")
	if got, err := m.Temperature(); err != nil || got != 83.2 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := kernel(t).Temperature(); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

func TestMemoryAndLoad(t *testing.T) {
	m := kernel(t, "/proc/meminfo", "MemTotal:         931512 kB\nMemFree: 10 kB\nMemAvailable:      41200 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
		"/proc/loadavg", "0.52 1.58 0.59 1/123 4567\n", "/proc/uptime", "350.25 234.1\n")
	if got, err := m.Memory(); err != nil || got != (Memory{Total: 931512 << 10, Available: 41200 << 10}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := m.Load(4); err != nil || got != (Load{0.52, 1.58, 0.59, 4}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := m.Uptime(); err != nil || got != 350250*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := (Machine{}).Memory(); err != nil || got.Available == 0 || got.Available > got.Total {
		t.Errorf("this machine: %+v, %v", got, err)
	}
	if _, err := kernel(t, "/proc/meminfo", "MemTotal: lots kB\n").Memory(); err == nil {
		t.Error("nonsense is a figure")
	}
}

func TestDisk(t *testing.T) {
	m := Machine{}
	dir := t.TempDir()
	if d, err := m.Disk(filepath.Join(dir, "not", "made", "yet")); err != nil || d.Dir != dir || d.Total == 0 || d.ReadOnly || !d.Writable {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := m.Disk("/proc"); err != nil || d.Total != 0 {
		t.Errorf("a file system without a size: %+v, %v", d, err)
	}
	m = kernel(t, "/sys/fs/ext4/mmcblk0p2/errors_count", "3\n", "/sys/fs/ext4/sda1/errors_count", "0\n")
	if got := m.DiskErrors(); len(got) != 1 || got["mmcblk0p2"] != 3 {
		t.Errorf("%v", got)
	}
}

func TestVersions(t *testing.T) {
	m := kernel(t, "/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\x00", "/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n")
	if v := m.Versions(); v.Model != "Raspberry Pi 4 Model B Rev 1.4" || v.System != "Debian GNU/Linux 13 (trixie)" || v.Kernel == "" || v.Machine == "" {
		t.Errorf("%+v", v)
	}
}

func TestClock(t *testing.T) {
	if _, err := (Machine{}).Clock(); err != nil {
		t.Error(err)
	}
}

// TestHolders: another program that has a file open is found by its name.
func TestHolders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "video0")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if holders, _ := (Machine{}).Holders(path); len(holders) != 0 {
		t.Errorf("before: %v", holders)
	}
	cmd := exec.Command("sh", "-c", `exec 3<"$1"; echo open; read line`, "sh", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err = out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	holders, _ := (Machine{}).Holders(path)
	if len(holders) != 1 || holders[0].PID != cmd.Process.Pid || !strings.HasPrefix(holders[0].String(), "sh (process ") {
		t.Errorf("%v", holders)
	}
	if err = in.Close(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // read fails at the end of its input
}
