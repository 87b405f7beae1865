package settings

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// withoutPaths leaves out where the users stand.
func withoutPaths(c SIPCore) SIPCore {
	for i := range c.Users {
		c.Users[i].path = ""
	}
	if c.BackupUser != nil {
		c.BackupUser.path = ""
	}
	return c
}

func TestParseSIPCore(t *testing.T) {
	got, problems, err := ParseSIPCore([]byte(`{
		"users": [
			{"ha_username": " 0123abc ", "display_name": "Front\r\nDoor\u0007", "extension": 8001, "password": 1234},
			{"ha_username": "anna", "password": "pw", "colour": "red"}
		],
		"backup_user": {"extension": "100", "password": "backup"},
		"pbx_server": "pbx.example.com:5060",
		"custom_wss_url": " wss://pbx.example.com/ws ",
		"ice_config": {
			"iceServers": [
				{"urls": "stun:stun.example.com"},
				{"urls": ["turn:turn.example.com:3478?transport=udp", "turns:[2001:db8::1]:5349"], "username": "u", "credential": 12}
			],
			"iceTransportPolicy": "relay", "iceGatheringTimeout": 1500, "iceCandidatePoolSize": 1,
			"rtcpMuxPolicy": "require", "bundlePolicy": "max-bundle"
		},
		"sip_video": true, "auto_answer": true,
		"popup_config": {
			"buttons": [
				{"label": "Open", "icon": "mdi:door", "type": "dtmf", "data": "1"},
				{"label": "Gate", "type": "dtmf", "data": 22},
				{"label": "Light", "type": "service_call", "data": {"domain": "light"}}
			],
			"extensions": {"8001": {"name": "Door", "camera_entity": "camera.door"}},
			"auto_open": true, "large": false
		},
		"popup_override_component": "x", "outgoingRingtoneUrl": "", "incomingRingtoneUrl": "", "new_in_v6": {}
	}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	want := SIPCore{
		Users: []User{
			{HAUsername: "0123abc", DisplayName: "FrontDoor", Extension: "8001", Password: "1234"},
			{HAUsername: "anna", Extension: "anna", Password: "pw"},
		},
		BackupUser:   &User{Extension: "100", Password: "backup"},
		PBXServer:    "pbx.example.com",
		CustomWSSURL: "wss://pbx.example.com/ws",
		ICE: ICE{
			Servers: []ICEServer{
				{URLs: []string{"stun:stun.example.com"}},
				{
					URLs:     []string{"turn:turn.example.com:3478?transport=udp", "turns:[2001:db8::1]:5349"},
					Username: "u", Credential: "12",
				},
			},
			TransportPolicy: "relay", GatheringTimeout: 1500 * time.Millisecond, CandidatePoolSize: 1,
		},
		SIPVideo: true, AutoAnswer: true,
		Popup: Popup{
			Extensions: map[string]PopupExtension{"8001": {Name: "Door", CameraEntity: "camera.door"}},
			DTMF:       []DTMFButton{{"Open", "1"}, {"Gate", "22"}},
		},
		Unknown: []string{"users[1].colour", "ice_config.bundlePolicy", "new_in_v6"},
	}
	if !reflect.DeepEqual(withoutPaths(got), want) {
		t.Errorf("got  %+v %+v %q\nwant %+v %+v %q", got, got.Users[0].Password, got.Unknown, want, want.Users[0].Password, want.Unknown)
	}
}

// none is what holds when nothing is set.
var none = SIPCore{ICE: ICE{TransportPolicy: "all", GatheringTimeout: time.Second}}

// withICE is what holds when ice_config is there and says nothing that can be used.
var withICE = SIPCore{ICE: ICE{TransportPolicy: "all", GatheringTimeout: 5 * time.Second}}

func TestWrongTypesAreNamedAndTheirDefaultsUsed(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		want      SIPCore
		problems  []string
	}{
		{"nothing", `{}`, none, nil},
		{"empty texts", `{"pbx_server": "", "custom_wss_url": " "}`, none, nil},
		{
			"everything null",
			`{"users": null, "backup_user": null, "pbx_server": null, "custom_wss_url": null, "ice_config": null,
			  "sip_video": null, "auto_answer": null, "popup_config": null}`, none,
			[]string{
				"users: expected a list; found nothing (null)",
				"backup_user: expected a SIP user with ha_username, extension and password; found nothing (null)",
				"pbx_server: expected text; found nothing (null)",
				"custom_wss_url: expected text; found nothing (null)",
				"ice_config: expected a group of keys; found nothing (null)",
				"sip_video: expected true or false without quotes; found nothing (null)",
				"auto_answer: expected true or false without quotes; found nothing (null)",
				"popup_config: expected a group of keys; found nothing (null)",
			},
		},
		{"users as object", `{"users": {"door": {"extension": "1"}}}`, none, []string{"users: expected a list; found a group of keys"}},
		{
			"users of every kind", `{"users": [1, null, "door", [], {}, {"extension": []}, {"extension": "1"}]}`,
			SIPCore{Users: []User{{Extension: "1"}}, ICE: none.ICE},
			[]string{
				"users[0]: expected a SIP user with ha_username, extension and password; found a number",
				"users[1]: expected a SIP user with ha_username, extension and password; found nothing (null)",
				"users[2]: expected a SIP user with ha_username, extension and password; found text",
				"users[3]: expected a SIP user with ha_username, extension and password; found a list",
				"users[4]: expected extension or ha_username; this user is left out",
				"users[5].extension: expected text; found a list",
				"users[5]: expected extension or ha_username; this user is left out",
			},
		},
		{
			"extensions that are none",
			`{"users": [{"extension": "a@b"}, {"ha_username": "Front Door"}, {"extension": "1\r\nX: y"}], "backup_user": {"extension": true}}`, none,
			[]string{
				"users[0].extension: expected an extension of letters, digits and . _ + * -; this user is left out",
				"users[1]: expected extension: ha_username, which is used without it, is no extension; this user is left out",
				"users[2].extension: expected an extension of letters, digits and . _ + * -; this user is left out",
				"backup_user.extension: expected text; found true or false",
				"backup_user: expected extension or ha_username; this user is left out",
			},
		},
		{
			"addresses", `{"pbx_server": "https://pbx", "custom_wss_url": "https://pbx/ws"}`, none,
			[]string{
				"pbx_server: expected a host name or address alone, such as pbx.example.com",
				"custom_wss_url: expected a WebSocket address such as wss://pbx.example.com:8089/ws",
			},
		},
		{"address as a number", `{"pbx_server": ["a"], "custom_wss_url": 1}`, none, []string{
			"pbx_server: expected text; found a list",
			"custom_wss_url: expected a WebSocket address such as wss://pbx.example.com:8089/ws",
		}},
		{"booleans as text", `{"sip_video": "true", "auto_answer": 1}`, none, []string{
			"sip_video: expected true or false without quotes; found text",
			"auto_answer: expected true or false without quotes; found a number",
		}},
		{"ice_config empty", `{"ice_config": {}}`, withICE, nil},
		{"ice_config a list", `{"ice_config": []}`, none, []string{"ice_config: expected a group of keys; found a list"}},
		{
			"ice_config wrong throughout",
			`{"ice_config": {"iceServers": {"urls": "stun:a"}, "iceTransportPolicy": "some", "iceGatheringTimeout": "1000", "iceCandidatePoolSize": 1.5}}`, withICE,
			[]string{
				"ice_config.iceServers: expected a list; found a group of keys",
				"ice_config.iceTransportPolicy: expected all or relay",
				"ice_config.iceGatheringTimeout: expected milliseconds from 0 to 60000, without quotes; found text",
				"ice_config.iceCandidatePoolSize: expected a whole number from 0 to 255",
			},
		},
		{"numbers out of range", `{"ice_config": {"iceGatheringTimeout": 60001, "iceCandidatePoolSize": -1}}`, withICE, []string{
			"ice_config.iceGatheringTimeout: expected milliseconds from 0 to 60000",
			"ice_config.iceCandidatePoolSize: expected a whole number from 0 to 255",
		}},
		{"numbers beyond all range", `{"ice_config": {"iceGatheringTimeout": 1e999}}`, withICE, []string{
			"ice_config.iceGatheringTimeout: expected milliseconds from 0 to 60000",
		}},
		{
			"servers", `{"ice_config": {"iceServers": [
				"stun:a", {"urls": 3478}, {"url": "stun:a"}, {"urls": []}, {"urls": [null, "http://a", "stun:a"]},
				{"urls": ["turn:t", "turns:t", "stun:s"], "username": "u"},
				{"urls": "turn:t", "username": true, "credential": "c"}]}}`,
			SIPCore{ICE: ICE{
				TransportPolicy: "all", GatheringTimeout: 5 * time.Second,
				Servers: []ICEServer{{URLs: []string{"stun:a"}}, {URLs: []string{"stun:s"}, Username: "u"}},
			}},
			[]string{
				"ice_config.iceServers[0]: expected a server with urls; found text",
				"ice_config.iceServers[1].urls: expected text or a list of texts such as stun:stun.example.com:3478; found a number",
				"ice_config.iceServers[2]: expected urls, such as stun:stun.example.com:3478",
				"ice_config.iceServers[4].urls[0]: expected text such as stun:stun.example.com:3478; found nothing (null)",
				"ice_config.iceServers[4].urls[1]: expected an address such as stun:stun.example.com:3478 or turn:turn.example.com:3478?transport=udp",
				"ice_config.iceServers[5]: expected username and credential for its turn addresses, which are left out",
				"ice_config.iceServers[6].username: expected text; found true or false",
				"ice_config.iceServers[6]: expected username and credential for its turn addresses, which are left out",
			},
		},
		{
			"popup", `{"popup_config": {"buttons": [1, {"type": "dtmf", "data": []}, {"type": 1, "data": {}}], "extensions": {"b": [], "a": {"camera_entity": 1.50}, "x y": null}}}`,
			SIPCore{ICE: none.ICE, Popup: Popup{Extensions: map[string]PopupExtension{"a": {CameraEntity: "1.50"}}}},
			[]string{
				"popup_config.buttons[0]: expected a button with label, type and data; found a number",
				"popup_config.buttons[1].data: expected text; found a list",
				"popup_config.extensions.b: expected a group of keys; found a list",
				`popup_config.extensions."x y": expected a group of keys; found nothing (null)`,
			},
		},
		{"popup lists swapped", `{"popup_config": {"buttons": {}, "extensions": []}}`, none, []string{
			"popup_config.buttons: expected a list; found a group of keys",
			"popup_config.extensions: expected a group of keys; found a list",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problems, err := ParseSIPCore([]byte(tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			got.Unknown = nil
			if !reflect.DeepEqual(withoutPaths(got), tt.want) {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
			var said []string
			for _, p := range problems {
				said = append(said, p.String())
			}
			if !slices.Equal(said, tt.problems) {
				t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(said, "\n"), strings.Join(tt.problems, "\n"))
			}
		})
	}
}

func TestParseSIPCoreOfSomethingElse(t *testing.T) {
	for _, raw := range []string{"", "null", "[]", `"x"`, "1", "{", `{"a": 1} {}`, "<html>", strings.Repeat("[", 100_000)} {
		if _, _, err := ParseSIPCore([]byte(raw)); !errors.Is(err, ErrNotAnObject) {
			t.Errorf("%.20q: %v, want ErrNotAnObject", raw, err)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	raw := `{"users": [` + strings.Repeat("1,", 1000) + `1]}`
	if _, problems, err := ParseSIPCore([]byte(raw)); err != nil || len(problems) != maxProblems {
		t.Errorf("%d problems, %v; want %d", len(problems), err, maxProblems)
	}
}

func TestOnlyServersAreAboutICEServers(t *testing.T) {
	_, problems, err := ParseSIPCore([]byte(`{"users": 1, "ice_config": {"iceServers": [1], "iceTransportPolicy": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if got, want := p.AboutICEServer(), strings.Contains(p.Path, "iceServers"); got != want {
			t.Errorf("%s: %v, want %v", p.Path, got, want)
		}
	}
}

func TestCheckICEURL(t *testing.T) {
	for _, good := range []string{
		"stun:stun.example.com", "stun:192.0.2.1:3478", "STUN:stun.example.com", "stuns:stun.example.com:5349", "stun:[2001:db8::1]",
		"turn:turn.example.com?transport=udp", "turn:turn.example.com:3478?transport=tcp", "turns:[2001:db8::1]:443?transport=tcp",
	} {
		if err := checkICEURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "stun", "stun:", "stun:?x", "stun://stun.example.com", "http://stun.example.com", "stun:a b", "stun:host:0", "stun:host:70000",
		"stun:host:", "stun:host:port", "stun:2001:db8::1", "stun:host?transport=udp", "turn:host?transport=tls", "turn:host?x=1",
		"turn:user@host", "turn:host/path", "stun:host\r\n", "stun:[::1", "stun:::1]:3478", "stun:-host",
	} {
		if checkICEURL(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
