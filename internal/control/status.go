package control

import (
	"math"
	"time"
)

// Status is everything `doorstation status` tells. The JSON names are kept, so that scripts may rely on them; times are
// RFC 3339 and null when there is none.
type Status struct {
	Version      string       `json:"version"`
	Started      time.Time    `json:"started"`
	Registration Registration `json:"registration"`
	Settings     Settings     `json:"settings"`
	Visit        Visit        `json:"visit"`
	Look         *Look        `json:"look"`
	GPIO         GPIO         `json:"gpio"`
	Door         Door         `json:"door"`
	Camera       Camera       `json:"camera"`
	Sound        Sound        `json:"sound"`
	Calls        Calls        `json:"calls"`
	WarmOffers   WarmOffers   `json:"warm_offers"`
	ICE          ICE          `json:"ice"`
	// Visits are those that have ended since the start, the newest first, 50 at most.
	Visits  []PastVisit `json:"visits"`
	Page    Page        `json:"page"`
	Faults  []Fault     `json:"faults"`
	Runtime Runtime     `json:"runtime"`
}

// Runtime is what the agent's process holds, to tell one that leaks: both figures come back to about the same value
// between visits.
type Runtime struct {
	Goroutines int `json:"goroutines"`
	// HeapBytes is what the last garbage collection found alive on the Go heap.
	HeapBytes uint64 `json:"heap_bytes"`
}

// Registration is how the door stands at the PBX.
type Registration struct {
	// State is starting, registering, registered, refused, unreachable or offline.
	State     string `json:"state"`
	Extension string `json:"extension"`
	// BackupUser: the door runs on SIP Core's backup_user.
	BackupUser bool   `json:"backup_user"`
	Server     string `json:"server"`
	// Transport is ingress, custom_wss_url, ws, wss, udp, tcp or tls.
	Transport string     `json:"transport"`
	Expires   *time.Time `json:"expires"`
	// Retry is when the next attempt is due; null while registered or trying.
	Retry *time.Time `json:"retry"`
	Since *time.Time `json:"since"`
	Error string     `json:"error,omitempty"`
}

// Settings is where the door's settings come from.
type Settings struct {
	// Origin is fresh (from Home Assistant since the start), kept (from before the start) or none.
	Origin string `json:"origin"`
	// Fetched is when Home Assistant gave them, or last said that they have not changed.
	Fetched *time.Time `json:"fetched"`
	// Changed is when the newest change was noticed, Applied when settings were last put to use.
	Changed *time.Time `json:"changed"`
	Applied *time.Time `json:"applied"`
	// Waiting: a new registration waits for the end of a visit.
	Waiting bool `json:"waiting"`
	// Refused: the newest settings are broken, those from before stay in force.
	Refused bool `json:"refused"`
}

// Visit is the visit that is on; State is idle between visits.
type Visit struct {
	State      string     `json:"state"`
	Button     string     `json:"button"`
	Targets    []string   `json:"targets"`
	AnsweredBy string     `json:"answered_by"`
	Since      *time.Time `json:"since"`
}

// Look is the call to the door that is on; null when there is none. State is answering, looking or ending.
type Look struct {
	State       string    `json:"state"`
	Caller      string    `json:"caller"`
	Loudspeaker bool      `json:"loudspeaker"` // the caller is heard at the door
	Since       time.Time `json:"since"`
}

// GPIO is the lines: Chip is header, simulated or absent, Lock and Light are on, off, absent or fault.
type GPIO struct {
	Chip         string `json:"chip"`
	Lock         string `json:"lock"`
	Light        string `json:"light"`
	LockOpenings int    `json:"lock_openings"`
	// Buttons as configured.
	Buttons []Button `json:"buttons"`
}

// Button is a bell button.
type Button struct {
	Name string `json:"name"`
	// Level is on while it is pressed, off, or fault while it cannot be read.
	Level   string `json:"level"`
	Presses int    `json:"presses"`
	// Glitches counts what was too short for a press: many of them are a matter of the cable.
	Glitches int `json:"glitches"`
	// Edges is proven (one was made at the start and arrived), unproven (none can be made without a finger) or polled (none arrives).
	Edges string `json:"edges"`
}

