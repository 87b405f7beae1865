package house

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// What the household is told apart by.
const (
	// Token is the long-lived access token of the door's Home Assistant user.
	Token = "token-of-the-front-door-5f3c1a"
	// UserID and UserName are the door's user in Home Assistant.
	UserID   = "a3f1c2d4e5b60718293a4b5c6d7e8f90"
	UserName = "frontdoor"
	// Code opens the door.
	Code = "1"
)

// Options say what is special about a household.
type Options struct {
	Asterisk lab.AsteriskOptions
	// Proxy puts a SIP proxy in Asterisk's place: door and browser send their media to each other. There is no PBX then.
	Proxy bool
	// SIPCore changes the settings before the start.
	SIPCore func(map[string]any)
	// ByWSS: custom_wss_url over TLS with the lab's own CA instead of ingress.
	ByWSS bool
	// ByName, with ByWSS: by lab.PBXName, for a test with a name server.
	ByName bool
	// Targets of the bell, default 101.
	Targets []string
	// Bell, in the local file's words, takes the place of Targets: keys separated by "; ".
	Bell string
	// GPIO is the local file's gpio, default simulated.
	GPIO string
	// Camera and Audio take the place of the local file's sections of these names, in YAML's flow style; default: the test card at
	// 640x480 and the test device.
	Camera, Audio string
	// Page takes the place of the local file's page, in YAML's flow style; default: {listen: none}.
	Page string
	// Config is added to the door's local file, Ring is how long it rings (default 20s).
	Config string
	Ring   string
	// StateDir is the door's state directory; default: one of each run's own.
	StateDir string
	// Secrets besides the token and the passwords that must not stand in the door's log.
	Secrets []string
	// Binary is the agent; default: Build's with the race detector.
	Binary string
	// Env is added to the agent's environment.
	Env []string
	// Network is where the door is; nil is the lab's own. Home Assistant and the PBX then are at lab.Addr.
	Network *lab.Network
	// Apart: the door is a machine of its own, which the test looks after; it reaches Home Assistant and the PBX at lab.Addr.
	Apart bool
	// IPv6 takes IPv4 from the door's Network: Home Assistant is reached by IPv6.
	IPv6 bool
	// Home changes Home Assistant's stand-in before the start.
	Home func(*homestub.Options)
}

// House is a household: the real PBX, Home Assistant's stand-in, and the door's agent.
type House struct {
	PBX  *lab.Asterisk // nil with Options.Proxy
	Home *homestub.Server
	Door *Door
	t    lab.T
	opt  Options
	url  string
	// proxy is the SIP proxy's address, if there is one.
	proxy string
	// served is Home Assistant's server.
	served *homeServer
}

// Open starts a household and its door.
func Open(t lab.T, o Options) *House {
	t.Helper()
	h := Prepare(t, o)
	h.StartDoor()
	return h
}

// Prepare starts a household whose door is not there yet.
func Prepare(t lab.T, o Options) *House {
	t.Helper()
	if o.Network != nil || o.Apart {
		o.Asterisk.Listen = "0.0.0.0"
	}
	h := &House{t: t, opt: o}
	ingress := ""
	if o.Proxy {
		h.proxy = startProxy(t)
		ingress = h.proxy
	} else {
		h.PBX = lab.StartAsterisk(t, o.Asterisk)
		ingress = h.PBX.HTTPURL()
	}
	pbx, err := url.Parse(ingress)
	if err != nil {
		t.Fatalf("house: %v", err)
	}
	core := SIPCore()
	if o.ByWSS {
		core["custom_wss_url"] = h.PBX.WSSURL()
		if o.ByName {
			core["custom_wss_url"] = strings.Replace(h.PBX.WSSURL(), h.PBX.Host, lab.PBXName, 1)
		}
	}
	if o.SIPCore != nil {
		o.SIPCore(core)
	}
	home := homestub.Options{
		Token: Token, User: homestub.User{ID: UserID, Name: UserName, IsAdmin: true}, SIPCore: core, PBX: pbx,
	}
	if o.Home != nil {
		o.Home(&home)
	}
	h.Home = homestub.New(home)
	host := "127.0.0.1"
	if o.Network != nil || o.Apart {
		host = lab.Addr
	}
	if o.IPv6 {
		o.Network.Without4(t)
		host = o.Network.Gateway6
	}
	h.served = serveHome(t, h.Home, host)
	h.url = h.served.server.URL
	return h
}

