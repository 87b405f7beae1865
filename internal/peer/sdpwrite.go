package peer

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"
)

// stream is what our descriptions say about a stream of ours.
type stream struct {
	ssrc  uint32
	track string
}

// local holds what goes into every description of ours.
type local struct {
	session     uint64 // o= session id; the version counts up with each description (RFC 3264 section 8)
	version     uint64
	cname       string
	fingerprint string
	ufrag, pwd  string
	setup       string
	candidates  []webrtc.ICECandidate
	hideBases   bool // leave no trace of the addresses behind a relay
	audio       stream
	video       stream
}

// localSection is one m-line of ours; one without formats is declined.
type localSection struct {
	kind, proto, mid string
	declined         []string // the formats a declined m-line repeats
	formats          []format
	direction        direction
	stream           stream
	extension        uint8 // of transport-wide feedback, 0 for none
}

// write makes the text of a description.
func (l *local) write(sections []localSection) string {
	var b strings.Builder
	b.Grow(typicalSDPLength)
	line := func(format string, a ...any) {
		fmt.Fprintf(&b, format, a...)
		b.WriteString("\r\n")
	}
	address, port := bestAddress(l.candidates)
	family := "IP4"
	if address.Is6() {
		family = "IP6"
	}
	line("v=0")
	line("o=- %d %d IN %s %s", l.session, l.version, family, address)
	line("s=-")
	line("t=0 0")
	var bundle []string
	for _, s := range sections {
		if len(s.formats) > 0 && s.mid != "" {
			bundle = append(bundle, s.mid)
		}
	}
	if len(bundle) > 0 {
		line("a=group:BUNDLE %s", strings.Join(bundle, " "))
	}
	line("a=msid-semantic:WMS *")
	line("a=fingerprint:%s", l.fingerprint)
	candidatesDone := false
	for _, s := range sections {
		if len(s.formats) == 0 {
			declined := strings.Join(s.declined, " ")
			if declined == "" {
				declined = "0"
			}
			line("m=%s 0 %s %s", s.kind, s.proto, declined)
			if s.mid != "" {
				line("a=mid:%s", s.mid)
			}
			line("a=inactive")
			continue
		}
		numbers := make([]string, len(s.formats))
		for i, f := range s.formats {
			numbers[i] = strconv.Itoa(int(f.pt))
		}
		line("m=%s %d %s %s", s.kind, port, s.proto, strings.Join(numbers, " "))
		line("c=IN %s %s", family, address)
		line("a=setup:%s", l.setup)
		if s.mid != "" {
			line("a=mid:%s", s.mid)
		}
		line("a=ice-ufrag:%s", l.ufrag)
		line("a=ice-pwd:%s", l.pwd)
		line("a=rtcp-mux")
		line("a=%s", s.direction)
		for _, f := range s.formats {
			line("a=rtpmap:%d %s", f.pt, f.rtpmap)
			if f.parameters != "" {
				line("a=fmtp:%d %s", f.pt, f.parameters)
			}
			for _, fb := range f.feedback {
				line("a=rtcp-fb:%d %s", f.pt, fb)
			}
			if s.extension != 0 {
				line("a=rtcp-fb:%d %s", f.pt, transportCC)
			}
		}
		if s.extension != 0 {
			line("a=extmap:%d %s", s.extension, transportCCURI)
		}
		line("a=ssrc:%d cname:%s", s.stream.ssrc, l.cname)
		line("a=msid:%s %s", l.cname, s.stream.track)
		if !candidatesDone {
			// All m-lines share the transport of the first one.
			for _, c := range l.candidates {
				line("a=candidate:%s", candidateText(c, l.hideBases))
			}
			line("a=end-of-candidates")
			candidatesDone = true
		}
	}
	return b.String()
}

// offerSections are the m-lines of a first offer.
func (l *local) offerSections(video bool) []localSection {
	sections := []localSection{{
		kind: "audio", proto: "UDP/TLS/RTP/SAVPF", mid: "0", formats: audioOffer(), direction: sendrecv, stream: l.audio,
	}}
	if video {
		sections = append(sections, localSection{
			kind: "video", proto: "UDP/TLS/RTP/SAVPF", mid: "1", formats: []format{videoFormat(offerH264)},
			direction: sendonly, stream: l.video,
		})
	}
	return sections
}

// answerSections are the m-lines of an answer, in the order of the offer.
func (l *local) answerSections(plans []plan) []localSection {
	sections := make([]localSection, len(plans))
	for i, p := range plans {
		sections[i] = localSection{
			kind: p.offered.kind, proto: p.offered.proto, mid: p.offered.mid, declined: p.offered.formats,
			formats: p.formats, direction: p.direction, stream: l.audio, extension: p.extension,
		}
		if p.offered.kind == "video" {
			sections[i].stream = l.video
		}
	}
	return sections
}

// bestAddress is the default candidate (RFC 8445 section 5.1.4): the one that most likely reaches a far side without ICE,
// IPv4 first. Asterisk takes an unspecified address in c= for hold, so there must be a real one.
func bestAddress(candidates []webrtc.ICECandidate) (netip.Addr, int) {
	rank := func(c webrtc.ICECandidate, a netip.Addr) int {
		r := 0
		switch c.Typ {
		case webrtc.ICECandidateTypeRelay:
			r = 4
		case webrtc.ICECandidateTypeSrflx:
			r = 2
		}
		if a.Is4() {
			r += 8
		}
		return r
	}
	best, address, port := -1, netip.IPv4Unspecified(), 9
	for _, c := range candidates {
		a, err := netip.ParseAddr(c.Address)
		if err != nil {
			continue
		}
		a = a.Unmap()
		if r := rank(c, a); r > best {
			best, address, port = r, a, int(c.Port)
		}
	}
	return address, port
}

// candidateText is RFC 8839 section 5.1 without extensions. Where only relays are allowed, the related address is hidden as
// that section permits, for it would be the door's own.
func candidateText(c webrtc.ICECandidate, hideBase bool) string {
	text := fmt.Sprintf("%s 1 udp %d %s %d typ %s", c.Foundation, c.Priority, c.Address, c.Port, c.Typ)
	if c.RelatedAddress != "" {
		if hideBase {
			return text + " raddr " + unspecifiedLike(c.Address) + " rport 0"
		}
		text += fmt.Sprintf(" raddr %s rport %d", c.RelatedAddress, c.RelatedPort)
	}
	return text
}

func unspecifiedLike(address string) string {
	if strings.Contains(address, ":") {
		return "::"
	}
	return "0.0.0.0"
}
