package peer

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Bounds on what is read from a description; all are far above what any PBX sends.
const (
	maxSDPBytes      = 64 << 10
	maxSections      = 16
	maxCandidates    = 32
	maxFormats       = 128
	maxFingerprints  = 8
	typicalSDPLength = 2048
)

// direction is what the author of a description wants to do with a stream.
type direction uint8

const (
	inactive direction = 0
	sendonly direction = 1
	recvonly direction = 2
	sendrecv direction = 3
)

func (d direction) String() string {
	return [...]string{"inactive", "sendonly", "recvonly", "sendrecv"}[d&3]
}

func (d direction) sends() bool    { return d&sendonly != 0 }
func (d direction) receives() bool { return d&recvonly != 0 }

// mirrored is the same stream seen from the other side.
func (d direction) mirrored() direction {
	return (d&sendonly)<<1 | (d&recvonly)>>1
}

// codecName is an a=rtpmap value.
type codecName struct {
	name     string // lower case
	clock    int
	channels int
}

// section is one m-line with what belongs to it; values of the session level are filled in where it has none.
type section struct {
	kind, proto  string
	port         int
	formats      []string // as written, for an m-line that is declined
	payloads     []uint8  // those of the formats that are RTP payload types
	rtpmap       map[uint8]codecName
	fmtp         map[uint8]string
	held         bool // c= says 0.0.0.0 with a port that is meant, the hold of RFC 2543
	hasAddress   bool
	mid          string
	hasDirection bool
	direction    direction
	setup        string
	ufrag, pwd   string
	fingerprints []fingerprint
	candidates   []string
	congestion   []string // payload types with feedback transport-cc, or "*"
	extension    uint8    // the number of its header extension, 0 when there is none that we may send
}

// description is a session description as far as a call needs it.
type description struct {
	session section // only the attributes that may stand at session level
	name    string  // of the session
	iceLite bool
	bundles [][]string
	media   []section
}

// readSDP reads a description from the far side. It is lenient in everything that does not matter and never fails on an
// unknown line; what it returns is bounded in size.
func readSDP(text string) (description, error) {
	var d description
	if len(text) > maxSDPBytes {
		return d, fmt.Errorf("%w: %d bytes are more than the limit of %d", ErrSDP, len(text), maxSDPBytes)
	}
	current := &d.session
	current.direction = sendrecv
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n \t")
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		value := line[2:]
		switch line[0] {
		case 'm':
			if len(d.media) == maxSections {
				return d, fmt.Errorf("%w: more than %d m-lines", ErrSDP, maxSections)
			}
			s, err := readMediaLine(value)
			if err != nil {
				return d, err
			}
			d.media = append(d.media, s)
			current = &d.media[len(d.media)-1]
		case 's':
			d.name = value
		case 'c':
			current.hasAddress = true
			current.held = isUnspecified(value)
		case 'a':
			key, rest, _ := strings.Cut(value, ":")
			if !d.readSessionAttribute(key, rest) {
				current.readAttribute(key, strings.TrimSpace(rest))
			}
		}
	}
	if len(d.media) == 0 {
		return d, fmt.Errorf("%w: no m-line", ErrSDP)
	}
	for i := range d.media {
		d.media[i].inherit(d.session)
	}
	return d, nil
}

// readMediaLine reads "audio 9 UDP/TLS/RTP/SAVPF 111 0".
func readMediaLine(value string) (section, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return section{}, fmt.Errorf("%w: m-line %.40q", ErrSDP, value)
	}
	portText, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return section{}, fmt.Errorf("%w: port in m-line %.40q", ErrSDP, value)
	}
	s := section{
		kind: strings.ToLower(f[0]), port: int(port), proto: f[2], formats: f[3:],
		rtpmap: make(map[uint8]codecName), fmtp: make(map[uint8]string), direction: sendrecv,
	}
	if len(s.formats) > maxFormats {
		return section{}, fmt.Errorf("%w: more than %d formats in an m-line", ErrSDP, maxFormats)
	}
	for _, t := range s.formats {
		if pt, ok := readPayloadType(t); ok && !slices.Contains(s.payloads, pt) {
			s.payloads = append(s.payloads, pt)
		}
	}
	return s, nil
}

// readPayloadType reads a number from 0 to 127. The types that would be taken for RTCP (RFC 5761 section 4) are no use.
func readPayloadType(t string) (uint8, bool) {
	n, err := strconv.ParseUint(t, 10, 8)
	if err != nil || n > 127 || (n >= 64 && n <= 95) {
		return 0, false
	}
	return uint8(n), true
}

