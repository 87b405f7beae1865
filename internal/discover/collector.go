package discover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// service is what is asked for.
const service = "_home-assistant._tcp.local."

// The bounds of what is remembered of strangers.
const (
	maxInstances = 32
	maxHosts     = 64
	maxAddresses = 8
	maxRecords   = 200 // of one message
	maxQuestions = 12  // of one message
)

// collector puts the records of the answers together. It does no I/O. Names are compared as miekg/dns writes them, in small letters.
type collector struct {
	instances map[string]*entry
	order     []string // of instances, as found
	hosts     map[string][]netip.Addr
}

// entry is what is known of one instance.
type entry struct {
	label string // its name, for people
	host  string
	port  uint16
	srv   bool
	text  map[string]string // nil: no TXT record came yet
	told  *Instance         // as it was last told of
}

func newCollector() *collector {
	return &collector{instances: make(map[string]*entry), hosts: make(map[string][]netip.Addr)}
}

// questions is the next message to send: for the service, and for what is missing of the instances that are known.
func (c *collector) questions(id uint16) ([]byte, error) {
	m := new(dns.Msg)
	m.Id = id
	add := func(name string, kind uint16) {
		if len(m.Question) < maxQuestions {
			m.Question = append(m.Question, dns.Question{Name: name, Qtype: kind, Qclass: dns.ClassINET})
		}
	}
	add(service, dns.TypePTR)
	for _, name := range c.order {
		i := c.instances[name]
		switch {
		case !i.srv:
			add(name, dns.TypeSRV)
		case len(c.hosts[i.host]) == 0:
			add(i.host, dns.TypeA)
			add(i.host, dns.TypeAAAA)
		}
		if i.text == nil {
			add(name, dns.TypeTXT)
		}
	}
	return m.Pack()
}

// take reads a message. id is that of the question, zone the network's. It says whether something new came that leaves something
// to ask for.
func (c *collector) take(message []byte, id uint16, zone string) (more bool) {
	m := new(dns.Msg)
	if m.Unpack(message) != nil || !m.Response || m.Id != id || m.Opcode != dns.OpcodeQuery || m.Rcode != dns.RcodeSuccess {
		return false
	}
	records := slices.Concat(m.Answer, m.Extra)
	records = records[:min(len(records), maxRecords)]
	before := c.missing()
	known := len(c.order)
	// In the order that they depend on each other, whatever the message's: what nobody asked for is not remembered.
	for _, r := range records {
		if ptr, ok := r.(*dns.PTR); ok {
			c.takePTR(ptr)
		}
	}
	for _, r := range records {
		i := c.instances[name(r.Header().Name)]
		switch r := r.(type) {
		case *dns.SRV:
			if i != nil && r.Port != 0 && isHostName(r.Target) {
				i.host, i.port, i.srv = name(r.Target), r.Port, true
			}
		case *dns.TXT:
			if i != nil {
				i.text = pairs(r.Txt)
			}
		}
	}
	for _, r := range records {
		switch r := r.(type) {
		case *dns.A:
			c.takeAddress(name(r.Hdr.Name), r.A, "")
		case *dns.AAAA:
			c.takeAddress(name(r.Hdr.Name), r.AAAA, zone)
		}
	}
	after := c.missing()
	return after > 0 && (after < before || len(c.order) > known)
}

func name(s string) string { return strings.ToLower(s) }

// takePTR learns of an instance.
func (c *collector) takePTR(r *dns.PTR) {
	if name(r.Hdr.Name) != service || r.Hdr.Ttl == 0 { // 0 is a goodbye (RFC 6762, 10.1)
		return
	}
	instance := name(r.Ptr)
	labels := dns.SplitDomainName(r.Ptr)
	if len(labels) != 4 || strings.Join(lower(labels[1:]), ".")+"." != service {
		return
	}
	if c.instances[instance] != nil || len(c.instances) == maxInstances {
		return
	}
	c.instances[instance] = &entry{label: printable(unescape(labels[0]))}
	c.order = append(c.order, instance)
}

func lower(labels []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = name(l)
	}
	return out
}

// takeAddress learns an address of a host that somebody named.
func (c *collector) takeAddress(host string, ip []byte, zone string) {
	wanted := false
	for _, i := range c.instances {
		wanted = wanted || i.srv && i.host == host
	}
	a, ok := netip.AddrFromSlice(ip)
	a = a.Unmap()
	if !wanted || !ok || a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() {
		return
	}
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(zone)
	}
	have := c.hosts[host]
	if slices.Contains(have, a) || len(have) == maxAddresses || have == nil && len(c.hosts) == maxHosts {
		return
	}
	c.hosts[host] = append(have, a)
}

// missing counts what is still to be asked for.
func (c *collector) missing() int {
	n := 0
	for _, i := range c.instances {
		if !i.srv || len(c.hosts[i.host]) == 0 {
			n++
		}
		if i.text == nil {
			n++
		}
	}
	return n
}

// news are the instances of which something is known that was not told yet, in the order they were found. Instances that have the
// same uuid are one, whatever their names.
func (c *collector) news() []Instance {
	var all []Instance
	for _, instance := range c.order {
		i := c.instances[instance]
		if i.text == nil || !i.srv {
			continue
		}
		now, ok := c.describe(instance, i)
		if !ok || i.told != nil && slices.Equal(i.told.URLs, now.URLs) && i.told.Name == now.Name && i.told.Version == now.Version {
			continue
		}
		if c.toldOf(now, i) {
			continue
		}
		i.told = &now
		all = append(all, now)
	}
	return all
}

// toldOf says whether another announcement of the same Home Assistant has been told of that says as much.
func (c *collector) toldOf(now Instance, self *entry) bool {
	for _, other := range c.instances {
		if other == self || other.told == nil || other.told.Key != now.Key {
			continue
		}
		if !slices.ContainsFunc(now.URLs, func(u string) bool { return !slices.Contains(other.told.URLs, u) }) {
			return true
		}
	}
	return false
}

// describe makes what people see. It says no when there is no address.
func (c *collector) describe(instance string, s *entry) (Instance, bool) {
	i := Instance{Key: printable(s.text["uuid"]), Name: printable(s.text["location_name"]), Version: printable(s.text["version"])}
	if i.Key == "" {
		i.Key = instance
	}
	if i.Name == "" {
		i.Name = s.label
	}
	if i.Name == "" {
		i.Name = "Home Assistant"
	}
	add := func(u string) {
		if u != "" && !slices.Contains(i.URLs, u) {
			i.URLs = append(i.URLs, u)
		}
	}
	internal, external := usableURL(s.text["internal_url"]), usableURL(s.text["external_url"])
	add(internal)
	if base := usableURL(s.text["base_url"]); base != external {
		add(base)
	}
	// Which scheme is spoken on the port is not announced: that of its own addresses is the likeliest.
	schemes := []string{"http", "https"}
	if internal == "" && strings.HasPrefix(external, "https:") {
		slices.Reverse(schemes)
	}
	for _, a := range sorted(c.hosts[s.host]) {
		for _, scheme := range schemes {
			add(usableURL(fmt.Sprintf("%s://%s", scheme, netip.AddrPortFrom(a, s.port))))
		}
	}
	add(external)
	return i, len(i.URLs) > 0
}

// sorted puts the addresses in the order to try them: IPv4 first, and what needs a zone, which no URL has, not at all.
func sorted(addrs []netip.Addr) []netip.Addr {
	var all []netip.Addr
	for _, a := range addrs {
		if a.Zone() == "" {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return all
}
