package peer

import (
	"strconv"
	"strings"
)

// The payload types of our own offers. They are those browsers use, which keeps traces readable.
const (
	offerOpus    = 111
	offerG722    = 9
	offerPCMU    = 0
	offerPCMA    = 8
	offerEvent48 = 110
	offerEvent8  = 101
	offerH264    = 102
)

const (
	videoClock = 90000

	opusParameters  = "minptime=10;useinbandfec=1"
	eventParameters = "0-15"
	// Constrained Baseline, level 3.1: the one profile every browser decodes (RFC 7742 section 6.2).
	h264Parameters = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
)

// videoFeedback is what the far side may ask of our video. No transport-cc by itself and no REMB: a PBX answers those for its own leg
// only, or wrongly.
var videoFeedback = [...]string{"nack", "nack pli", "ccm fir"}

// format is one payload type of an m-line of ours.
type format struct {
	pt         uint8
	rtpmap     string // "opus/48000/2"
	parameters string // of a=fmtp, may be empty
	feedback   []string
}

func audioOffer() []format {
	return []format{
		{pt: offerOpus, rtpmap: "opus/48000/2", parameters: opusParameters},
		{pt: offerG722, rtpmap: "G722/8000"},
		{pt: offerPCMU, rtpmap: "PCMU/8000"},
		{pt: offerPCMA, rtpmap: "PCMA/8000"},
		{pt: offerEvent8, rtpmap: "telephone-event/8000", parameters: eventParameters},
		{pt: offerEvent48, rtpmap: "telephone-event/48000", parameters: eventParameters},
	}
}

func videoFormat(pt uint8) format {
	return format{pt: pt, rtpmap: "H264/90000", parameters: h264Parameters, feedback: videoFeedback[:]}
}

// audioCodec tells which of the door's codecs a name stands for.
func audioCodec(c codecName) (AudioCodec, bool) {
	switch {
	case c.name == "opus" && c.clock == 48000:
		return AudioCodec{Name: "opus", ClockRate: 48000, Channels: 2}, true
	case c.name == "g722" && c.clock == 8000: // of RTP only: RFC 3551 section 4.5.2
		return AudioCodec{Name: "G722", ClockRate: 8000, Channels: 1}, true
	case c.name == "pcmu" && c.clock == 8000:
		return AudioCodec{Name: "PCMU", ClockRate: 8000, Channels: 1}, true
	case c.name == "pcma" && c.clock == 8000:
		return AudioCodec{Name: "PCMA", ClockRate: 8000, Channels: 1}, true
	}
	return AudioCodec{}, false
}

func audioFormat(pt uint8, c AudioCodec) format {
	f := format{pt: pt, rtpmap: c.Name + "/" + strconv.Itoa(c.ClockRate)}
	if c.Name == "opus" {
		f.rtpmap += "/2"
		f.parameters = opusParameters
	}
	return f
}

func eventFormat(pt uint8, clock int) format {
	return format{pt: pt, rtpmap: "telephone-event/" + strconv.Itoa(clock), parameters: eventParameters}
}

// takesOurVideo tells whether a far side that describes an H.264 payload type like this decodes the door's stream.
// What counts is the profile; no parameters at all are taken as consent to ours, and so is packetization-mode 0, which PBXs
// write for browsers that decode fragments all the same.
func takesOurVideo(c codecName, parameters string) bool {
	if c.name != "h264" || c.clock != videoClock {
		return false
	}
	for p := range strings.SplitSeq(parameters, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(key, "profile-level-id") {
			// profile_idc 66, in hexadecimal, is Baseline with all its constraint flags.
			return len(value) == 6 && strings.HasPrefix(value, "42")
		}
	}
	return true
}

func cutSpace(text string) (first, rest string) {
	first, rest, _ = strings.Cut(text, " ")
	return first, rest
}
