package main

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"doorstation/internal/settings"
)

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port

	if _, err = listen("127.0.0.1", port, true); err == nil || !strings.Contains(err.Error(), "--port") {
		t.Errorf("a chosen port that is taken: %v, want an error that names --port", err)
	}
	next, err := listen("127.0.0.1", port, false)
	if err != nil {
		t.Fatalf("the default port is taken: %v, want the next free one", err)
	}
	defer next.Close()
	if next.Addr().(*net.TCPAddr).Port <= port {
		t.Errorf("serves at %v, want a port after %d", next.Addr(), port)
	}
}

func TestPageAddress(t *testing.T) {
	for _, tc := range []struct{ ip, want string }{
		{"127.0.0.1", "http://127.0.0.1:8099"},
		{"0.0.0.0", "http://127.0.0.1:8099"},
		{"::1", "http://[::1]:8099"},
		{"192.0.2.7", "http://192.0.2.7:8099"},
	} {
		if got := pageAddress(&net.TCPAddr{IP: net.ParseIP(tc.ip), Port: 8099}); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.ip, got, tc.want)
		}
	}
}

func TestLocalFileIsRight(t *testing.T) {
	l, err := settings.ParseLocal("config.yaml", localFile("http://127.0.0.1:8123", "/tmp/token"))
	if err != nil {
		t.Fatalf("the agent would refuse the demo's file:\n%v", err)
	}
	if l.GPIO != "simulated" || l.Buttons[0].Name != buttonName || l.Lock == nil || l.Camera.Source != "test" {
		t.Errorf("the file says %+v", l)
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args   []string
		status int
	}{
		{[]string{"--help"}, 0},
		{[]string{"--nonsense"}, 2},
		{[]string{"now"}, 2},
		{[]string{"--listen", "not an address", "--no-open"}, 1},
	} {
		var out, errs bytes.Buffer
		if got := execute(t.Context(), tc.args, &out, &errs); got != tc.status {
			t.Errorf("%q ended with %d, want %d\n%s", tc.args, got, tc.status, &errs)
		}
		if errs.Len() == 0 {
			t.Errorf("%q says nothing", tc.args)
		}
	}
}
