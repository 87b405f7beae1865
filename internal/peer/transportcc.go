package peer

import (
	"slices"
	"strconv"
	"strings"
)

// maxExtension is the highest number of a header extension in the one-byte form (RFC 8285 section 4.2).
const maxExtension = 14

// readCongestion reads what an m-line says of transport-wide feedback: "a=rtcp-fb:96 transport-cc" (RFC 4585 section 4.2) and
// "a=extmap:3 URI" (RFC 8285 section 5).
func (s *section) readCongestion(key, value string) {
	f := strings.Fields(value)
	if len(f) < 2 {
		return
	}
	if key == "rtcp-fb" {
		if f[1] == transportCC && len(s.congestion) < maxFormats {
			s.congestion = append(s.congestion, f[0])
		}
		return
	}
	number, way, _ := strings.Cut(f[0], "/")
	id, err := strconv.ParseUint(number, 10, 8)
	if err != nil || id == 0 || id > maxExtension || f[1] != transportCCURI || way == sendonly.String() || way == inactive.String() {
		return
	}
	s.extension = uint8(id)
}

// reports is the number of the header extension when the far side reports on packets of a payload type that carry it, else 0.
func (s *section) reports(pt uint8) uint8 {
	if slices.Contains(s.congestion, "*") || slices.Contains(s.congestion, strconv.Itoa(int(pt))) {
		return s.extension
	}
	return 0
}

// reporting is the number that the far side's offer gives the header extension of transport-wide feedback on an m-line that we
// may send on; 0 when it knows of none, or is known not to be able to. Asterisk is: it gives itself away by the session's name
// unless told another, in which case its reports will.
func (d *description) reporting() uint8 {
	if strings.Contains(strings.ToLower(d.name), "asterisk") {
		return 0
	}
	for i := range d.media {
		s := &d.media[i]
		for _, pt := range s.payloads {
			if id := s.reports(pt); id != 0 {
				return id
			}
		}
	}
	return 0
}
