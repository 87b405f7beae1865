package peer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// canonical is what the PeerConnection is told in the far side's name, once: its certificate as it is, the far end of the link in
// place of its transport, and media that takes everything we have. Declined video, missing mids, odd parameters and directions stay
// outside; our tracks just do not write.
type canonical struct {
	fingerprint fingerprint
	link        *link
	setup       string
	agreement   *agreement
}

// text is the description.
func (c canonical) text() string {
	var b strings.Builder
	line := func(format string, a ...any) {
		fmt.Fprintf(&b, format, a...)
		b.WriteString("\r\n")
	}
	line("v=0")
	line("o=- 1 1 IN IP4 0.0.0.0")
	line("s=-")
	line("t=0 0")
	line("a=group:BUNDLE 0 1")
	line("a=fingerprint:%s", c.fingerprint)

	section := func(kind, mid, direction string, formats []format) {
		numbers := make([]string, len(formats))
		for i, f := range formats {
			numbers[i] = fmt.Sprint(f.pt)
		}
		line("m=%s 9 UDP/TLS/RTP/SAVPF %s", kind, strings.Join(numbers, " "))
		line("c=IN IP4 0.0.0.0")
		line("a=setup:%s", c.setup)
		line("a=mid:%s", mid)
		line("a=ice-ufrag:%s", c.link.ufrag)
		line("a=ice-pwd:%s", c.link.pwd)
		line("a=rtcp-mux")
		line("a=%s", direction)
		for _, f := range formats {
			line("a=rtpmap:%d %s", f.pt, f.rtpmap)
			if f.parameters != "" {
				line("a=fmtp:%d %s", f.pt, f.parameters)
			}
			for _, fb := range f.feedback {
				line("a=rtcp-fb:%d %s", f.pt, fb)
			}
		}
	}
	voices := c.agreement.voiceFormats()
	section("audio", "0", "sendrecv", voices)
	line("a=candidate:1 1 udp 1 %s %d typ host", linkFar, linkPort)
	line("a=end-of-candidates")
	// An SSRC that nobody uses: whatever a far side may send here is then dropped, not taken for one more stream.
	section("video", "1", "recvonly", []format{videoFormat(freeForVideo(voices))})
	line("a=ssrc:1 cname:none")
	return b.String()
}

// voiceFormats lists all that may come in under the agreement, the codec in use first, each meaning once: pion knows one
// payload type per codec, and a stream's first packet must carry one it knows.
func (a *agreement) voiceFormats() []format {
	formats := []format{audioFormat(a.audioPT, a.Audio)}
	known := []string{formats[0].rtpmap}
	add := func(f format) {
		if !slices.Contains(known, f.rtpmap) {
			known = append(known, f.rtpmap)
			formats = append(formats, f)
		}
	}
	for _, f := range a.answered {
		add(f)
	}
	for _, f := range audioOffer() {
		if !slices.ContainsFunc(formats, func(g format) bool { return g.pt == f.pt }) {
			add(f)
		}
	}
	return formats
}

// freeForVideo is our own payload type for H.264, or another one if the far side speaks with that.
func freeForVideo(taken []format) uint8 {
	for pt := uint8(offerH264); pt < 128; pt++ {
		if !slices.ContainsFunc(taken, func(f format) bool { return f.pt == pt }) {
			return pt
		}
	}
	return 96
}

// usableCandidate leaves out what cannot be reached by UDP from here. That goes for mDNS names too: such a far side is found by the
// checks it sends itself.
func usableCandidate(text string) (string, bool) {
	f := strings.Fields(text)
	if len(f) < 8 || f[1] != "1" || !strings.EqualFold(f[2], "udp") || f[6] != "typ" {
		return "", false
	}
	a, err := netip.ParseAddr(f[4])
	if err != nil || a.IsUnspecified() || (a.Is6() && a.IsLinkLocalUnicast()) {
		return "", false
	}
	switch f[7] {
	case "host", "srflx", "prflx", "relay":
	default:
		return "", false
	}
	for _, number := range []string{f[3], f[5]} {
		if len(number) == 0 || len(number) > 10 || strings.Trim(number, "0123456789") != "" {
			return "", false
		}
	}
	f[2] = "udp"
	return strings.Join(f[:8], " "), true
}
