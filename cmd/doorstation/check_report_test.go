package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	doorcheck "doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/settings"
)

// TestTheReportHoldsNoSecret: canaries in every place where a secret may be, and in what programs print, in each of the clothes that a
// secret comes in. None of them is in the bundle, nor in what is printed.
func TestTheReportHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	canaries := map[string]string{
		"token": "canary-Token+1/x", "SIP password": "canary-Sip$2&y", "backup password": "canary-Backup=3", "another's password": "canary-Kitchen:4",
		"TURN credential": "canary-Turn?5#", "lock code": "90210*7", "popup code": "80321#6", "URL password": "canary-Camera-8", "environment": "canary-Env-9",
		"query": "canary-Query-10", "free key": "canary-Free-11",
	}
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	token := put("token", canaries["token"]+"\n", 0o600)
	codesFile := put("codes", "Anna: $argon2id$v=19$m=19456,t=2,p=1$Y2FuYXJ5$canaryhash\n", 0o600)
	config := put("config.yaml", fmt.Sprintf("home_assistant: {url: http://127.0.0.1:9, token_file: %q}\ngpio: simulated\n"+
		"buttons: [{name: Front door, pin: GPIO17, call: [101]}]\nlock: {pin: GPIO27, codes: [%q], codes_file: %q}\n"+
		"camera: {source: exec, command: [ffmpeg, -i, \"rtsp://me:%s@camera/1?password=%s\"]}\naudio: {device: none}\n",
		token, canaries["lock code"], codesFile, canaries["URL password"], canaries["query"]), 0o600)
	raw, err := json.Marshal(map[string]any{
		"users": []any{
			map[string]any{"ha_username": "a", "extension": "200", "password": canaries["SIP password"]},
			map[string]any{"ha_username": "b", "extension": "101", "password": canaries["another's password"], "my_secret": canaries["free key"]},
		},
		"backup_user":  map[string]any{"extension": "100", "password": canaries["backup password"]},
		"ice_config":   map[string]any{"iceServers": []any{map[string]any{"urls": "turn:127.0.0.1:9?transport=tcp", "username": "u", "credential": canaries["TURN credential"]}}},
		"popup_config": map[string]any{"buttons": []any{map[string]any{"label": "Open", "type": "dtmf", "data": canaries["popup code"]}}},
	})
	check(t, err)
	_, err = settings.NewStore(dir).Save(settings.Kept{HomeAssistant: "http://127.0.0.1:9", Who: settings.Identity{ID: "a"}, Fetched: time.Unix(1e9, 0), Raw: raw})
	check(t, err)
	socket := agentTelling(t, canaries)
	shout := &strings.Builder{}
	for _, c := range canaries {
		for _, form := range formsOf(c) {
			fmt.Fprintf(shout, "said <%s>\n", form)
		}
	}
	said := put("said", shout.String(), 0o600)
	for _, program := range []string{"journalctl", "systemctl", "dpkg-query", "lsusb"} {
		put(program, "#!/bin/sh\ncat "+said+"\n", 0o755)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	file := put("report.tar.gz", "an old one", 0o644)

	var out, errs strings.Builder
	getenv := func(name string) string {
		if name == "DOORSTATION_TOKEN" {
			return canaries["environment"]
		}
		return ""
	}
	execute(context.Background(), []string{"check", "--config", config, "--state-dir", dir, "--socket", socket, "--skip", "camera", "--skip", "sound", "--report", file},
		strings.NewReader(""), &out, &errs, getenv)
	info, err := os.Stat(file)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %s", info.Mode())
	}
	files := unpack(t, file)
	files["what is printed"] = out.String() + errs.String()
	for name, text := range files {
		for what, c := range canaries {
			for _, form := range formsOf(c) {
				if strings.Contains(text, form) {
					t.Errorf("%s holds the %s as %q", name, what, form)
				}
			}
		}
		if strings.Contains(text, "canaryhash") {
			t.Errorf("%s holds a hash", name)
		}
	}
	for name, want := range map[string]string{
		"check.txt": "Home Assistant", "check.json": `"findings"`, "status.json": `"registration"`, "config.yaml": "Front door", "sip-core.json": `"extension": "101"`,
		"versions.txt": "doorstation", "journal.txt": "said <", "unit.txt": "said <", "hardware.txt": "said <",
	} {
		if got := files["doorstation-report/"+name]; !strings.Contains(got, want) {
			t.Errorf("%s has no %q:\n%s", name, want, got)
		}
	}
}

// formsOf are a secret as it is, percent-encoded and in Base64.
func formsOf(secret string) []string {
	var bytes strings.Builder
	for _, b := range []byte(secret) {
		fmt.Fprintf(&bytes, "%%%02X", b)
	}
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), bytes.String(), base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte("door:" + secret)),
	}
}

// agentTelling is an agent's control socket, in whose status somebody has left secrets.
func agentTelling(t *testing.T, canaries map[string]string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") // short enough for a socket's address
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	s := control.Status{Started: time.Unix(1e9, 0)}
	for name, c := range canaries { // each a fault of its own, as one that a link has named is not told again
		code := "said_" + strings.ReplaceAll(name, " ", "_")
		s.Faults = append(s.Faults, control.Fault{Code: code, Detail: "somebody said " + strings.Join(formsOf(c), " and ")})
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if encodeErr := json.NewEncoder(w).Encode(s); encodeErr != nil {
			t.Error(encodeErr)
		}
	}))
	socket = filepath.Join(dir, "c")
	check(t, server.Listener.Close())
	server.Listener, err = net.Listen("unix", socket)
	check(t, err)
	server.Start()
	t.Cleanup(server.Close)
	return socket
}

func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	check(t, err)
	defer f.Close() //nolint:errcheck // read only
	packed, err := gzip.NewReader(f)
	check(t, err)
	archive, files := tar.NewReader(packed), map[string]string{}
	for {
		header, nextErr := archive.Next()
		if errors.Is(nextErr, io.EOF) {
			return files
		}
		check(t, nextErr)
		text, readErr := io.ReadAll(archive)
		check(t, readErr)
		files[header.Name] = string(text)
	}
}

// TestCheckAsJSON is the document that machines read.
func TestCheckAsJSON(t *testing.T) {
	_, stdout, _ := run(context.Background(), "check", "--json", "--only", "token", "--config", config(t), "--socket", filepath.Join(t.TempDir(), "none"))
	var r doorcheck.Report
	check(t, json.Unmarshal([]byte(stdout), &r))
	if r.Version != version || len(r.Findings) != 2 || r.Findings[1].Link != "token" || r.Outcome != doorcheck.OK || r.Began.IsZero() {
		t.Errorf("%s", stdout)
	}
}

// TestAnInterruptedCheckIsNoSuccess: whoever looks at the exit status alone does not take it for one that found all well.
func TestAnInterruptedCheckIsNoSuccess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, stdout, stderr := run(ctx, "check", "--only", "token", "--config", config(t), "--socket", filepath.Join(t.TempDir(), "none"))
	if status != exitFailed || !strings.Contains(stdout, "Interrupted") {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}