func isUnspecified(connection string) bool {
	f := strings.Fields(connection)
	if len(f) < 3 {
		return false
	}
	host, _, _ := strings.Cut(f[2], "/")
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsUnspecified()
}

func (d *description) readSessionAttribute(key, value string) bool {
	switch key {
	case "ice-lite":
		d.iceLite = true
	case "group":
		if f := strings.Fields(value); len(f) > 1 && strings.EqualFold(f[0], "BUNDLE") && len(d.bundles) < maxSections {
			d.bundles = append(d.bundles, f[1:])
		}
	default:
		return false
	}
	return true
}

func (s *section) readAttribute(key, value string) {
	switch key {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		s.hasDirection = true
		for _, d := range []direction{inactive, sendonly, recvonly, sendrecv} {
			if d.String() == key {
				s.direction = d
			}
		}
	case "mid":
		s.mid = firstField(value)
	case "setup":
		s.setup = strings.ToLower(value)
	case "ice-ufrag":
		s.ufrag = firstField(value)
	case "ice-pwd":
		s.pwd = firstField(value)
	case "fingerprint":
		if f, ok := parseFingerprint(value); ok && len(s.fingerprints) < maxFingerprints {
			s.fingerprints = append(s.fingerprints, f)
		}
	case "candidate":
		if len(s.candidates) < maxCandidates {
			s.candidates = append(s.candidates, value)
		}
	case "rtpmap", "fmtp":
		s.readFormat(key, value)
	case "rtcp-fb", "extmap":
		s.readCongestion(key, value)
	}
}

func firstField(value string) string {
	value, _, _ = strings.Cut(strings.TrimSpace(value), " ")
	return value
}

func (s *section) readFormat(key, value string) {
	number, rest, _ := strings.Cut(value, " ")
	pt, ok := readPayloadType(number)
	if !ok || s.rtpmap == nil {
		return
	}
	if key == "fmtp" {
		s.fmtp[pt] = strings.TrimSpace(rest)
		return
	}
	parts := strings.Split(strings.TrimSpace(rest), "/")
	if len(parts) < 2 {
		return
	}
	clock, err := strconv.ParseUint(parts[1], 10, 24)
	if err != nil || clock == 0 {
		return
	}
	c := codecName{name: strings.ToLower(parts[0]), clock: int(clock), channels: 1}
	if len(parts) > 2 {
		if n, wrong := strconv.ParseUint(parts[2], 10, 4); wrong == nil && n > 0 {
			c.channels = int(n)
		}
	}
	s.rtpmap[pt] = c
}

// inherit fills in what the session level says for all m-lines.
func (s *section) inherit(session section) {
	if !s.hasAddress {
		s.held = session.held
	}
	// Port 9 goes with 0.0.0.0 where addresses are told by candidates alone (RFC 8840 section 4.1.3): no hold.
	s.held = s.held && s.port != 0 && s.port != 9
	if !s.hasDirection && session.hasDirection {
		s.direction = session.direction
	}
	if s.setup == "" {
		s.setup = session.setup
	}
	if s.ufrag == "" && s.pwd == "" {
		s.ufrag, s.pwd = session.ufrag, session.pwd
	}
	if len(s.fingerprints) == 0 {
		s.fingerprints = session.fingerprints
	}
	if len(s.candidates) == 0 {
		s.candidates = session.candidates
	}
}

// codec tells what a payload type of the m-line stands for, the static ones of RFC 3551 included.
func (s *section) codec(pt uint8) codecName {
	if c, ok := s.rtpmap[pt]; ok {
		return c
	}
	switch pt {
	case 0:
		return codecName{"pcmu", 8000, 1}
	case 8:
		return codecName{"pcma", 8000, 1}
	case 9:
		return codecName{"g722", 8000, 1}
	}
	return codecName{}
}

// wanted is the direction that is meant, the old way to hold included.
func (s *section) wanted() direction {
	if s.held {
		return s.direction &^ recvonly
	}
	return s.direction
}

// bundled tells whether two m-lines share a transport (RFC 9143), be it by group or by the same credentials.
func (d *description) bundled(a, b *section) bool {
	if a.ufrag == b.ufrag {
		return true
	}
	for _, g := range d.bundles {
		if a.mid != "" && b.mid != "" && slices.Contains(g, a.mid) && slices.Contains(g, b.mid) {
			return true
		}
	}
	return false
}