// Door is the lock's mode and what is known of the door.
type Door struct {
	// Mode is normal, held or blocked; Blocked is why, order or tamper; Until is when a hold ends.
	Mode    string     `json:"mode"`
	Blocked string     `json:"blocked,omitempty"`
	Until   *time.Time `json:"until"`
	// Contact is open, closed, or empty without a contact.
	Contact string `json:"contact"`
	// Tamper: the tamper switch gives an alarm, or has since the alarms were cleared.
	Tamper     bool `json:"tamper"`
	WrongCodes int  `json:"wrong_codes"`
	LockOuts   int  `json:"lock_outs"` // of callers who typed many of them
}

// Camera is the picture: State is idle, running, restarting or failed. Bitrate, in bit/s, is what the encoder has, BitrateTarget what
// the network leaves it, and BitrateCause why that is less than it could be: delay, loss, told (by the far side), or
// gcc (congestion control by the far side's reports on each packet).
type Camera struct {
	Source        string `json:"source"`
	State         string `json:"state"`
	Width         int    `json:"width"`
	Height        int    `json:"height"`
	Framerate     int    `json:"framerate"`
	Bitrate       int    `json:"bitrate"`
	BitrateTarget int    `json:"bitrate_target"`
	BitrateCause  string `json:"bitrate_cause"`
	Readers       int    `json:"readers"`
	Frames        uint64 `json:"frames"`
	KeyFrames     uint64 `json:"keyframes"`
	// Device is the camera that is used, or was last, Capture what it was asked for, Encoder who encodes; empty where there is no choice.
	Device  string `json:"device,omitempty"`
	Capture string `json:"capture,omitempty"`
	Encoder string `json:"encoder,omitempty"`
	// Late counts the pictures of this run that the encoder was too slow for, Broken those that came damaged.
	Late   uint64 `json:"late,omitempty"`
	Broken uint64 `json:"broken,omitempty"`
}

// Sound is the sound device and what is heard. Levels are dBFS; null is silence or no call.
type Sound struct {
	Device       string   `json:"device"`
	State        string   `json:"state"`
	FarLevel     *float64 `json:"far_level_dbfs"`
	FarFrequency *float64 `json:"far_frequency_hz"` // of the test device only
	NearLevel    *float64 `json:"near_level_dbfs"`
	// Echo is how the loudspeaker's echo is dealt with: off, learning, full_duplex or half_duplex. EchoDelay is how late it comes back,
	// EchoLoss by how much the filter alone lowers it; null: not measured yet.
	Echo           string   `json:"echo"`
	EchoDelay      *float64 `json:"echo_delay_ms"`
	EchoLoss       *float64 `json:"echo_return_loss_db"`
	MicrophoneGain *float64 `json:"microphone_gain_db"` // of a sound card
	// Volume is that of calls, Call what was changed for the one that is up; null without one.
	Volume int        `json:"volume"`
	Call   *CallSound `json:"call"`
	// Voice is how the voice of the household arrives in the newest call; nil while nothing comes.
	Voice *Voice `json:"voice"`
}

// Voice is what the network does to the far voice of a call, and what is done against it.
type Voice struct {
	Delay      int64  `json:"delay_ms"`  // what the jitter buffer adds now
	Target     int64  `json:"target_ms"` // what it wants to add
	Received   uint64 `json:"received"`  // packets, as the next three
	Lost       uint64 `json:"lost"`
	Late       uint64 `json:"late"` // after their turn
	Rebuilt    uint64 `json:"rebuilt"`
	MadeUp     uint64 `json:"made_up"`   // frames of 20 ms
	Shortened  uint64 `json:"shortened"` // times, as the next
	Lengthened uint64 `json:"lengthened"`
}

