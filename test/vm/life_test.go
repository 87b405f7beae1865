package vm

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func (s *street) install() {
	out := s.Install(s.older)
	if !strings.Contains(out, "sudo doorstation setup") {
		s.t.Errorf("the installation does not say what to do next:\n%s", out)
	}
	if got := s.Property("ActiveState") + " " + s.Property("UnitFileState"); got != "inactive enabled" {
		s.t.Errorf("without settings the service is %s", got)
	}
	if mode := s.Do("stat -c '%a %U:%G' /etc/doorstation"); mode != "750 root:doorstation" {
		s.t.Errorf("/etc/doorstation is %s", mode)
	}
	if out = s.Do("doorstation --help"); !strings.Contains(out, "front-door station") {
		s.t.Error(out)
	}
}

func (s *street) configure() {
	s.Configure(Config(s.URL(), 20*time.Second, "log: {level: debug}"), house.Token)
	st := s.Until("registered", Registered)
	if st.Registration.Transport != "ingress" || st.GPIO.Chip != "header" {
		s.t.Errorf("it is not as configured: %+v, %+v", st.Registration, st.GPIO)
	}
	// Sound and lock may need a second attempt where starting a process takes seconds.
	s.Until("well", func(st control.Status) bool { return len(st.Faults) == 0 })
	if got := s.Property("StatusText"); !strings.HasPrefix(got, "registered as "+lab.DoorExtension) {
		s.t.Errorf("systemd is told %q", got)
	}
	if user := s.Do("ps -o user= -p " + s.Property("MainPID")); user != "doorstat+" && user != "doorstation" {
		s.t.Errorf("it runs as %s", user)
	}
	if got := s.Line(LockLine); got != "0" {
		s.t.Errorf("the lock's line is %s", got)
	}
	// In the journal with fields of their own, and without a secret.
	if out := s.Do("journalctl -u doorstation ROOM=sip -o cat --no-pager | head -3"); out == "" {
		s.t.Error("nothing in the journal has the field ROOM")
	}
	if out := s.Do("journalctl -o export --no-pager"); strings.Contains(out, house.Token) || strings.Contains(out, lab.Password) {
		s.t.Error("a secret is in the journal")
	}
	if code := s.Do("busybox wget -q -O - http://127.0.0.1:9517/readyz"); !strings.Contains(code, `"ok"`) {
		s.t.Errorf("/readyz says %s", code)
	}
}

func (s *street) visit() {
	s.Do("nohup sh -c 'speaker-test -D plughw:Loopback,0,0 -c 2 -r 48000 -F S16_LE -t sine -f " + strconv.Itoa(doorHz) + " -l 0' >/run/tone.log 2>&1 & echo $! >/run/tone.pid")
	s.talk()
	first := s.kitchen.WaitFrames(Patience, 10)
	if first.Width != 640 || first.Height != 480 {
		s.t.Errorf("the picture is %dx%d", first.Width, first.Height)
	}
	s.kitchen.WaitFrames(Patience, first.Shown+20)
	// vivid's colour bars, with a counter over them: many colours.
	colours := map[[3]uint32]bool{}
	frame := s.kitchen.Frame()
	for x := 0; x < 640; x += 16 {
		r, g, b, _ := frame.At(x, 400).RGBA()
		colours[[3]uint32{r >> 13, g >> 13, b >> 13}] = true
	}
	if len(colours) < 5 {
		s.t.Errorf("the picture is not the camera's: %d colours along a line through colour bars", len(colours))
	}
	s.kitchen.Screenshot(filepath.Join(lab.Out(s.t), "popup.png"))
	if err := house.Eventually(Patience, func() error {
		if heard := s.kitchen.Hear(500 * time.Millisecond); heard.Hz < doorHz-15 || heard.Hz > doorHz+15 {
			return fmt.Errorf("the tablet hears %.0f Hz at %.0f dBFS", heard.Hz, heard.DBFS)
		}
		return nil
	}); err != nil {
		s.t.Error(err)
	}
	// What the kitchen says comes out of the loudspeaker: recorded from the loopback's other end.
	windows := 0
	if err := house.Eventually(Patience, func() error {
		s.Do("arecord -q -D plughw:Loopback,0,0 -f S16_LE -r 48000 -c 2 -d 2 /run/heard.wav")
		if windows += s.windowsWith("/run/heard.wav", kitchenHz); windows < 10 {
			return fmt.Errorf("the loudspeaker said the kitchen's %d Hz for %d windows of 20 ms", kitchenHz, windows)
		}
		return nil
	}); err != nil {
		s.t.Error(err)
	}
	s.kitchen.OpenDoor()
	s.Until("the lock open", func(st control.Status) bool { return st.GPIO.Lock == "on" })
	if got := s.Line(LockLine); got != "1" {
		s.t.Errorf("the lock's line is %s while the door says it is open", got)
	}
	s.Until("the lock closed", func(st control.Status) bool { return st.GPIO.Lock == "off" })
	if got := s.Line(LockLine); got != "0" {
		s.t.Errorf("the lock's line is %s after the pulse", got)
	}
	if got := s.Do("cat " + coil); !strings.Contains(got, `"on":false`) {
		s.t.Errorf("of its coil it keeps %s", got)
	}
	s.kitchen.Hangup()
	s.Until("the visit over", func(st control.Status) bool {
		return st.Visit.State == "idle" && st.Calls.Last != nil && st.Calls.Last.Outcome == "talked"
	})
	s.Do("kill $(cat /run/tone.pid) || true")
}

