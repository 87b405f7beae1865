package settings

import (
	"strings"
	"testing"
	"time"
)

// TestTheDifferenceDecides: what of the door has to be made anew.
func TestTheDifferenceDecides(t *testing.T) {
	const base = `"users": [{"ha_username": "door", "extension": "1", "password": "a", "display_name": "Door"}, {"extension": "101"}]`
	local := func(change func(*Local)) Local {
		l := home(change)
		l.Incoming.Allow = AllowUsers
		return l
	}
	read := func(l Local, raw string) Settings {
		t.Helper()
		c, err := Read(l, []byte(raw), Identity{ID: "door"})
		if err != nil {
			t.Fatal(err)
		}
		return c.Settings
	}
	before := read(local(nil), `{`+base+`}`)
	for _, tt := range []struct {
		name, raw string
		local     func(*Local)
		keys      string
		parts     string // r, o, i, s
	}{
		{"the same", `{` + base + `, "new_key": 1, "sip_video": false}`, nil, "", ""},
		{"the card's alone", `{` + base + `, "outgoingRingtoneUrl": "x"}`, nil, "", ""},
		{"popup names", `{` + base + `, "popup_config": {"extensions": {"1": {"name": "Front"}}}}`, nil, "popup_config", ""},
		{"popup buttons", `{` + base + `, "popup_config": {"buttons": [{"type": "dtmf", "data": "1"}]}}`, nil, "popup_config", ""},
		{"password", strings.Replace(`{`+base+`}`, `"a"`, `"b"`, 1), nil, "password", "r"},
		{"extension", strings.Replace(`{`+base+`}`, `"1"`, `"2"`, 1), nil, "extension", "r"},
		{"display_name", strings.Replace(`{`+base+`}`, `Door`, `Gate`, 1), nil, "display_name", "r"},
		{"the way", `{` + base + `, "custom_wss_url": "wss://pbx/ws"}`, nil, "pbx", "r"},
		{"the domain", `{` + base + `, "pbx_server": "pbx"}`, nil, "domain", "r"},
		{"video", `{` + base + `, "sip_video": true}`, nil, "sip_video", "o"},
		{"servers", `{` + base + `, "ice_config": {"iceGatheringTimeout": 1000, "iceServers": [{"urls": "stun:a"}]}}`, nil, "ice_config", "o"},
		{"gathering time", `{` + base + `, "ice_config": {"iceGatheringTimeout": 10}}`, nil, "ice_config", "o"},
		{"a user more", strings.Replace(`{`+base+`}`, `{"extension": "101"}`, `{"extension": "101"}, {"extension": "102"}`, 1), nil, "incoming", "i"},
		{"auto_answer", `{` + base + `, "auto_answer": true}`, nil, "incoming", "i"},
		{"several", `{` + base + `, "sip_video": true, "auto_answer": true, "pbx_server": "pbx"}`, nil, "domain sip_video incoming", "roi"},
		{"targets", `{` + base + `}`, func(l *Local) { l.Buttons = []Button{{Name: "Bell", Call: [][]string{{"102"}}}} }, "buttons", "s"},
		{"codes", `{` + base + `}`, func(l *Local) { l.Lock = &Lock{Codes: []string{"1"}} }, "lock", "s"},
		{"the longest talk", `{` + base + `}`, func(l *Local) { l.Call.MaxTalk = time.Minute }, "call.max_talk", "s"},
		{"the authority", `{` + base + `}`, func(l *Local) { l.SIP.TLS.CAFile = "x" }, "sip", "r"},
		{"another home", `{` + base + `, "pbx_server": "ha.example.com"}`, func(l *Local) { l.HomeAssistant.URL = "https://b" }, "home_assistant", "r"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after := read(local(tt.local), tt.raw)
			c := Diff(before, after)
			var parts string
			for _, p := range []struct {
				set  bool
				name string
			}{{c.Registration, "r"}, {c.Offers, "o"}, {c.Incoming, "i"}, {c.Station, "s"}} {
				if p.set {
					parts += p.name
				}
			}
			if strings.Join(c.Keys, " ") != tt.keys || parts != tt.parts || c.None() != (tt.parts == "") {
				t.Errorf("%v %q, want %s %q", c.Keys, parts, tt.keys, tt.parts)
			}
			if rest := Diff(before, WithoutRegistration(before, after)); rest.Registration || rest.Offers != c.Offers || rest.Incoming != c.Incoming {
				t.Errorf("without the registration %+v is left of %+v", rest, c)
			}
		})
	}
}

