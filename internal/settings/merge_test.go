package settings

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func home(change func(*Local)) Local {
	l := Local{
		HomeAssistant: HomeAssistant{URL: "https://ha.example.com:8123"},
		SIP:           SIP{Transport: TransportAuto},
		Buttons:       []Button{{Name: "Bell", Call: [][]string{{"101"}}}},
		Call:          Call{Video: "auto"},
	}
	if change != nil {
		change(&l)
	}
	return l
}

func has(notices []Notice, kind NoticeKind) bool {
	return slices.ContainsFunc(notices, func(n Notice) bool { return n.Kind == kind })
}

func TestMergePicksTheDoorsUser(t *testing.T) {
	user := func(ha, extension string) User {
		return User{HAUsername: ha, Extension: extension, Password: "pw" + extension}
	}
	backup := user("", "100")
	door := Identity{ID: "0123abc", Name: "door"}
	for _, tt := range []struct {
		name      string
		extension string
		users     []User
		backup    *User
		who       Identity
		want      string
		isBackup  bool
		err       error
	}{
		{"by id", "", []User{user("anna", "101"), user("0123abc", "8001")}, &backup, door, "8001", false, nil},
		{"by name", "", []User{user("anna", "101"), user("door", "8002")}, &backup, door, "8002", false, nil},
		{"id before name", "", []User{user("door", "8002"), user("0123abc", "8001")}, nil, door, "8001", false, nil},
		{"the first of two", "", []User{user("door", "1"), user("door", "2")}, nil, door, "1", false, nil},
		{"backup", "", []User{user("anna", "101")}, &backup, door, "100", true, nil},
		{"nobody", "", []User{user("anna", "101")}, nil, door, "", false, ErrNoUser},
		{"case counts", "", []User{user("Door", "101")}, nil, door, "", false, ErrNoUser},
		{"an entry without ha_username is nobody's", "", []User{user("", "101")}, nil, Identity{}, "", false, ErrNoUser},
		{"by extension", "101", []User{user("door", "8001"), user("anna", "101")}, &backup, door, "101", false, nil},
		{"no such extension", "102", []User{user("door", "8001")}, &backup, door, "", false, ErrNoSuchExtension},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := home(func(l *Local) { l.SIP.Extension = tt.extension })
			got, notices, err := Merge(l, SIPCore{Users: tt.users, BackupUser: tt.backup, SIPVideo: true}, tt.who)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if got.Extension != tt.want || got.BackupUser != tt.isBackup || has(notices, NoticeBackupUser) != tt.isBackup {
				t.Errorf("extension %q, backup %v, notices %v; want %q, %v", got.Extension, got.BackupUser, notices, tt.want, tt.isBackup)
			}
			if err == nil && got.Password != "pw"+tt.want {
				t.Errorf("the password is not the user's")
			}
		})
	}
	_, _, err := Merge(home(nil), SIPCore{}, door)
	if err == nil || !strings.Contains(err.Error(), `"door" (id "0123abc")`) {
		t.Errorf("%v does not say whom the token belongs to", err)
	}
}