// URL is Home Assistant's.
func (h *House) URL() string { return h.url }

// StartDoor starts the agent; a second one takes the place of one that has ended.
func (h *House) StartDoor() *Door {
	h.t.Helper()
	binary := h.opt.Binary
	if binary == "" {
		binary = Build(h.t)
	}
	h.Door = StartDoor(h.t, DoorOptions{
		Binary: binary, Config: h.config(), Token: Token, Network: h.opt.Network, Env: h.opt.Env, StateDir: h.opt.StateDir,
		Secrets: append([]string{Token, lab.Password}, h.opt.Secrets...),
	})
	return h.Door
}

// SIPCore are the settings of a household as SIP Core gives them out, free-form as they are.
func SIPCore() map[string]any {
	return map[string]any{
		"users": []any{
			map[string]any{"ha_username": "someone", "display_name": "Kitchen", "extension": "101", "password": lab.Password},
			map[string]any{"ha_username": UserID, "display_name": "Front door", "extension": lab.DoorExtension, "password": lab.Password},
		},
		"backup_user": map[string]any{"ha_username": "backup", "display_name": "Backup", "extension": "100", "password": lab.Password},
		"sip_video":   true,
		"auto_answer": false,
		"ice_config":  map[string]any{"iceServers": []any{}, "iceGatheringTimeout": 1000, "iceTransportPolicy": "all"},
		"popup_config": map[string]any{
			"buttons":    []any{map[string]any{"label": "Open", "icon": "mdi:lock-open", "type": "dtmf", "data": Code}},
			"extensions": map[string]any{lab.DoorExtension: map[string]any{"name": "Front door"}},
		},
	}
}

func (h *House) config() string {
	targets := h.opt.Targets
	if targets == nil {
		targets = []string{"101"}
	}
	ring := h.opt.Ring
	if ring == "" {
		ring = "20s"
	}
	gpio := h.opt.GPIO
	if gpio == "" {
		gpio = "simulated"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "home_assistant:\n  url: %s\n  token_file: TOKEN_FILE\n", h.url)
	fmt.Fprintf(&b, "gpio: %s\nbuttons:\n  - name: Front door\n    pin: GPIO17\n    ring: %s\n", gpio, ring)
	bell := h.opt.Bell
	if bell == "" {
		bell = "call: [" + quoted(targets) + "]"
	}
	for _, line := range strings.Split(bell, "; ") {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	fmt.Fprintf(&b, "lock:\n  pin: GPIO27\n  pulse: 2s\n  codes: [%q]\n", Code)
	camera, audio := h.opt.Camera, h.opt.Audio
	if camera == "" {
		camera = "{source: test, width: 640, height: 480, framerate: 15, bitrate: 600k}"
	}
	if audio == "" {
		audio = "{device: test}"
	}
	fmt.Fprintf(&b, "camera: %s\naudio: %s\nmonitor: {listen: none}\nlog: {format: json, level: debug}\n", camera, audio)
	page := h.opt.Page
	if page == "" {
		page = "{listen: none}"
	}
	fmt.Fprintf(&b, "page: %s\n", page)
	if h.opt.ByWSS {
		fmt.Fprintf(&b, "sip: {tls: {ca_file: %s}}\n", h.PBX.CA.File)
	}
	b.WriteString(h.opt.Config)
	return b.String()
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

// Build builds the agent with the race detector, once for all tests of a run: the build cache remembers.
func Build(t lab.T) string {
	t.Helper()
	return build(t, "doorstation-race", "-race")
}

// BuildRelease builds the agent as it is shipped.
func BuildRelease(t lab.T) string {
	t.Helper()
	return build(t, "doorstation", "-trimpath", "-ldflags", "-s -w -X main.version=bench")
}

func build(t lab.T, name string, flags ...string) string {
	t.Helper()
	// In the clone: another one's tests, which may run at the same time, build another agent.
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("house: go env: %v", err)
	}
	binary := filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), "bin", "test", name)
	if err = os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		t.Fatalf("house: %v", err)
	}
	cmd := exec.Command("go", append(append([]string{"build", "-o", binary}, flags...), "doorstation/cmd/doorstation")...)
	if out, buildErr := cmd.CombinedOutput(); buildErr != nil {
		t.Fatalf("house: building the agent: %v\n%s", buildErr, out)
	}
	return binary
}