// TestABrokenSettingIsToldByItsKey: which problems refuse a new version.
func TestABrokenSettingIsToldByItsKey(t *testing.T) {
	door := `{"ha_username": "door", "extension": "1", "password": "a"}`
	for _, tt := range []struct {
		name, before, after string
		local               func(*Local)
		want                string // the paths that refuse it
	}{
		{"nothing wrong", `{"users": [` + door + `]}`, `{"users": [` + door + `], "sip_video": true}`, nil, ""},
		{"a wrong type", `{"users": [` + door + `]}`, `{"users": [` + door + `], "sip_video": "yes"}`, nil, "sip_video"},
		{"overruled by the local file", `{"users": [` + door + `]}`, `{"users": [` + door + `], "sip_video": "yes", "auto_answer": 1, "custom_wss_url": 1}`,
			func(l *Local) {
				l.Call.Video, l.Incoming.Answer, l.SIP.Transport, l.SIP.Server = "always", "never", "udp", "pbx"
			}, ""},
		{"nobody may call", `{"users": [` + door + `]}`, `{"users": [` + door + `], "auto_answer": 1}`, func(l *Local) { l.Incoming.Allow = AllowNone }, ""},
		{"a server", `{"users": [` + door + `]}`, `{"users": [` + door + `], "ice_config": {"iceServers": [{"urls": "stun:a"}, {"urls": 3}]}}`, nil, "ice_config.iceServers[1].urls"},
		{"lived with before", `{"users": [` + door + `], "sip_video": "yes"}`, `{"users": [` + door + `], "sip_video": "yes", "pbx_server": "pbx"}`, nil, ""},
		{"lived with before, in an entry that has moved", `{"users": [{"ha_username": "door", "extension": "1", "password": "a", "display_name": []}]}`,
			`{"users": [{"extension": "101"}, {"ha_username": "door", "extension": "1", "password": "a", "display_name": []}]}`, nil, ""},
		{"of another's entry, and now in the door's", `{"users": [` + door + `, {"ha_username": "b", "extension": "101", "display_name": []}]}`,
			`{"users": [{"ha_username": "b", "extension": "101"}, {"ha_username": "door", "extension": "1", "password": "a", "display_name": []}]}`,
			nil, "users[1].display_name"},
		{"the door's password", `{"users": [` + door + `]}`, `{"users": [{"ha_username": "door", "extension": "1", "password": ["a"]}]}`, nil, "users[0].password"},
		{"another's entry", `{"users": [` + door + `]}`, `{"users": [` + door + `, {"extension": "a b"}, {"extension": "101", "password": []}]}`, nil, ""},
		{"the door's entry is gone to backup_user", `{"users": [` + door + `]}`,
			`{"users": [{"ha_username": "door", "extension": "a b"}], "backup_user": {"extension": "100"}}`, nil, "users[0].extension"},
		{"an unused backup_user", `{"users": [` + door + `]}`, `{"users": [` + door + `], "backup_user": 1}`, nil, ""},
		{"users are no list", `{"users": [` + door + `], "backup_user": {"extension": "1"}}`, `{"users": "x", "backup_user": {"extension": "1"}}`, nil, "users"},
		{"the popup's look", `{"users": [` + door + `]}`, `{"users": [` + door + `], "popup_config": {"buttons": "x"}}`, nil, ""},
		{"the domain", `{"users": [` + door + `]}`, `{"users": [` + door + `], "pbx_server": "http://x"}`, nil, "pbx_server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := home(tt.local)
			before, err := Read(l, []byte(tt.before), Identity{ID: "door"})
			if err != nil {
				t.Fatal(err)
			}
			after, err := Read(l, []byte(tt.after), Identity{ID: "door"})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range after.Breaks(before) {
				got = append(got, p.Path)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%v refuse it, want %s", got, tt.want)
			}
		})
	}
}
