package sound

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"doorstation/test/sound/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a machine without a sound card whose PulseAudio has one loudspeaker that nobody hears, and a microphone right
// in front of it.
type house struct {
	dir    string
	daemon *exec.Cmd
	output *bytes.Buffer
}

// newHouse makes the machine, its sound server not running yet, and lets this process see nothing else.
func newHouse(t *testing.T) *house {
	t.Helper()
	dir, err := os.MkdirTemp("", "sound") // short: the path of a socket has 107 characters at most
	if err != nil {
		t.Fatal(err)
	}
	h := &house{dir: dir}
	t.Cleanup(func() {
		h.kill(t)
		if rmErr := os.RemoveAll(dir); rmErr != nil {
			t.Error(rmErr)
		}
	})
	for name, value := range map[string]string{
		"PULSE_SERVER": "unix:" + h.socket(), "PULSE_RUNTIME_PATH": dir, "PULSE_STATE_PATH": dir, "HOME": dir, "XDG_RUNTIME_DIR": dir,
		"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + filepath.Join(dir, "none"),
	} {
		t.Setenv(name, value)
	}
	return h
}

func (h *house) socket() string { return filepath.Join(h.dir, "native") }

// start starts the sound server and waits until it can be reached.
func (h *house) start(t *testing.T, modules ...string) {
	t.Helper()
	args := []string{
		"-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes", "--realtime=no", "--high-priority=no",
		"-L", "module-native-protocol-unix auth-anonymous=1 socket=" + h.socket(),
	}
	for _, m := range modules {
		args = append(args, "-L", m)
	}
	h.output = &bytes.Buffer{}
	h.daemon = exec.Command("pulseaudio", args...)
	h.daemon.Stdout, h.daemon.Stderr = h.output, h.output
	if err := h.daemon.Start(); err != nil {
		t.Fatalf("%v (scripts/deps.sh lab installs it)", err)
	}
	engine.Eventually(t, "the sound server answers", func() bool {
		return exec.Command("pactl", "info").Run() == nil
	})
}

// kill ends the sound server as a power cut would.
func (h *house) kill(t *testing.T) {
	t.Helper()
	if h.daemon == nil {
		return
	}
	if err := h.daemon.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = h.daemon.Wait() // it was killed, and says so
	h.daemon = nil
	if t.Failed() {
		t.Logf("the sound server said:\n%s", h.output)
	}
	if err := os.Remove(h.socket()); err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
}
