package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
)

const aboutBaresip = `Beside ours: baresip of Debian calls from the door's extension by UDP, with DTLS-SRTP, ICE and rtcp-mux, through the same Asterisk
to the same popup. Its camera is the same test card with the same clock at 640x480@15, drawn by the bench and read uncompressed from a named pipe (module
avformat), encoded by its libx264 at 600 kbit/s; its sound is a tone. Beside it the door does the same calls in this part, so that both met the
same machine. When a popup has no camera of its own, Asterisk sends its caller a re-INVITE more often, by which baresip was seen to lose calls (it changes
its DTLS role): both kinds of popup are told. Processor time is of one core, over calls with a picture; baresip's has decoding the popup's picture in
it, and reading the pipe; ours has drawing the card.`

// measureBaresip compares.
func measureBaresip(t lab.T, plan plan, p *part) {
	if _, err := exec.LookPath("baresip"); err != nil {
		t.Fatalf("bench: %v: run scripts/deps.sh bench", err)
	}
	lossy := max(1, plan.baresipCalls/3)
	for _, popup := range []struct {
		name   string
		camera bool
		calls  int
		talk   time.Duration
		loss   float64
	}{
		{"popup with a camera: ", true, plan.baresipCalls, 4 * time.Second, 0},
		{"popup without a camera: ", false, max(1, plan.baresipCalls/2), 4 * time.Second, 0},
		{"popup with a camera, 5 % loss: ", true, lossy, plan.lossTalk, 5},
	} {
		err := lab.Run(t.Context(), t.Name(), logs{t}, func(t lab.T) {
			h := house.Prepare(t, house.Options{Binary: house.BuildRelease(t), Camera: vga.camera(),
				// With signalling at 127.0.0.1 alone, baresip finds no address of Asterisk's that ICE could use.
				Asterisk: lab.AsteriskOptions{Listen: "0.0.0.0"}})
			kitchen := tablet(t, h, lab.PopupOptions{ReadsClock: true, SIPVideo: popup.camera})
			door := h.StartDoor()
			door.WaitRegistered()
			ours := comparison{kitchen: kitchen, pid: door.PID()}
			if popup.loss > 0 {
				defer lab.Lose(t, popup.loss).Stop(t)
			}
			ours.calls(t, popup.calls, popup.talk, func() { door.Press("") })
			door.Stop()
			ours.tell(p, popup.name+"doorstation: ")

			b := startBaresip(t, h)
			theirs := comparison{kitchen: kitchen, pid: b.process.Pid(), before: len(kitchen.Calls())}
			theirs.calls(t, popup.calls, popup.talk, func() { b.command(t, "dial", "sip:101@"+h.PBX.Host) })
			b.process.Stop(2 * time.Second)
			theirs.tell(p, popup.name+"baresip: ")
		})
		if err != nil {
			t.Errorf("bench: %s%v", popup.name, err)
		}
	}
}

// comparison are the calls of one door.
type comparison struct {
	kitchen *lab.Popup
	pid     int
	before  int // calls of another door before
	seen    seen
	load    processLoad
}

// calls makes calls one after another: call begins one, the popup answers and hangs up.
func (c *comparison) calls(t lab.T, n int, talk time.Duration, call func()) {
	for i := range n {
		used, began := cpuTime(t, c.pid), time.Now()
		call()
		got := latest(c.kitchen, c.before+i+1, func(c lab.Call) bool { return !c.FirstFrame.IsZero() })
		if !got.FirstFrame.IsZero() {
			pause(t, time.Until(got.FirstFrame.Add(talk)))
		}
		if c.seen.take(c.kitchen, got) {
			c.load.add(t, c.pid, used, began)
		}
		if !got.Began.IsZero() && got.Ended.IsZero() {
			c.kitchen.HangupIfUp()
		}
		pause(t, time.Second) // for both ends to be at rest
	}
}

func (c *comparison) tell(p *part, prefix string) {
	c.seen.tell(p, prefix)
	c.load.tell(p, prefix)
}

// baresip is a running one, commanded over TCP.
type baresip struct {
	process *lab.Process
	control net.Conn
	answers *bufio.Reader
}

// baresipControl is where it listens, baresipSIP its own SIP port.
const (
	baresipControl = "127.0.0.1:4444"
	baresipSIP     = "0.0.0.0:5071"
)

var baresipRegistered = regexp.MustCompile(`200 OK|All \d+ useragents? registered`)

// startBaresip starts it as the door's extension and waits until it is registered.
func startBaresip(t lab.T, h *house.House) *baresip {
	dir := filepath.Join(lab.Out(t), "baresip")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("bench: %v", err)
	}
	pipe := filepath.Join(dir, "clock.y4m")
	_ = os.Remove(pipe) // of a run before in the same directory
	startFeed(t, pipe, vga)
	modules, err := filepath.Glob("/usr/lib/*baresip/modules")
	if more, _ := filepath.Glob("/usr/lib/*/baresip/modules"); err == nil {
		modules = append(modules, more...)
	}
	if err != nil || len(modules) == 0 {
		t.Fatalf("bench: baresip has no modules: run scripts/deps.sh bench")
	}
	config := fmt.Sprintf(`poll_method epoll
sip_listen %s
audio_player ausine,440
audio_source ausine,440
audio_alert ausine,440
video_source avformat,%s
video_size %dx%d
video_bitrate %d
video_fps %d
videnc_format yuv420p
rtp_ports 30000-31000
rtcp_mux yes
module_path %s
module opus.so
module ausine.so
module avcodec.so
module avformat.so
module stun.so
module turn.so
module ice.so
module dtls_srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen %s
`, baresipSIP, pipe, vga.width, vga.height, vga.kilobits*1000, vga.rate, modules[0], baresipControl)
	account := fmt.Sprintf("<sip:%s@%s:%d;transport=udp>;auth_user=%s;auth_pass=%s;medianat=ice;mediaenc=dtls_srtp;rtcp_mux=yes;"+
		"audio_codecs=opus/48000/2;video_codecs=h264;regint=600\n", lab.DoorExtension, h.PBX.Host, h.PBX.Ports.SIP, lab.DoorExtension, lab.Password)
	for name, text := range map[string]string{"config": config, "accounts": account, "contacts": ""} {
		if err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatalf("bench: %v", err)
		}
	}
	b := &baresip{process: lab.Start(t, "baresip", lab.Command{Path: "baresip", Args: []string{"-f", dir}})}
	b.process.WaitOutput(t, 20*time.Second, baresipRegistered)
	b.control, err = net.Dial("tcp", baresipControl)
	if err != nil {
		t.Fatalf("bench: baresip: %v", err)
	}
	t.Cleanup(func() { _ = b.control.Close() })
	b.answers = bufio.NewReader(b.control)
	go func() {
		// What it says is in its log, too; unread, it would block.
		_, _ = b.answers.WriteTo(discard{})
	}()
	return b
}

// command gives an order: a netstring of JSON.
func (b *baresip) command(t lab.T, command, params string) {
	text, err := json.Marshal(map[string]string{"command": command, "params": params})
	if err == nil {
		_, err = fmt.Fprintf(b.control, "%d:%s,", len(text), text)
	}
	if err != nil {
		t.Errorf("bench: baresip: %v", err)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