func TestMergeFindsThePBX(t *testing.T) {
	for _, tt := range []struct {
		name       string
		sip        SIP
		core       SIPCore
		kind, url  string
		domain     string
		noAddress  bool
		homeServer string
	}{
		{"ingress", SIP{Transport: "auto"}, SIPCore{}, PBXIngress, "", "ha.example.com", false, ""},
		{"ingress with a domain", SIP{Transport: "auto"}, SIPCore{PBXServer: "pbx"}, PBXIngress, "", "pbx", false, ""},
		{"custom", SIP{Transport: "auto"}, SIPCore{CustomWSSURL: "wss://c/ws"}, PBXCustomWSSURL, "wss://c/ws", "ha.example.com", false, ""},
		{"ws over custom", SIP{Transport: "ws"}, SIPCore{PBXServer: "pbx", CustomWSSURL: "wss://c/ws"}, PBXServer, "ws://pbx:8088/ws", "pbx", false, ""},
		{"wss", SIP{Transport: "wss", Server: "pbx2"}, SIPCore{PBXServer: "pbx"}, PBXServer, "wss://pbx2:8089/ws", "pbx", false, ""},
		{"port", SIP{Transport: "wss", Server: "pbx2:443"}, SIPCore{}, PBXServer, "wss://pbx2:443/ws", "ha.example.com", false, ""},
		{"address", SIP{Transport: "ws", Server: "ws://pbx2/asterisk"}, SIPCore{}, PBXServer, "ws://pbx2/asterisk", "ha.example.com", false, ""},
		{"IPv6", SIP{Transport: "ws", Server: "[2001:db8::1]"}, SIPCore{}, PBXServer, "ws://[2001:db8::1]:8088/ws", "ha.example.com", false, ""},
		{"udp", SIP{Transport: "udp"}, SIPCore{PBXServer: "pbx", CustomWSSURL: "wss://c/ws"}, PBXServer, "udp://pbx", "pbx", false, ""},
		{"tcp with a port", SIP{Transport: "tcp", Server: "pbx2:5070"}, SIPCore{PBXServer: "pbx"}, PBXServer, "tcp://pbx2:5070", "pbx", false, ""},
		{"tls to IPv6", SIP{Transport: "tls", Server: "[2001:db8::1]"}, SIPCore{}, PBXServer, "tls://[2001:db8::1]", "ha.example.com", false, ""},
		{"udp to IPv6 with a port", SIP{Transport: "udp", Server: "[2001:db8::1]:5070"}, SIPCore{}, PBXServer, "udp://[2001:db8::1]:5070", "ha.example.com", false, ""},
		{"udp to pbx_server by IPv6", SIP{Transport: "udp"}, SIPCore{PBXServer: "2001:db8::1"}, PBXServer, "udp://[2001:db8::1]", "2001:db8::1", false, ""},
		{"tls nowhere", SIP{Transport: "tls"}, SIPCore{}, "", "", "", true, ""},
		{"nowhere", SIP{Transport: "ws"}, SIPCore{CustomWSSURL: "wss://c/ws"}, "", "", "", true, ""},
		{"IPv6 home", SIP{Transport: "auto"}, SIPCore{}, PBXIngress, "", "2001:db8::2", false, "http://[2001:db8::2]:8123"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := home(func(l *Local) { l.SIP = tt.sip })
			if tt.homeServer != "" {
				l.HomeAssistant.URL = tt.homeServer
			}
			tt.core.BackupUser = &User{Extension: "100"}
			got, _, err := Merge(l, tt.core, Identity{})
			if errors.Is(err, ErrNoPBXAddress) != tt.noAddress {
				t.Fatalf("error %v", err)
			}
			if got.PBX.Kind != tt.kind || got.PBX.URL != tt.url || got.Domain != tt.domain {
				t.Errorf("got %s %s, domain %s; want %s %s, %s", got.PBX.Kind, got.PBX.URL, got.Domain, tt.kind, tt.url, tt.domain)
			}
		})
	}
}

func TestMergeVideoAndThePictureNotice(t *testing.T) {
	camera := Popup{Extensions: map[string]PopupExtension{"8001": {CameraEntity: "camera.door"}, "8002": {Name: "x"}}}
	for _, tt := range []struct {
		name, video string
		sipVideo    bool
		popup       Popup
		extension   string
		want        bool
		notice      bool
	}{
		{"auto on", "auto", true, Popup{}, "8001", true, false},
		{"auto off", "auto", false, Popup{}, "8001", false, true},
		{"auto off, a camera", "auto", false, camera, "8001", false, false},
		{"auto off, another's camera", "auto", false, camera, "8002", false, true},
		{"always", "always", false, Popup{}, "8001", true, false},
		{"never is a wish", "never", true, Popup{}, "8001", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := home(func(l *Local) { l.Call.Video = tt.video; l.SIP.Extension = tt.extension })
			core := SIPCore{Users: []User{{Extension: tt.extension}}, SIPVideo: tt.sipVideo, Popup: tt.popup}
			got, notices, err := Merge(l, core, Identity{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Video != tt.want || has(notices, NoticeNoPicture) != tt.notice {
				t.Errorf("video %v, notices %v; want %v, notice %v", got.Video, notices, tt.want, tt.notice)
			}
		})
	}
}

func TestMergeSaysWhoMayCallTheDoor(t *testing.T) {
	core := SIPCore{
		Users:      []User{{HAUsername: "door", Extension: "200"}, {Extension: "101"}, {Extension: "102"}, {Extension: "101"}},
		BackupUser: &User{Extension: "100"},
	}
	for _, tt := range []struct {
		name    string
		in      Incoming
		auto    bool
		callers string
		answer  bool
	}{
		{"users", Incoming{Allow: AllowUsers, Answer: "auto"}, false, "101 102 100", false},
		{"sip core's auto_answer", Incoming{Allow: AllowUsers, Answer: "auto"}, true, "101 102 100", true},
		{"always", Incoming{Allow: AllowUsers, Answer: "always"}, false, "101 102 100", true},
		{"never", Incoming{Allow: AllowUsers, Answer: "never"}, true, "101 102 100", false},
		{"a list", Incoming{Allow: AllowList, Callers: []string{"102", "200", "9"}, Answer: "auto"}, false, "102 9", false},
		{"nobody", Incoming{Allow: AllowNone, Answer: "always"}, true, "", true},
	} {
		core.AutoAnswer = tt.auto
		tt.in.Talk = "*"
		s, _, err := Merge(home(func(l *Local) { l.Incoming = tt.in }), core, Identity{ID: "door"})
		if err != nil || strings.Join(s.Incoming.Callers, " ") != tt.callers || s.Incoming.Answer != tt.answer || s.Incoming.Talk != "*" {
			t.Errorf("%s: %+v, %v", tt.name, s.Incoming, err)
		}
	}
}
