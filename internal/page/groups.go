package page

import (
	"fmt"
	"strings"

	"doorstation/internal/control"
)

// groups are the parts of the door, and what there is to know of each.
func groups(s control.Status) []group {
	all := []group{
		{Title: "Telephone", Rows: telephone(s)},
		{Title: "Door", Rows: door(s)},
		{Title: "Camera", Rows: cameraRows(s.Camera, s.Page)},
		{Title: "Sound", Rows: soundRows(s.Sound)},
	}
	for i := range all {
		if all[i].Rows == nil {
			all[i].Rows = []row{}
		}
	}
	return all
}

func telephone(s control.Status) []row {
	r := s.Registration
	rows := []row{{Name: "Registration", Value: capital(r.State), Mood: moodOf(r.State == "registered"), Word: "since", Time: r.Since}}
	if r.Extension != "" {
		value := r.Extension
		if r.BackupUser {
			value += ", SIP Core's backup user"
		}
		rows = append(rows, row{Name: "Extension", Value: value})
	}
	if r.Server != "" {
		rows = append(rows, row{Name: "Exchange", Value: r.Server + by(r.Transport)})
	}
	if r.Error != "" {
		rows = append(rows, row{Name: "It said", Value: r.Error, Mood: moodBad})
	}
	if r.Retry != nil {
		rows = append(rows, row{Name: "Next attempt", Time: r.Retry})
	}
	origin := map[string]string{"fresh": "From Home Assistant", "kept": "Kept from before the start", "none": "None yet"}[s.Settings.Origin]
	if origin != "" {
		if s.Settings.Refused {
			origin += "; the newest are refused"
		}
		mood := moodOf(s.Settings.Origin == "fresh" && !s.Settings.Refused)
		if mood == moodBad && s.Settings.Origin != "none" {
			mood = moodWarn
		}
		rows = append(rows, row{Name: "SIP Core’s settings", Value: origin, Mood: mood, Word: "as of", Time: s.Settings.Fetched})
	}
	if w := s.WarmOffers; w.Want > 0 {
		mood := moodGood
		if w.Ready < w.Want {
			mood = moodWarn
		}
		rows = append(rows, row{Name: "Ways for a call (ICE)", Value: fmt.Sprintf("%d of %d ready", w.Ready, w.Want), Mood: mood})
	}
	if text := s.ICE.Addresses(); text != "" {
		rows = append(rows, row{Name: "Addresses for it", Value: text})
	}
	if n := s.ICE.Servers; n > 0 {
		value := count(n, "STUN or TURN server")
		if s.ICE.RelayOnly {
			value += ", everything by TURN"
		}
		rows = append(rows, row{Name: "Servers", Value: value})
	}
	c := s.Calls
	rows = append(rows, row{Name: "Since the start", Value: fmt.Sprintf("%s, %d answered", count(c.Visits, "visit"), c.Answered)})
	if c.Looks > 0 || c.RefusedCallers > 0 {
		rows = append(rows, row{Name: "Calls to the door", Value: fmt.Sprintf("%d answered, %d refused", c.Looks, c.RefusedCallers)})
	}
	return rows
}

func by(transport string) string {
	switch transport {
	case "":
		return ""
	case "ingress":
		return ", through Home Assistant"
	case "custom_wss_url":
		return ", by custom_wss_url"
	default:
		return ", by " + strings.ToUpper(transport)
	}
}

func door(s control.Status) []row {
	rows := []row{lockRow(s)}
	switch s.Door.Contact {
	case "open":
		rows = append(rows, row{Name: "Door", Value: "Stands open", Mood: moodWarn})
	case "closed":
		rows = append(rows, row{Name: "Door", Value: "Shut", Mood: moodGood})
	}
	if s.Door.Tamper {
		rows = append(rows, row{Name: "Tamper switch", Value: "Alarm", Mood: moodBad})
	}
	if s.Door.WrongCodes > 0 {
		value := count(s.Door.WrongCodes, "wrong code")
		if s.Door.LockOuts > 0 {
			value += fmt.Sprintf(", locked out %d×", s.Door.LockOuts)
		}
		rows = append(rows, row{Name: "Codes", Value: value, Mood: moodWarn})
	}
	if has(s.GPIO.Light) {
		rows = append(rows, row{Name: "Light", Value: capital(s.GPIO.Light), Mood: faulty(s.GPIO.Light)})
	}
	for _, b := range s.GPIO.Buttons {
		rows = append(rows, buttonRow(b))
	}
	if s.GPIO.Chip != "header" && s.GPIO.Chip != "" {
		value := map[string]string{"simulated": "Simulated: no pins, for a trial", "absent": "No GPIO chip"}[s.GPIO.Chip]
		rows = append(rows, row{Name: "Pins", Value: value, Mood: moodWarn})
	}
	return rows
}

