package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// ErrNotAnObject says that SIP Core's settings are not a JSON object, so that nothing can be read of them.
var ErrNotAnObject = errors.New("SIP Core's settings are not a JSON object")

// What holds where ice_config says nothing: the default settings of a fresh SIP Core wait 1 s, and its card waits 5 s
// when an ice_config leaves the time out.
const (
	gatheringWithoutICEConfig = time.Second
	gatheringWithoutKey       = 5 * time.Second
	longestGathering          = time.Minute
)

// ParseSIPCore reads SIP Core's settings as Home Assistant serves them. Of the wrong ones each is named by a Problem, in
// the order of the contract, and its default used. The error is ErrNotAnObject.
func ParseSIPCore(raw []byte) (SIPCore, []Problem, error) {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber() // 0101 and 1e3 stay what was written
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return SIPCore{}, nil, ErrNotAnObject
	}
	root, ok := value.(map[string]any)
	if !ok {
		return SIPCore{}, nil, ErrNotAnObject
	}
	r := &tolerant{}
	c := r.sipCore(group{"", root})
	c.Unknown = r.unknown
	return c, r.problems, nil
}

func (r *tolerant) sipCore(g group) SIPCore {
	c := SIPCore{ICE: ICE{TransportPolicy: "all", GatheringTimeout: gatheringWithoutICEConfig}}
	r.list(g, "users", func(path string, v any) {
		if u, ok := r.user(path, v); ok {
			c.Users = append(c.Users, u)
		}
	})
	if v, ok := g.value("backup_user"); ok {
		if u, isUser := r.user("backup_user", v); isUser {
			c.BackupUser = &u
		}
	}
	c.PBXServer = r.pbxServer(g)
	c.CustomWSSURL = r.customURL(g)
	if ice, ok := r.object(g, "ice_config"); ok {
		c.ICE = r.ice(ice)
	}
	c.SIPVideo = r.boolean(g, "sip_video")
	c.AutoAnswer = r.boolean(g, "auto_answer")
	if popup, ok := r.object(g, "popup_config"); ok {
		c.Popup = r.popup(popup)
	}
	r.ignore(g, "users", "backup_user", "pbx_server", "custom_wss_url", "ice_config", "sip_video", "auto_answer", "popup_config",
		"popup_override_component", "outgoingRingtoneUrl", "incomingRingtoneUrl")
	return c
}

// user reads a SIP user. One without an extension is no user.
func (r *tolerant) user(path string, v any) (User, bool) {
	fields, ok := v.(map[string]any)
	if !ok {
		r.wrong(path, "a SIP user with ha_username, extension and password", v)
		return User{}, false
	}
	g := group{path, fields}
	u := User{
		HAUsername:  strings.TrimSpace(r.text(g, "ha_username")),
		DisplayName: printable(r.text(g, "display_name")),
		Extension:   strings.TrimSpace(r.text(g, "extension")),
		Password:    r.text(g, "password"),
		path:        path,
	}
	r.ignore(g, "ha_username", "display_name", "extension", "password")
	if u.Extension == "" {
		u.Extension = u.HAUsername
		if u.Extension == "" {
			r.problem(path, "expected extension or ha_username; this user is left out")
			return User{}, false
		}
		if !isExtension(u.Extension) {
			r.problem(path, "expected extension: ha_username, which is used without it, is no extension; this user is left out")
			return User{}, false
		}
	}
	if !isExtension(u.Extension) {
		r.problem(g.at("extension"), "expected an extension of letters, digits and . _ + * -; this user is left out")
		return User{}, false
	}
	return u, true
}

// printable takes out of a name what would break a header or a terminal, and cuts it to a display's length.
func printable(s string) string {
	const longest = 64
	s = strings.TrimSpace(strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, s))
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest])
	}
	return s
}

func (r *tolerant) pbxServer(g group) string {
	s := strings.TrimSpace(r.text(g, "pbx_server"))
	if s == "" {
		return ""
	}
	if !isHostPort(s) && !isHost(s) {
		r.problem("pbx_server", "expected a host name or address alone, such as pbx.example.com")
		return ""
	}
	if isHostPort(s) {
		s, _ = splitHostPort(s)
	}
	return strings.Trim(s, "[]")
}

func (r *tolerant) customURL(g group) string {
	s := strings.TrimSpace(r.text(g, "custom_wss_url"))
	if s == "" {
		return ""
	}
	if _, err := wsURL(s); err != nil {
		r.problem("custom_wss_url", "expected a WebSocket address such as wss://pbx.example.com:8089/ws")
		return ""
	}
	return s
}

