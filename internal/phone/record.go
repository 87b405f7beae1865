package phone

import (
	"log/slog"

	"doorstation/internal/audio"
	"doorstation/internal/station"
)

// logUnanswered writes the one line that tells a visit nobody talked on. Its stopwatch has the first of each moment, whichever
// target it belongs to.
func (v *visit) logUnanswered(all []*reach, outcome station.Outcome) {
	var first stopwatch
	for _, r := range all {
		first.earliest(&r.watch)
	}
	attrs := append(v.summary(outcome), slog.Group("after_press", first.attrs()...))
	v.phone.opt.Log.Info("visit ended", attrs...)
}

// logTalk writes the one line that tells a whole visit.
func (v *visit) logTalk(target string, m *media, outcome station.Outcome) {
	attrs := append(v.summary(outcome), "answered_by", target)
	v.phone.opt.Log.Info("visit ended", append(attrs, m.attrs("after_press")...)...)
}

// attrs tell of the media of a call that was up; after names the group of the stopwatch.
func (m *media) attrs(after string) []any {
	c := m.call
	s := c.peer.Stats()
	var sound audio.Stats
	if m.stream != nil {
		sound = m.stream.Stats()
		c.watch.mark(MarkFarSound, sound.FirstFarSound)
	}
	attrs := []any{
		slog.Group(after, c.watch.attrs()...),
		slog.Group("audio_sent", "packets", s.AudioSent.Packets, "bytes", s.AudioSent.Bytes, "lost", s.AudioSent.Lost),
		slog.Group("audio_received", "packets", s.AudioReceived.Packets, "bytes", s.AudioReceived.Bytes, "lost", s.AudioReceived.Lost),
		slog.Group("video_sent", "packets", s.VideoSent.Packets, "bytes", s.VideoSent.Bytes, "lost", s.VideoSent.Lost, "asked_again", s.NACKs, "resent", s.Resent, "key_frame_requests", s.KeyFrameRequests),
		c.rateAttr(),
		"local_candidate", s.LocalCandidate, "remote_candidate", s.RemoteCandidate, "ice_restarts", c.restarts.Load(),
	}
	if m.stream != nil {
		attrs = append(attrs, slog.Group("level_dbfs", "near", sound.NearLevelDBFS, "far", sound.FarLevelDBFS),
			slog.Group("far_voice", "delay", sound.Delay, "target", sound.Target, "lost", sound.Lost, "late", sound.Late, "rebuilt", sound.Recovered,
				"made_up", sound.Concealed, "shortened", sound.Shortened, "lengthened", sound.Lengthened))
	}
	if silent := silentDirections(s.AudioSent.Packets, s.AudioReceived.Packets, s.VideoSent.Packets, m.negotiated().Video); silent != "" {
		attrs = append(attrs, "silent", silent)
	}
	return append(attrs, "ended_by", c.endedBy())
}

// summary is what every visit's line begins with.
func (v *visit) summary(outcome station.Outcome) []any {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.request.Plan.Targets()
	targets := make([]any, 0, len(all))
	for _, t := range all {
		o, ok := v.results[t]
		if !ok {
			o = station.OutcomeCancelled
		}
		targets = append(targets, slog.String(t, string(o)))
	}
	return []any{
		"visit", uint64(v.id), "button", v.request.Button, "outcome", string(outcome), slog.Group("targets", targets...),
	}
}

// silentDirections names the directions in which nothing moved.
func silentDirections(audioSent, audioReceived, videoSent uint64, video bool) string {
	out := ""
	add := func(s string) {
		if out != "" {
			out += ","
		}
		out += s
	}
	if audioSent == 0 {
		add("audio_sent")
	}
	if audioReceived == 0 {
		add("audio_received")
	}
	if video && videoSent == 0 {
		add("video_sent")
	}
	return out
}
