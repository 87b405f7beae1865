package discover

import (
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	theID   = 4711
	theZone = "wlan0"
)

// message is an answer with these records, written as in a zone file.
func message(t *testing.T, records ...string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.Id, m.Response, m.Authoritative = theID, true, true
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		m.Answer = append(m.Answer, rr)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	ptr  = `_home-assistant._tcp.local. 10 IN PTR Home._home-assistant._tcp.local.`
	srv  = `Home._home-assistant._tcp.local. 10 IN SRV 0 0 8123 abc.local.`
	txt  = `Home._home-assistant._tcp.local. 10 IN TXT "location_name=Home" "uuid=abc" "version=2026.10.1" "internal_url=" "external_url="`
	addr = `abc.local. 10 IN A 192.168.1.5`
)

// all is what is told of after a number of messages.
func all(t *testing.T, messages ...[]byte) map[string]Instance {
	t.Helper()
	c := newCollector()
	told := map[string]Instance{}
	for _, m := range messages {
		c.take(m, theID, theZone)
		for _, i := range c.news() {
			told[i.Key] = i
		}
	}
	return told
}

// TestTheOrderOfRecordsDoesNotMatter: a Home Assistant is told of once all is known, in one message or several, in any order.
func TestTheOrderOfRecordsDoesNotMatter(t *testing.T) {
	want := map[string]Instance{"abc": {
		Key: "abc", Name: "Home", Version: "2026.10.1", URLs: []string{"http://192.168.1.5:8123", "https://192.168.1.5:8123"},
	}}
	for name, messages := range map[string][][]byte{
		"one message":        {message(t, ptr, srv, txt, addr)},
		"the other way":      {message(t, addr, txt, srv, ptr)},
		"one by one":         {message(t, ptr), message(t, srv), message(t, txt), message(t, addr)},
		"in capital letters": {message(t, strings.ToUpper(ptr), srv, txt, "ABC.local. 10 IN A 192.168.1.5")},
	} {
		if got := all(t, messages...); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestWhatIsAskedFor: at first the service; then what a responder left out, and nothing that is known.
func TestWhatIsAskedFor(t *testing.T) {
	c := newCollector()
	asked := func() []string {
		t.Helper()
		b, err := c.questions(theID)
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err = m.Unpack(b); err != nil || m.Id != theID || m.RecursionDesired {
			t.Fatalf("the question is %v, %v", m, err)
		}
		var out []string
		for _, q := range m.Question {
			out = append(out, q.Name+" "+dns.TypeToString[q.Qtype])
		}
		return out
	}
	const service, instance = "_home-assistant._tcp.local. PTR", "home._home-assistant._tcp.local."
	for _, step := range []struct {
		record string
		more   bool
		want   []string
	}{
		{"", false, []string{service}},
		{ptr, true, []string{service, instance + " SRV", instance + " TXT"}},
		{srv, false, []string{service, "abc.local. A", "abc.local. AAAA", instance + " TXT"}},
		{txt, true, []string{service, "abc.local. A", "abc.local. AAAA"}},
		{addr, false, []string{service}},
	} {
		if step.record != "" {
			if more := c.take(message(t, step.record), theID, theZone); more != step.more {
				t.Errorf("after %s more is to be asked: %t", step.record, more)
			}
		}
		if got := asked(); !slices.Equal(got, step.want) {
			t.Errorf("after %q asked is %q, expected %q", step.record, got, step.want)
		}
	}
}

// TestWhichAddressesAreTried: what it says of itself for inside the house, then where it was found, then what it says for outside.
func TestWhichAddressesAreTried(t *testing.T) {
	for _, c := range []struct {
		name, txt string
		addrs     []string
		want      []string
	}{
		{
			"inside and outside", `"internal_url=http://ha.local:8123" "external_url=https://ha.example.org" "base_url=https://ha.example.org"`,
			[]string{"A 10.0.0.5"},
			[]string{"http://ha.local:8123", "http://10.0.0.5:8123", "https://10.0.0.5:8123", "https://ha.example.org"},
		},
		{
			"outside with TLS", `"external_url=https://ha.example.org:8123/"`, []string{"A 10.0.0.5"},
			[]string{"https://10.0.0.5:8123", "http://10.0.0.5:8123", "https://ha.example.org:8123"},
		},
		{"an old one", `"base_url=http://10.0.0.5:8123"`, []string{"A 10.0.0.5"}, []string{"http://10.0.0.5:8123", "https://10.0.0.5:8123"}},
		{
			"several addresses", `"a=b"`, []string{"AAAA fd00::5", "AAAA fe80::5", "A 10.0.0.5", "A 10.0.0.5", "A 127.0.0.1", "A 224.0.0.1"},
			[]string{"http://10.0.0.5:8123", "https://10.0.0.5:8123", "http://[fd00::5]:8123", "https://[fd00::5]:8123"},
		},
		{
			"nonsense", `"internal_url=javascript:alert(1)" "external_url=http://u:p@h/" "base_url=http://h:99999"`, []string{"A 10.0.0.5"},
			[]string{"http://10.0.0.5:8123", "https://10.0.0.5:8123"},
		},
	} {
		records := []string{ptr, srv, "Home._home-assistant._tcp.local. 10 IN TXT " + c.txt}
		for _, a := range c.addrs {
			records = append(records, "abc.local. 10 IN "+a)
		}
		told := all(t, message(t, records...))
		if len(told) != 1 {
			t.Errorf("%s: told of %+v", c.name, told)
		}
		for _, i := range told {
			if !slices.Equal(i.URLs, c.want) {
				t.Errorf("%s: tried are %q, expected %q", c.name, i.URLs, c.want)
			}
		}
	}
}

// TestMoreIsToldWhenItComes: an address of the other network is news of the same Home Assistant; the same again is none.
func TestMoreIsToldWhenItComes(t *testing.T) {
	c := newCollector()
	c.take(message(t, ptr, srv, txt, addr), theID, theZone)
	if got := c.news(); len(got) != 1 || len(got[0].URLs) != 2 {
		t.Fatalf("at first: %+v", got)
	}
	c.take(message(t, ptr, srv, txt, addr), theID, theZone)
	if got := c.news(); len(got) != 0 {
		t.Errorf("the same again: %+v", got)
	}
	c.take(message(t, "abc.local. 10 IN A 10.0.0.5"), theID, theZone)
	if got := c.news(); len(got) != 1 || got[0].Key != "abc" || len(got[0].URLs) != 4 {
		t.Errorf("another address: %+v", got)
	}
	// Renamed, or announced by a second daemon of the machine: the uuid tells that it is the same.
	c.take(message(t, `_home-assistant._tcp.local. 10 IN PTR Home\ #2._home-assistant._tcp.local.`,
		`Home\ #2._home-assistant._tcp.local. 10 IN SRV 0 0 8123 abc.local.`,
		`Home\ #2._home-assistant._tcp.local. 10 IN TXT "uuid=abc"`), theID, theZone)
	if got := c.news(); len(got) != 0 {
		t.Errorf("under a second name: %+v", got)
	}
}

// TestStrangersAreBounded: what nobody asked for is not remembered, what is shown disturbs no terminal, and a flood ends at the bounds.
func TestStrangersAreBounded(t *testing.T) {
	for name, m := range map[string][]byte{
		"a question":               func() []byte { b := message(t, ptr, srv, txt, addr); b[2] &^= 0x80; return b }(),
		"an answer to another one": func() []byte { b := message(t, ptr, srv, txt, addr); b[0]++; return b }(),
		"a goodbye":                message(t, strings.Replace(ptr, " 10 ", " 0 ", 1), srv, txt, addr),
		"another service":          message(t, strings.ReplaceAll(ptr, "home-assistant", "http"), srv, txt, addr),
		"an odd instance":          message(t, `_home-assistant._tcp.local. 10 IN PTR a.b._home-assistant._tcp.local.`, srv, txt, addr),
		"an odd host":              message(t, ptr, `Home._home-assistant._tcp.local. 10 IN SRV 0 0 8123 a/b.local.`, txt),
		"no port":                  message(t, ptr, `Home._home-assistant._tcp.local. 10 IN SRV 0 0 0 abc.local.`, txt, addr),
		"half a message":           message(t, ptr, srv, txt, addr)[:60],
		"nothing":                  nil,
	} {
		if told := all(t, m); len(told) != 0 {
			t.Errorf("%s: told of %+v", name, told)
		}
	}

	i := all(t, message(t, ptr, srv, addr,
		`Home._home-assistant._tcp.local. 10 IN TXT "location_name=\027[2JEvil\226\128\174 home\000" "version=1\0132" "uuid=\007x"`))["x"]
	if i.Name != "[2JEvil home" || i.Version != "12" {
		t.Errorf("shown is %q %q", i.Name, i.Version)
	}

	c := newCollector()
	for n := range 200 {
		instance := fmt.Sprintf("H%d._home-assistant._tcp.local.", n)
		c.take(message(t, "_home-assistant._tcp.local. 10 IN PTR "+instance, instance+fmt.Sprintf(" 10 IN SRV 0 0 8123 h%d.local.", n)), theID, theZone)
		for a := range 20 {
			c.take(message(t, fmt.Sprintf("h%d.local. 10 IN A 10.0.%d.%d", n, n%250, a)), theID, theZone)
		}
		if _, err := c.questions(theID); err != nil {
			t.Fatal(err)
		}
	}
	addresses := 0
	for _, list := range c.hosts {
		addresses += len(list)
	}
	if len(c.instances) > maxInstances || len(c.hosts) > maxHosts || addresses > maxHosts*maxAddresses {
		t.Errorf("remembered are %d instances and %d addresses of %d hosts", len(c.instances), addresses, len(c.hosts))
	}
}

// TestOnlyTheLinkIsBelieved: an answer from elsewhere than the network that was asked is none (RFC 6762, 11).
func TestOnlyTheLinkIsBelieved(t *testing.T) {
	s := &socket{nets: prefixesOf("192.168.1.7/24", "fd00::7/64")}
	for from, want := range map[string]bool{
		"192.168.1.5": true, "::ffff:192.168.1.5": true, "fd00::1": true, "fe80::1%eth0": true, "192.168.2.5": false, "8.8.8.8": false, "2001:db8::1": false,
	} {
		if got := s.believes(packet{from: mustAddr(from)}); got != want {
			t.Errorf("%s is believed: %t", from, got)
		}
	}
}

// TestWithoutANetwork: a machine that has none says so.
func TestWithoutANetwork(t *testing.T) {
	if err := Find(t.Context(), Options{Interfaces: []net.Interface{}}, nil); err == nil {
		t.Error("a search without a network succeeds")
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x12\x67\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00"))
	m := new(dns.Msg)
	m.Id, m.Response = theID, true
	for _, r := range []string{ptr, srv, txt, addr} {
		if rr, err := dns.NewRR(r); err == nil {
			m.Answer = append(m.Answer, rr)
		}
	}
	if b, err := m.Pack(); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1 {
			b[0], b[1] = theID>>8, theID&0xff
		}
		c := newCollector()
		c.take(b, theID, theZone)
		for _, i := range c.news() {
			if len(i.URLs) == 0 || strings.ContainsFunc(i.Key+i.Name+i.Version+strings.Join(i.URLs, ""), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("told of %+v", i)
			}
		}
		if _, err := c.questions(theID); err != nil {
			t.Errorf("no question after it: %v", err)
		}
	})
}

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func prefixesOf(all ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