// windowsWith counts the windows of 20 ms of a WAV file that are mostly this tone. An emulated machine is too slow now and then, and
// leaves holes in its sound: that it is sound is what counts here.
func (s *street) windowsWith(file string, hz float64) (n int) {
	s.t.Helper()
	const rate, window = 48000, 960
	samples := decodeLeft(s.t, s.Do("base64 -w0 "+file))
	for ; len(samples) >= window; samples = samples[window:] {
		var total, re, im float64
		for i, v := range samples[:window] {
			x, phase := float64(v), 2*math.Pi*hz*float64(i)/rate
			total += x * x
			re += x * math.Cos(phase)
			im += x * math.Sin(phase)
		}
		if total > window*1e4 && 2*(re*re+im*im)/window > total/2 {
			n++
		}
	}
	return n
}

func (s *street) fullDisk() {
	s.Do("fallocate -l $(( $(df --output=avail -B1 / | tail -1) - 4096 )) /var/full || true; dd if=/dev/zero of=/var/full2 bs=4k 2>/dev/null || true; df / | tail -1")
	s.Home.SetSIPCore(changed())
	s.Until("that the settings are not kept", Has("settings_not_kept"))
	s.ring()
	s.Do("rm -f /var/full /var/full2")
	s.Home.SetSIPCore(house.SIPCore())
	s.Until("kept again", Not(Has("settings_not_kept")))
}

// changed are the household's settings with something about them that the door keeps.
func changed() map[string]any {
	core := house.SIPCore()
	core["ice_config"] = map[string]any{"iceServers": []any{}, "iceGatheringTimeout": 900, "iceTransportPolicy": "all"}
	return core
}

var version = regexp.MustCompile(`^doorstation_(.*)_amd64\.deb$`)

// coil is where the agent keeps how warm the lock's coil is.
const coil = "/run/doorstation/coil"

func (s *street) upgrade() {
	warm := s.Do("cat " + coil)
	s.talk()
	pid := s.Property("MainPID")
	s.Install(s.newer)
	if got := s.Property("MainPID"); got != pid {
		s.t.Error("the upgrade ended the call")
	}
	before := s.kitchen.Video()
	s.kitchen.WaitFrames(Patience, before.Shown+10)
	s.kitchen.Hangup()
	s.endTurn()
	want := version.FindStringSubmatch(filepath.Base(s.newer))[1]
	s.Until("the new version", func(st control.Status) bool { return st.Version == want && Registered(st) })
	if out := s.Do("cat /etc/doorstation/config.yaml"); !strings.Contains(out, s.URL()) {
		s.t.Error("the upgrade lost the settings")
	}
	if out := s.Do("cat " + coil); out != warm {
		s.t.Errorf("of the coil %s was known before the upgrade, and is %s", warm, out)
	}
}

func (s *street) powerCut() {
	// Settings change again and again while the plug is pulled.
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if i%2 == 0 {
				s.Home.SetSIPCore(changed())
			} else {
				s.Home.SetSIPCore(house.SIPCore())
			}
		}
	}()
	s.Do("dd if=/dev/zero of=/var/busy bs=64k count=1000 conv=fsync 2>/dev/null")
	s.PowerCut()
	close(stop)
	<-done
	s.Home.SetSIPCore(house.SIPCore())
	s.PowerOn()
	st := s.Until("registered after the power came back", Registered)
	if Has("settings_corrupt")(st) {
		s.t.Error("the kept settings were damaged")
	}
	s.t.Logf("power on to registered: %s after the kernel's start", s.SinceBoot(*st.Registration.Since))
	s.ring()
}

func (s *street) withoutHome() {
	s.HomeStops()
	s.Do("sync")
	s.PowerCut()
	s.PowerOn()
	s.Until("working with what it kept", func(st control.Status) bool { return st.Settings.Origin == "kept" && Has("settings_kept")(st) })
	if got := s.Property("ActiveState"); got != "active" {
		s.t.Errorf("the service is %s while Home Assistant is away", got)
	}
	s.HomeStarts()
	s.Until("registered when Home Assistant is back", Registered)
}

func (s *street) readOnly() {
	s.Do("sync")
	s.PowerCut()
	s.PowerOn("lab.readonly", "systemd.volatile=no")
	if out := s.Do("findmnt -no OPTIONS /"); !strings.HasPrefix(out, "ro") {
		s.t.Fatalf("the root file system is %s", out)
	}
	s.Until("registered", Registered)
	s.ring()
	s.Do("mount -o remount,rw /")
}

func (s *street) purge() {
	s.Do("DEBIAN_FRONTEND=noninteractive apt-get remove -y doorstation")
	if out, err := s.try("systemctl is-active doorstation"); err == nil {
		s.t.Errorf("removed, and %s", out)
	}
	if s.PBX.Registered(s.t, lab.DoorExtension) {
		s.t.Error("removed, and still registered at the PBX")
	}
	s.Do("test -e /etc/doorstation/config.yaml") // for the next installation
	s.Do("DEBIAN_FRONTEND=noninteractive apt-get purge -y doorstation")
	left := "/etc/doorstation /var/lib/doorstation /usr/lib/doorstation /run/doorstation /usr/bin/doorstation"
	if out := s.Do("ls -d " + left + " 2>/dev/null || true"); out != "" {
		s.t.Errorf("purged, and left behind: %s", out)
	}
}
