package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const (
	aToken = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJzM2NyZXQifQ.c2lnbmF0dXJl-_x"
	secret = "s3cret"
)

func TestATokenInTheFileIsToldWhereItBelongs(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		line       int
	}{
		{"under token", "home_assistant:\n  url: http://ha\n  token: " + aToken + "\n", 3},
		{"a token of another form", "home_assistant:\n  url: http://ha\n  access_token: s3cret\n", 3},
		{"as token_file", "home_assistant:\n  url: http://ha\n  token_file: " + aToken + "\n", 3},
		{"as a button's name", "home_assistant: {url: http://ha}\nbuttons:\n  - name: " + aToken + "\n", 3},
		{"as a block", "home_assistant:\n  url: http://ha\n  token_file: >\n    " + aToken + "\n", 3},
		{"as a key", "home_assistant:\n  url: http://ha\n  " + aToken + ": x\n", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseLocal("c", []byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("c:%d: ", tt.line)) ||
				!strings.Contains(err.Error(), "home_assistant.token_file") {
				t.Errorf("got %v, want line %d and where it belongs", err, tt.line)
			}
			leaks(t, err.Error())
		})
	}
}

// leaks fails when text shows one of the secrets of these tests, or a part of the token.
func leaks(t *testing.T, text string) {
	t.Helper()
	for _, s := range []string{secret, aToken, "eyJ", "c2lnbmF0dXJl"} {
		if strings.Contains(text, s) {
			t.Errorf("shows %s:\n%s", s, text)
		}
	}
}

// TestErrorsNeverShowASecret puts secrets next to mistakes, in files that can be parsed and files that cannot.
func TestErrorsNeverShowASecret(t *testing.T) {
	for _, file := range []string{
		"home_assistant:\n  password: s3cret\n  url: x\n",
		"home_assistant:\n  url: https://door:s3cret@ha.local\n",
		"sip: {password: s3cret, transport: x}\n",
		"sip: {transport: ws, server: \"ws://u:s3cret@pbx/ws\"}\n",
		"lock:\n  codes: [\"s3cret\"]\n  pulse: x\n",
		"lock:\n  codes:\n  - \"s3cret\"\n  pulse: x\n",
		"lock:\n  codes:\n    - s3cret\n    - s3cret\n  pin: x\n",
		"lock: {codes: [s3cret], pin: x}\n",
		"lock:\n  code: s3cret\n",
		"lock:\n  codes: [s3cret\n  pulse: x\n",
		"lock:\n  \"codes\": [s3cret, \n    s3cret]\n  pulse: x\n",
		"home_assistant:\n  token: |\n    s3cret\n  url: x\n",
		"home_assistant:\n\ttoken: s3cret\n",
		"token: \"s3cret\nurl: x\n",
		"- token: s3cret\n  url: x\n",
		aToken,
		"a: b: " + aToken,
		"home_assistant:\n  url: x # " + aToken + "\n",
		"\"" + aToken + "\": {a: [" + aToken + "]}\n",
		"? " + aToken + "\n: x\n",
	} {
		_, err := ParseLocal("c", []byte(file))
		if err == nil {
			t.Errorf("no error for %q", file)
			continue
		}
		leaks(t, err.Error())
	}
}

// TestSettingsNeverShowASecret formats, logs and marshals all that holds secrets, alone and inside other things.
func TestSettingsNeverShowASecret(t *testing.T) {
	core, problems, err := ParseSIPCore([]byte(`{
		"users": [{"ha_username": "door", "extension": "8001", "display_name": "Door", "password": "s3cret"}],
		"backup_user": {"extension": "100", "password": "s3cret"},
		"custom_wss_url": "wss://pbx.example.com/ws?key=s3cret",
		"ice_config": {"iceServers": [{"urls": "turn:turn.example.com", "username": "s3cret", "credential": "s3cret"}]},
		"popup_config": {"buttons": [{"type": "dtmf", "data": "s3cret"}]}
	}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	local := Local{Lock: &Lock{Codes: []string{secret}}, Call: Call{Video: "auto"}}
	merged, _, err := Merge(local, core, Identity{ID: "door"})
	if err != nil {
		t.Fatal(err)
	}
	if merged.Password != secret || merged.Popup.DTMF[0].Digits != secret || core.ICE.Servers[0].Credential != secret {
		t.Fatal("the secrets are not there")
	}
	type wrapped struct {
		Inside any
		User   User
		Lock   Lock
	}
	for name, v := range map[string]any{
		"user": core.Users[0], "pointer": core.BackupUser, "users": core.Users, "ice": core.ICE, "server": core.ICE.Servers[0],
		"popup": core.Popup, "dtmf": core.Popup.DTMF, "kept": Kept{HomeAssistant: "http://ha", Raw: []byte(`{"password": "s3cret"}`)}, "lock": *local.Lock, "lock pointer": local.Lock, "local": local, "core": core, "core pointer": &core,
		"settings": merged, "settings pointer": &merged, "pbx": merged.PBX,
		"wrapped": wrapped{merged, core.Users[0], *local.Lock}, "map": map[string]any{"s": merged},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, secret) || strings.Contains(got, "733363726574") {
				t.Errorf("%s with %s: %s", name, verb, got)
			}
		}
		b, jsonErr := json.Marshal(v)
		if jsonErr != nil {
			t.Errorf("%s: %v", name, jsonErr)
		}
		leaks(t, string(b))
		var logged bytes.Buffer
		options := &slog.HandlerOptions{Level: slog.LevelDebug}
		slog.New(slog.NewTextHandler(&logged, options)).Info("x", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&logged, options)).Info("x", "v", v, slog.Group("g", "v", v))
		leaks(t, logged.String())
		if _, jsonErr = json.Marshal(problems); jsonErr != nil {
			t.Error(jsonErr)
		}
	}
	for _, want := range []string{"8001", "Door", "***"} {
		if !strings.Contains(fmt.Sprint(merged), want) {
			t.Errorf("%v does not say %s", merged, want)
		}
	}
}

func TestProblemsNeverShowASecret(t *testing.T) {
	_, problems, err := ParseSIPCore([]byte(`{
		"users": [{"extension": "s3cret s3cret", "password": ["s3cret"]}, "s3cret", {"ha_username": "a b", "password": {"s3cret": 1}}],
		"custom_wss_url": "https://u:s3cret@pbx", "pbx_server": "u:s3cret@pbx",
		"ice_config": {"iceServers": [{"urls": ["turn://u:s3cret@turn", "s3cret"], "credential": true}], "iceTransportPolicy": "s3cret"}
	}`))
	if err != nil || len(problems) < 8 {
		t.Fatalf("%v, only %v", err, problems)
	}
	for _, p := range problems {
		leaks(t, p.String())
	}
}
