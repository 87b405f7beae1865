package settings

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"unicode/utf8"
)

func FuzzParseLocal(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(least))
	for _, tt := range wrongFiles {
		f.Add([]byte(tt.file))
	}
	for _, seed := range []string{
		"a: &a [*a]", "? {a: b}\n: c", "!!binary x", "a: !!float", "- - - -", "{[", "a: >\n\n b", "%YAML 1.2\n---\n", "&", "*", "!",
		"a:\n  - &x\n  - *x\n", "<<: *b", "a: 'b\n\n c'\n", "\x00", "a: \"\\x\"", "buttons: [{pin: {chip: }}]", "sip: {server: ws://}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxLocalFile {
			return
		}
		l, parseErr := ParseLocal("fuzz", data)
		if parseErr == nil {
			if l.HomeAssistant.URL == "" || len(l.Buttons) == 0 || l.Call.MaxTalk == 0 {
				t.Errorf("accepted with holes: %+v", l)
			}
			return
		}
		var fileErr *FileError
		if !errors.As(parseErr, &fileErr) || fileErr.Line < 1 || fileErr.Message == "" || fileErr.Excerpt == "" {
			t.Errorf("not an error with a place: %#v", parseErr)
		}
	})
}

func FuzzParseSIPCore(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"users":[{"ha_username":"a","extension":1,"password":"p"}],"backup_user":{"extension":"1"}}`,
		`{"ice_config":{"iceServers":[{"urls":["turn:a?transport=tcp"],"username":"u","credential":"c"}],"iceGatheringTimeout":1e3}}`,
		`{"popup_config":{"buttons":[{"type":"dtmf","data":"1"}],"extensions":{"1":{"camera_entity":"c"}}}}`,
		`{"pbx_server":"[::1]:5060","custom_wss_url":"wss://[::1]/ws"}`, `{"sip_video":"true","auto_answer":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, problems, err := ParseSIPCore(raw)
		if err != nil {
			return
		}
		if len(problems) > maxProblems {
			t.Errorf("%d problems", len(problems))
		}
		for _, u := range c.Users {
			if !isExtension(u.Extension) || !utf8.ValidString(u.DisplayName) {
				t.Errorf("accepted user %v", u)
			}
		}
		for _, s := range c.ICE.Servers {
			for _, u := range s.URLs {
				if checkICEURL(u) != nil {
					t.Errorf("accepted server %q", u)
				}
			}
		}
		if c.ICE.GatheringTimeout < 0 || c.ICE.GatheringTimeout > longestGathering {
			t.Errorf("accepted a gathering time of %s", c.ICE.GatheringTimeout)
		}
		if _, _, err = Merge(home(nil), c, Identity{ID: "a", Name: "b"}); err != nil && !errors.Is(err, ErrNoUser) {
			t.Errorf("merge: %v", err)
		}
		l := home(func(l *Local) {
			l.Lock, l.Incoming = &Lock{Codes: []string{"1"}}, Incoming{Allow: AllowUsers, Answer: "auto", Talk: "*"}
		})
		candidate, err := Read(l, raw, Identity{ID: "a", Name: "b"})
		if breaking := candidate.Breaks(candidate); len(breaking) > 0 {
			t.Errorf("what is lived with refuses itself: %v", breaking)
		}
		if change := Diff(candidate.Settings, candidate.Settings); err == nil && len(change.Keys) > 0 {
			t.Errorf("it differs from itself: %v", change.Keys)
		}
		if fmt.Sprintf("%+v", c) == "" {
			t.Error("not printed")
		}
	})
}