// Calls counts the visits since the start.
type Calls struct {
	Visits         int       `json:"visits"`
	Answered       int       `json:"answered"`
	IgnoredPresses int       `json:"ignored_presses"`
	Looks          int       `json:"looks"`           // calls to the door that were answered
	RefusedCallers int       `json:"refused_callers"` // calls to the door by somebody who may not call it
	Last           *LastCall `json:"last"`
}

// LastCall is the newest visit that has ended.
type LastCall struct {
	Outcome     string    `json:"outcome"`
	At          time.Time `json:"at"`
	Button      string    `json:"button"`
	AnsweredBy  string    `json:"answered_by"`
	TalkSeconds float64   `json:"talk_seconds"`
}

// PastVisit is a visit that has ended.
type PastVisit struct {
	// Number counts the visits since the start, from 1.
	Number uint64    `json:"number"`
	Button string    `json:"button"`
	At     time.Time `json:"at"` // of the press
	Ended  time.Time `json:"ended"`
	// Called are the extensions that were to be called, all steps together.
	Called []string `json:"called"`
	// Outcome is talked, no_answer, busy, declined, not_registered, unreachable, offline, stopped, cancelled or failed.
	Outcome    string `json:"outcome"`
	AnsweredBy string `json:"answered_by"`
	// RingSeconds is from the press to the answer, or to the end without one.
	RingSeconds float64   `json:"ring_seconds"`
	TalkSeconds float64   `json:"talk_seconds"`
	Openings    []Opening `json:"openings"`
}

// Opening is one time that the door was opened in a visit.
type Opening struct {
	At time.Time `json:"at"`
	By string    `json:"by"` // the extension that typed the code
	// Person is whose code it was; empty for a code of the local file.
	Person string `json:"person,omitempty"`
}

// Page is the status page: where it is served (empty: nowhere), and how many watch the camera on it now.
type Page struct {
	Address string `json:"address"`
	Viewers int    `json:"viewers"`
}

// ICE is how calls are to find their way through the network.
type ICE struct {
	Servers   int  `json:"servers"`    // STUN and TURN servers of the settings
	RelayOnly bool `json:"relay_only"` // everything goes by TURN
	// Host, Reflexive and Relay are how many addresses the newest warm offer has: the machine's own, those told by STUN, those at TURN
	// servers.
	Host      int `json:"host"`
	Reflexive int `json:"reflexive"`
	Relay     int `json:"relay"`
}

// WarmOffers is how many calls can be begun without waiting, and how many should be.
type WarmOffers struct {
	Ready int `json:"ready"`
	Want  int `json:"want"`
}

// Fault is something that stands in the way of the bell, and what a person does about it.
type Fault struct {
	Code     string    `json:"code"`
	Severity string    `json:"severity"` // error or warning
	Title    string    `json:"title"`
	Detail   string    `json:"detail,omitempty"`
	Remedy   string    `json:"remedy"`
	Since    time.Time `json:"since"`
}

// Tidy makes a status fit for JSON: lists are lists, also for jq, and a level that is no number is silence.
func (s Status) Tidy() Status {
	if s.Visit.Targets == nil {
		s.Visit.Targets = []string{}
	}
	if s.GPIO.Buttons == nil {
		s.GPIO.Buttons = []Button{}
	}
	if s.Faults == nil {
		s.Faults = []Fault{}
	}
	if s.Visits == nil {
		s.Visits = []PastVisit{}
	}
	s.Sound.FarLevel = finite(s.Sound.FarLevel)
	s.Sound.FarFrequency = finite(s.Sound.FarFrequency)
	s.Sound.NearLevel = finite(s.Sound.NearLevel)
	s.Sound.EchoDelay, s.Sound.EchoLoss = finite(s.Sound.EchoDelay), finite(s.Sound.EchoLoss)
	s.Sound.MicrophoneGain = finite(s.Sound.MicrophoneGain)
	return s
}

func finite(f *float64) *float64 {
	if f != nil && (math.IsInf(*f, 0) || math.IsNaN(*f)) {
		return nil
	}
	return f
}
