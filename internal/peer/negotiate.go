package peer

import (
	"fmt"
	"slices"
)

// payload says what a packet with a certain payload type is.
type payload struct {
	kind  payloadKind
	codec AudioCodec // of voice
}

type payloadKind uint8

const (
	payloadUnknown payloadKind = iota
	payloadVoice
	payloadEvent
)

// agreement is the outcome of one offer and answer. It never changes once made.
type agreement struct {
	Negotiated
	audioPT, videoPT uint8
	receive          [128]payload
	videoTaken       bool     // the far side's m-line stands, whatever its direction
	answered         []format // of the audio m-line, as the far side numbers them
	// transportCC numbers the header extension that the picture's packets carry, 0 for none. offerCC is the number it may have where
	// the picture is added by an offer of ours: who reports on our sound when asked by itself will report on the picture.
	transportCC, offerCC uint8
}

// addOwn adds the payload types that the far side may use because our first offer named them.
func (a *agreement) addOwn() {
	for _, f := range audioOffer() {
		a.addReceived(f.pt, readRTPMap(f.rtpmap))
	}
}

func readRTPMap(text string) codecName {
	s := section{rtpmap: make(map[uint8]codecName)}
	s.readFormat("rtpmap", "0 "+text)
	return s.rtpmap[0]
}

func (a *agreement) addReceived(pt uint8, c codecName) {
	if codec, ok := audioCodec(c); ok {
		a.receive[pt&127] = payload{kind: payloadVoice, codec: codec}
	} else if c.name == "telephone-event" {
		a.receive[pt&127] = payload{kind: payloadEvent}
	}
}

// plan is how one m-line of an offer is answered; a plan without formats declines it.
type plan struct {
	offered   *section
	formats   []format
	direction direction
	extension uint8 // of transport-wide feedback, 0 for none
}

// agreeAudio reads the audio m-line of an offer or answer into a: the first codec of the door's three decides.
func (a *agreement) agreeAudio(s *section) (formats []format, err error) {
	for _, pt := range s.payloads {
		c := s.codec(pt)
		codec, voice := audioCodec(c)
		switch {
		case voice:
			if a.Audio.Name == "" {
				a.Audio, a.audioPT = codec, pt
			}
			formats = append(formats, audioFormat(pt, codec))
		case c.name == "telephone-event":
			a.TelephoneEvent = true
			formats = append(formats, eventFormat(pt, c.clock))
		default:
			continue
		}
		a.addReceived(pt, c)
	}
	if s.port == 0 || a.Audio.Name == "" {
		return nil, fmt.Errorf("%w: audio m-line with port %d and formats %.8v", ErrNoAudio, s.port, s.formats)
	}
	a.answered = formats
	a.AudioSend = s.wanted().receives()
	a.AudioReceive = s.wanted().sends()
	return formats, nil
}

// agreeVideo reads a video m-line into a; it returns nil formats when the door's stream cannot go there.
func (a *agreement) agreeVideo(s *section) []format {
	if s.port == 0 || !isRTP(s.proto) {
		return nil
	}
	for _, pt := range s.payloads {
		if takesOurVideo(s.codec(pt), s.fmtp[pt]) {
			a.videoPT = pt
			a.Video = s.wanted().receives()
			return []format{videoFormat(pt)}
		}
	}
	return nil
}

func isRTP(proto string) bool { return proto == "UDP/TLS/RTP/SAVPF" || proto == "UDP/TLS/RTP/SAVP" }

// agreeAnswer compares the answer with an offer of ours: m-lines go by position, as RFC 3264 section 6 has it.
func (a *agreement) agreeAnswer(d *description, ours []localSection) error {
	at := indexOf(ours, "audio")
	if at < 0 || at >= len(d.media) {
		return fmt.Errorf("%w: %d m-lines", ErrNoAudio, len(d.media))
	}
	audio := &d.media[at]
	if audio.kind != "audio" || !isRTP(audio.proto) {
		return fmt.Errorf("%w: the first m-line is %s over %s", ErrNoAudio, audio.kind, audio.proto)
	}
	if _, err := a.agreeAudio(audio); err != nil {
		return err
	}
	if at = indexOf(ours, "video"); at >= 0 && at < len(d.media) {
		if video := &d.media[at]; video.kind == "video" && d.bundled(audio, video) {
			a.videoTaken = a.agreeVideo(video) != nil
			if a.videoTaken && ours[at].extension != 0 && video.reports(a.videoPT) == ours[at].extension {
				a.transportCC = ours[at].extension
			}
		}
	}
	return nil
}

// indexOf finds the m-line of a kind that is in use, -1 when there is none.
func indexOf(sections []localSection, kind string) int {
	return slices.IndexFunc(sections, func(s localSection) bool { return s.kind == kind && len(s.formats) > 0 })
}

// agreeOffer works out the answer to a later offer. Payload types of earlier rounds stay readable unless they have got a new
// meaning, as packets that carry them may still be on their way.
func agreeOffer(d *description, before *agreement, videoAllowed bool) (*agreement, []plan, error) {
	a := &agreement{receive: before.receive, offerCC: d.reporting()}
	plans := make([]plan, len(d.media))
	audio := slices.IndexFunc(d.media, func(s section) bool { return s.kind == "audio" && s.port != 0 && isRTP(s.proto) })
	if audio < 0 {
		return nil, nil, fmt.Errorf("%w: no audio m-line offered", ErrNoAudio)
	}
	videoDone := !videoAllowed
	for i := range d.media {
		s := &d.media[i]
		plans[i].offered = s
		switch {
		case i == audio:
			formats, err := a.agreeAudio(s)
			if err != nil {
				return nil, nil, err
			}
			plans[i].formats = formats
			plans[i].direction = s.wanted().mirrored()
		case s.kind == "video" && !videoDone && d.bundled(&d.media[audio], s):
			plans[i].formats = a.agreeVideo(s)
			videoDone = plans[i].formats != nil
			if videoDone && a.offerCC != 0 {
				a.transportCC = s.reports(a.videoPT)
				plans[i].extension = a.transportCC
			}
			a.videoTaken = videoDone
			if a.Video {
				plans[i].direction = sendonly
			}
		}
	}
	return a, plans, nil
}
