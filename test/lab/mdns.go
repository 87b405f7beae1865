package lab

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Service is what is announced in a network (RFC 6763).
type Service struct {
	// Name is the instance's, Type such as "_home-assistant._tcp".
	Name, Type string
	Port       int
	// Text are the pairs of the TXT record, key=value.
	Text []string
}

// Announce lets a real avahi-daemon announce a service on interfaces of the lab until the test ends. There can be one at a time.
func Announce(t T, interfaces []string, s Service) {
	t.Helper()
	dir, err := os.MkdirTemp("", "avahi")
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() {
		if err = os.RemoveAll(dir); err != nil {
			t.Errorf("lab: %v", err)
		}
	})
	type service struct {
		Type string   `xml:"type"`
		Port int      `xml:"port"`
		Text []string `xml:"txt-record"`
	}
	group, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"service-group"`
		Name    string   `xml:"name"`
		Service service  `xml:"service"`
	}{Name: s.Name, Service: service{s.Type, s.Port, s.Text}})
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	config := fmt.Sprintf("[server]\nhost-name=homeassistant\nallow-interfaces=%s\nuse-ipv6=no\nenable-dbus=no\ndisallow-other-stacks=no\n"+
		"[publish]\npublish-hinfo=no\npublish-workstation=no\n", strings.Join(interfaces, ","))
	for name, text := range map[string]string{
		"avahi-daemon.conf": config, "hosts": "",
		"services/lab.service": xml.Header + `<!DOCTYPE service-group SYSTEM "avahi-service.dtd">` + string(group),
	} {
		file := filepath.Join(dir, name)
		if err = os.MkdirAll(filepath.Dir(file), 0o755); err == nil {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatalf("lab: %v", err)
		}
	}
	// Where its files are was settled when it was built.
	p := Start(t, "avahi", Command{Path: "unshare", Args: []string{"--mount", "sh", "-c",
		`mount --bind "$0" /etc/avahi && mount -t tmpfs tmpfs /run && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits`, dir}})
	p.WaitOutput(t, time.Minute, regexp.MustCompile(`Service .* successfully established`))
}
