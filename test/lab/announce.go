package lab

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Announcement is a Home Assistant as it announces itself in its network (zeroconf integration: _home-assistant._tcp).
type Announcement struct {
	// Name is the home's; it is the instance's name and location_name.
	Name string
	// Port is that of its HTTP server.
	Port int
	// UUID is the installation's; default: one made of Name.
	UUID string
	// Version is Home Assistant's.
	Version string
	// InternalURL and ExternalURL are what was set under Settings, System, Network; mostly empty, or the address for the former.
	InternalURL, ExternalURL string
}

// TXT are the strings of the announcement's TXT record, as Home Assistant writes them.
func (a Announcement) TXT() []string {
	base := a.ExternalURL
	if base == "" {
		base = a.InternalURL
	}
	return []string{
		"location_name=" + a.Name, "uuid=" + a.uuid(), "version=" + a.Version, "external_url=" + a.ExternalURL,
		"internal_url=" + a.InternalURL, "base_url=" + base,
	}
}

func (a Announcement) uuid() string {
	if a.UUID != "" {
		return a.UUID
	}
	return fmt.Sprintf("%x", a.Name)
}

// Where Debian's avahi-daemon looks, whatever its configuration file says.
const (
	avahiServices = "/etc/avahi/services"
	avahiRun      = "/run/avahi-daemon"
)

// AnnounceHome runs avahi-daemon until the test ends, which announces Home Assistants on the named interfaces of the lab, without names on
// all but loopback: also on those of networks that are made before. It returns when they are announced. There is one daemon at a
// time.
func AnnounceHome(t T, interfaces []string, homes ...Announcement) {
	t.Helper()
	must := func(err error, doing string) {
		t.Helper()
		if err != nil {
			t.Fatalf("lab: avahi: %s: %v", doing, err)
		}
	}
	path, err := exec.LookPath("avahi-daemon")
	if err != nil {
		path = "/usr/sbin/avahi-daemon" // often not on a user's PATH
	}
	out := filepath.Join(Out(t), "avahi")
	must(os.RemoveAll(out), "emptying")
	for dir, over := range map[string]string{filepath.Join(out, "services"): avahiServices, filepath.Join(out, "run"): avahiRun} {
		must(os.MkdirAll(dir, 0o755), "directory")
		// In the lab's own view of the file system only.
		must(mountOver(t, dir, over), over)
	}
	for i, h := range homes {
		text, xmlErr := h.service()
		must(xmlErr, h.Name)
		must(os.WriteFile(filepath.Join(out, "services", fmt.Sprintf("home%d.service", i)), text, 0o644), h.Name)
	}
	conf := []string{
		"[server]", "host-name=homeassistant", "domain-name=local", "use-ipv4=yes", "use-ipv6=yes", "enable-dbus=no", "disallow-other-stacks=no",
	}
	if len(interfaces) > 0 {
		conf = append(conf, "allow-interfaces="+strings.Join(interfaces, ","))
	}
	conf = append(conf, "[publish]", "publish-hinfo=no", "publish-workstation=no", "")
	file := filepath.Join(out, "avahi-daemon.conf")
	must(os.WriteFile(file, []byte(strings.Join(conf, "\n")), 0o644), "configuration")
	p := Start(t, "avahi", Command{Path: path, Args: []string{
		"--file=" + file, "--no-drop-root", "--no-chroot", "--no-rlimits", "--no-proc-title", "--debug",
	}})
	const limit = 30 * time.Second
	for i := range homes {
		p.WaitOutput(t, limit, regexp.MustCompile(fmt.Sprintf(`\(%s/home%d\.service\) successfully established`, avahiServices, i)))
	}
}

// mountOver shows a directory in the place of another until the test ends; that is made where it is missing.
func mountOver(t T, dir, over string) error {
	if err := os.MkdirAll(over, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(dir, over, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(over, syscall.MNT_DETACH); err != nil {
			t.Errorf("lab: %s: %v", over, err)
		}
	})
	return nil
}

// service is the announcement as a service file of avahi's (avahi.service(5)).
func (a Announcement) service() ([]byte, error) {
	type service struct {
		Type string   `xml:"type"`
		Port string   `xml:"port"`
		TXT  []string `xml:"txt-record"`
	}
	group := struct {
		XMLName xml.Name `xml:"service-group"`
		Name    string   `xml:"name"`
		Service service  `xml:"service"`
	}{Name: a.Name, Service: service{Type: "_home-assistant._tcp", Port: strconv.Itoa(a.Port), TXT: a.TXT()}}
	text, err := xml.MarshalIndent(group, "", "  ")
	return append([]byte(`<?xml version="1.0" standalone="no"?>`+"\n"+`<!DOCTYPE service-group SYSTEM "avahi-service.dtd">`+"\n"), text...), err
}
