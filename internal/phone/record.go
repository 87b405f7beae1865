package phone

import (
	"log/slog"

	"doorstation/internal/audio"
	"doorstation/internal/station"
)

// logEnd writes the one line that tells a whole visit.
func (v *visit) logEnd(m *media, outcome station.Outcome) {
	v.mu.Lock()
	targets := make([]any, 0, len(v.request.Targets))
	for _, t := range v.request.Targets {
		o, ok := v.results[t]
		if !ok {
			o = station.OutcomeCancelled
		}
		targets = append(targets, slog.String(t, string(o)))
	}
	v.mu.Unlock()
	attrs := []any{
		"visit", uint64(v.id), "button", v.request.Button, "outcome", string(outcome), slog.Group("targets", targets...),
	}
	if m == nil {
		v.phone.opt.Log.Info("visit ended", attrs...)
		return
	}
	c := m.call
	s := c.peer.Stats()
	var sound audio.Stats
	if m.stream != nil {
		sound = m.stream.Stats()
		c.watch.mark(MarkFarSound, sound.FirstFarSound)
	}
	attrs = append(attrs, "answered_by", c.target, slog.Group("after_press", c.watch.attrs()...))
	attrs = append(attrs,
		slog.Group("audio_sent", "packets", s.AudioSent.Packets, "bytes", s.AudioSent.Bytes, "lost", s.AudioSent.Lost),
		slog.Group("audio_received", "packets", s.AudioReceived.Packets, "bytes", s.AudioReceived.Bytes, "lost", s.AudioReceived.Lost),
		slog.Group("video_sent", "packets", s.VideoSent.Packets, "bytes", s.VideoSent.Bytes, "lost", s.VideoSent.Lost, "resent", s.Resent, "key_frame_requests", s.KeyFrameRequests),
		"local_candidate", s.LocalCandidate, "remote_candidate", s.RemoteCandidate,
	)
	if m.stream != nil {
		attrs = append(attrs, slog.Group("level_dbfs", "near", sound.NearLevelDBFS, "far", sound.FarLevelDBFS))
	}
	if silent := silentDirections(s.AudioSent.Packets, s.AudioReceived.Packets, s.VideoSent.Packets, m.negotiated().Video); silent != "" {
		attrs = append(attrs, "silent", silent)
	}
	c.mu.Lock()
	end := c.end
	c.mu.Unlock()
	attrs = append(attrs, "ended_by", string(end.By))
	v.phone.opt.Log.Info("visit ended", attrs...)
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