func lockRow(s control.Status) row {
	r := row{Name: "Lock"}
	switch s.GPIO.Lock {
	case "on":
		r.Value, r.Mood = "Open", moodBusy
	case "off":
		r.Value, r.Mood = "Locked", moodGood
	case "fault":
		r.Value, r.Mood = "Fault", moodBad
	default:
		r.Value = "None"
		return r
	}
	switch s.Door.Mode {
	case "held":
		r.Value, r.Mood, r.Word, r.Time = "Held open", moodBusy, "until", s.Door.Until
	case "blocked":
		r.Value, r.Mood = "Locked: nothing opens it", moodWarn
		if s.Door.Blocked == "tamper" {
			r.Value += " after the tamper alarm"
		}
	}
	if n := s.GPIO.LockOpenings; n > 0 {
		r.Value += fmt.Sprintf(", opened %d×", n)
	}
	return r
}

func buttonRow(b control.Button) row {
	r := row{Name: quoted(b.Name), Value: count(b.Presses, "press"), Mood: faulty(b.Level)}
	if b.Level == "on" {
		r.Value += ", pressed now"
	}
	if b.Glitches > 0 {
		r.Value += ", " + count(b.Glitches, "glitch")
	}
	switch b.Edges {
	case "proven":
		r.Value += ", its line works"
	case "polled":
		r.Value += ", read ten times a second"
	}
	return r
}

func cameraRows(c control.Camera, p control.Page) []row {
	state := map[string]string{
		"idle": "Off: nobody watches", "running": "Filming", "restarting": "Starting again after a failure", "failed": "Failed, tried again",
	}[c.State]
	if state == "" {
		state = capital(c.State)
	}
	rows := []row{{Name: "Camera", Value: state, Mood: moodOf(c.State == "idle" || c.State == "running")}}
	device := c.Source
	if c.Device != "" {
		device = c.Device
	}
	rows = append(rows, row{Name: "Source", Value: device},
		row{Name: "Picture", Value: fmt.Sprintf("%d × %d, %d a second, %d kbit/s", c.Width, c.Height, c.Framerate, (c.Bitrate+500)/1000)})
	if c.Encoder != "" {
		rows = append(rows, row{Name: "Encoder", Value: c.Encoder})
	}
	if c.BitrateCause != "" {
		rows = append(rows, row{Name: "Network", Value: "Holds the picture’s rate down", Mood: moodWarn})
	}
	watching := "Nobody"
	if calls := c.Readers - p.Viewers; calls > 0 || p.Viewers > 0 {
		watching = fmt.Sprintf("%s, %s", count(max(calls, 0), "call"), count(p.Viewers, "status page"))
	}
	return append(rows, row{Name: "Who watches", Value: watching})
}

// pictureOf is what is said of the picture; the text stands in its place while it is not shown.
func pictureOf(s control.Status) pictureView {
	p := pictureView{
		Viewers: s.Page.Viewers, Width: s.Camera.Width, Height: s.Camera.Height, Text: "The picture is off.",
		Failing: s.Camera.State == "failed" || s.Camera.State == "restarting", Light: has(s.GPIO.Light),
	}
	if p.Failing {
		p.Text = "The camera gives no picture just now."
	}
	return p
}

// has tells whether there is such a line.
func has(line string) bool { return line != "absent" && line != "" }

func soundRows(s control.Sound) []row {
	state := map[string]string{"idle": "Off: no call", "running": "On", "failed": "Failed, tried again"}[s.State]
	if state == "" {
		state = capital(s.State)
	}
	rows := []row{
		{Name: "Sound", Value: state, Mood: moodOf(s.State != "failed")},
		{Name: "Device", Value: s.Device},
		{Name: "Volume", Value: fmt.Sprintf("%d of 100", s.Volume)},
	}
	if echo := map[string]string{
		"learning": "Not known yet: one speaks at a time", "full_duplex": "Taken out", "half_duplex": "Can’t be taken out: one speaks at a time",
	}[s.Echo]; echo != "" {
		rows = append(rows, row{Name: "Echo", Value: echo})
	}
	if c := s.Call; c != nil && (c.MicrophoneMuted || c.LoudspeakerMuted) {
		rows = append(rows, row{Name: "Muted", Value: muted(*c), Mood: moodWarn})
	}
	return rows
}

func muted(c control.CallSound) string {
	switch {
	case c.MicrophoneMuted && c.LoudspeakerMuted:
		return "Microphone and loudspeaker, for this call"
	case c.MicrophoneMuted:
		return "Microphone, for this call"
	default:
		return "Loudspeaker, for this call"
	}
}

func moodOf(good bool) string {
	if good {
		return moodGood
	}
	return moodBad
}

// faulty is bad for a line that can't be read or driven.
func faulty(level string) string {
	if level == "fault" {
		return moodBad
	}
	return ""
}

// count is "1 visit" or "2 visits".
func count(n int, what string) string { return control.Count(uint64(max(n, 0)), what) }
