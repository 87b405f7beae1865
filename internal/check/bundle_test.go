package check_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorstation/internal/check"
)

const secret = `pä$$/w+rd "7" & more`

// clothes are what a secret may come in.
func clothes(s string) map[string]string {
	quoted, _ := json.Marshal(s) // a string can be marshalled
	var all strings.Builder
	for _, b := range []byte(s) {
		fmt.Fprintf(&all, "%%%02x", b)
	}
	c := map[string]string{
		"plain": s, "JSON": string(quoted), "Go": fmt.Sprintf("%q", s), "query": url.QueryEscape(s), "path": url.PathEscape(s), "every byte": all.String(),
		"hex": hex.EncodeToString([]byte(s)),
	}
	for _, before := range []string{"", "a", "ab", "abc", "door:"} {
		for _, behind := range []string{"", "z", "yz"} {
			name := fmt.Sprintf("of %d before and %d behind", len(before), len(behind))
			c["base64 "+name] = base64.StdEncoding.EncodeToString([]byte(before + s + behind))
			c["base64url "+name] = base64.RawURLEncoding.EncodeToString([]byte(before + s + behind))
		}
	}
	return c
}

func TestASecretIsFoundInAnyClothes(t *testing.T) {
	scrubber := &check.Scrubber{}
	scrubber.Add(secret, "no", "")
	for name, text := range clothes(secret) {
		got := string(scrubber.Scrub([]byte("before " + text + " behind")))
		if !strings.Contains(got, check.Hidden) || strings.Contains(got, text) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " behind") {
			t.Errorf("%s: %q became %q", name, text, got)
		}
		if strings.HasPrefix(name, "base64") {
			rest := strings.NewReplacer("before ", "", " behind", "", check.Hidden, "").Replace(got)
			if len(rest) > 14 { // what stood before and behind
				t.Errorf("%s: %q is left", name, rest)
			}
		}
	}
	if got := string(scrubber.Scrub([]byte("no harm"))); got != "no harm" {
		t.Errorf("a word of two letters is hidden: %q", got)
	}
}

func TestThingsThatAreSecretWhateverTheySay(t *testing.T) {
	for _, text := range []string{
		"token eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhYmMifQ.c2lnbmF0dXJl", "rtsp://me:hunter2@camera/1", "http://h/x?password=hunter2&a=b", "https://h/?access_token=hunter2",
		"Authorization: Bearer hunter2", `"authorization": "Digest username=x, response=hunter2"`, "Cookie: ingress_session=hunter2",
		"GET /api/hassio_ingress/hunter2/ws", "$argon2id$v=19$m=65536,t=3,p=4$hunter2$hunter2",
	} {
		got := string((&check.Scrubber{}).Scrub([]byte(text)))
		if strings.Contains(got, "hunter2") || strings.Contains(got, "c2lnbmF0dXJl") || !strings.Contains(got, check.Hidden) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestSettingsWithoutTheirSecrets(t *testing.T) {
	document := `{"users": [{"extension": "101", "password": "canary-1"}], "ice_config": {"iceServers": [{"urls": "turn:h", "credential": ["canary-2"]}]},
		"popup_config": {"buttons": [{"label": "Open", "type": "dtmf", "data": 471100}, {"type": "service_call", "data": "light.turn_on"}]}, "access_token": {"a": "canary-4"}}`
	hidden, secrets := check.HideJSON([]byte(document))
	for _, canary := range []string{"canary-1", "canary-2", "471100", "canary-4"} {
		if bytes.Contains(hidden, []byte(canary)) || !strings.Contains(strings.Join(secrets, " "), canary) {
			t.Errorf("%s in %s, %q", canary, hidden, secrets)
		}
	}
	for _, kept := range []string{"101", "turn:h", "Open", "light.turn_on"} {
		if !bytes.Contains(hidden, []byte(kept)) {
			t.Errorf("%s is gone", kept)
		}
	}
	if hidden, secrets = check.HideJSON([]byte("{")); hidden != nil || secrets != nil {
		t.Error("what is no JSON is given out")
	}
}

func TestABundleIsScrubbedAndForNobodyElse(t *testing.T) {
	scrubber := &check.Scrubber{}
	scrubber.Add(secret)
	data, err := check.Bundle("report", []check.File{{"a.txt", []byte("x " + secret)}, {"b.txt", []byte("y")}}, scrubber, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	archive, got := tar.NewReader(packed), map[string]string{}
	for {
		header, nextErr := archive.Next()
		if errors.Is(nextErr, io.EOF) {
			break
		}
		if nextErr != nil {
			t.Fatal(nextErr)
		}
		text, readErr := io.ReadAll(archive)
		if readErr != nil || header.Mode != 0o600 {
			t.Errorf("%s: %o, %v", header.Name, header.Mode, readErr)
		}
		got[header.Name] = string(text)
	}
	if len(got) != 2 || got["report/a.txt"] != "x "+check.Hidden || got["report/b.txt"] != "y" {
		t.Errorf("%q", got)
	}
}