func (r *tolerant) ice(g group) ICE {
	ice := ICE{TransportPolicy: "all", GatheringTimeout: gatheringWithoutKey}
	r.list(g, "iceServers", func(path string, v any) {
		if s, ok := r.iceServer(path, v); ok {
			ice.Servers = append(ice.Servers, s)
		}
	})
	switch policy := r.text(g, "iceTransportPolicy"); policy {
	case "relay":
		ice.TransportPolicy = policy
	case "", "all":
	default:
		r.problem(g.at("iceTransportPolicy"), "expected all or relay")
	}
	if ms, ok := r.number(g, "iceGatheringTimeout", "milliseconds from 0 to 60000", float64(longestGathering/time.Millisecond)); ok {
		ice.GatheringTimeout = time.Duration(ms * float64(time.Millisecond))
	}
	if size, ok := r.number(g, "iceCandidatePoolSize", "a whole number from 0 to 255", 255); ok {
		if size == float64(int(size)) {
			ice.CandidatePoolSize = int(size)
		} else {
			r.problem(g.at("iceCandidatePoolSize"), "expected a whole number from 0 to 255")
		}
	}
	r.ignore(g, "iceServers", "iceTransportPolicy", "iceGatheringTimeout", "iceCandidatePoolSize", "rtcpMuxPolicy")
	return ice
}

// iceServer reads one server; its URLs that cannot be used are left out, and a server without any is none.
func (r *tolerant) iceServer(path string, v any) (ICEServer, bool) {
	fields, ok := v.(map[string]any)
	if !ok {
		r.wrong(path, "a server with urls", v)
		return ICEServer{}, false
	}
	g := group{path, fields}
	s := ICEServer{Username: r.text(g, "username"), Credential: r.text(g, "credential")}
	relay := false
	add := func(path, u string) {
		u = strings.TrimSpace(u)
		switch err := checkICEURL(u); {
		case err != nil:
			r.problem(path, err.Error())
		case strings.HasPrefix(strings.ToLower(u), "turn") && (s.Username == "" || s.Credential == ""):
			relay = true // named once for all URLs of the server
		default:
			s.URLs = append(s.URLs, u)
		}
	}
	switch urls, _ := g.value("urls"); urls := urls.(type) {
	case string:
		add(g.at("urls"), urls)
	case []any:
		for i, one := range urls {
			at := g.at("urls") + "[" + strconv.Itoa(i) + "]"
			if u, isText := one.(string); isText {
				add(at, u)
			} else {
				r.wrong(at, "text such as stun:stun.example.com:3478", one)
			}
		}
	default:
		if _, present := g.value("urls"); present {
			r.wrong(g.at("urls"), "text or a list of texts such as stun:stun.example.com:3478", urls)
		} else {
			r.problem(path, "expected urls, such as stun:stun.example.com:3478")
		}
	}
	if relay {
		r.problem(path, "expected username and credential for its turn addresses, which are left out")
	}
	r.ignore(g, "urls", "username", "credential")
	return s, len(s.URLs) > 0
}

func (r *tolerant) popup(g group) Popup {
	var p Popup
	r.list(g, "buttons", func(path string, v any) {
		fields, ok := v.(map[string]any)
		if !ok {
			r.wrong(path, "a button with label, type and data", v)
			return
		}
		button := group{path, fields}
		if r.text(button, "type") != "dtmf" {
			return // a service call's data is Home Assistant's, of any type
		}
		if data := r.text(button, "data"); data != "" {
			p.DTMF = append(p.DTMF, DTMFButton{Label: printable(r.text(button, "label")), Digits: data})
		}
	})
	if extensions, ok := r.object(g, "extensions"); ok {
		for _, number := range extensions.names() {
			e, isObject := r.object(extensions, number)
			if !isObject {
				continue
			}
			if p.Extensions == nil {
				p.Extensions = make(map[string]PopupExtension)
			}
			p.Extensions[number] = PopupExtension{
				Name: printable(r.text(e, "name")), CameraEntity: strings.TrimSpace(r.text(e, "camera_entity")),
			}
			r.ignore(e, "name", "camera_entity")
		}
	}
	r.ignore(g, "buttons", "extensions", "auto_open", "large")
	return p
}

// AboutICEServer says whether the problem leaves a STUN or TURN server out.
func (p Problem) AboutICEServer() bool { return strings.HasPrefix(p.Path, "ice_config.iceServers") }

// kind says what a JSON value is, never the value.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing (null)"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		if v == "" {
			return "empty text"
		}
		return "text"
	case []any:
		return "a list"
	case map[string]any:
		return "a group of keys"
	default:
		return fmt.Sprintf("%T", v)
	}
}
