// Package settings turns the two places a door station is configured in, its local file and SIP Core's settings in Home
// Assistant, into one validated value.
//
// The local file is strict: the installer wrote it and reads the error. SIP Core's settings are read tolerantly: they come
// from a free-form box, are shared with the household's tablets and change while the door runs, so what is wrong in them is
// named (Problem) and its default used.
package settings

import "time"

// Local is the local file: everything the door alone can know.
type Local struct {
	HomeAssistant HomeAssistant
	SIP           SIP
	// GPIO is "auto" (the machine's pins) or "simulated".
	GPIO    string
	Buttons []Button
	// Lock is nil when the file has none.
	Lock *Lock
	// Light is nil when the file has none.
	Light *Light
	// LEDs show what the door does.
	LEDs     []LED
	Inputs   Inputs
	Call     Call
	Incoming Incoming
	Camera   Camera
	Audio    Audio
	Monitor  Monitor
	Page     Page
	Log      Log
}

// HomeAssistant says where Home Assistant is and how the door proves who it is.
type HomeAssistant struct {
	// URL is scheme://host[:port], scheme http or https, without a slash at the end.
	URL string
	// TokenFile is the file that holds the long-lived access token; empty when the token comes another way (see ReadToken).
	TokenFile string
	TLS       TLS
}

// TLS says how a server's certificate is checked.
type TLS struct {
	// CAFile is a PEM file with certificate authorities trusted besides the system's.
	CAFile string
	// SkipVerify accepts any certificate.
	SkipVerify bool
}

// SIP says which SIP user the door is and how it reaches the PBX.
type SIP struct {
	// Extension picks the entry of SIP Core's users by extension instead of by the token's user.
	Extension string
	// Transport is one of the Transport constants.
	Transport string
	// Server is host[:port], for ws and wss also a whole URL, for the explicit transports; empty: SIP Core's pbx_server.
	Server string
	// TLS is for the connection to the PBX; a connection through ingress uses HomeAssistant.TLS.
	TLS TLS
}

// The transports.
const (
	// TransportAuto is SIP Core's way: custom_wss_url, else ingress.
	TransportAuto = "auto"
	// TransportWS is a WebSocket straight to the PBX.
	TransportWS = "ws"
	// TransportWSS is a WebSocket over TLS straight to the PBX.
	TransportWSS = "wss"
	// TransportUDP, TransportTCP and TransportTLS are plain SIP straight to the PBX.
	TransportUDP = "udp"
	TransportTCP = "tcp"
	TransportTLS = "tls"
)

// Pin names a line of the machine's GPIO, by the header's name ("GPIO17") or by chip and line.
type Pin struct {
	Name string
	Chip string
	Line int
}

// Button is a bell button.
type Button struct {
	Name string
	Pin  Pin
	// Active is the level of a pressed button, "low" or "high".
	Active string
	// Pull is the pin's resistor, "up", "down" or "none".
	Pull string
	// Debounce is how long a level must be steady.
	Debounce time.Duration
	// Hold is the least time a press must last.
	Hold time.Duration
	// Call lists the extensions called, in steps: those of a step all at once, the next step Step after the one before. It
	// may be empty; a step is not.
	Call [][]string
	// Step is how long a step rings alone.
	Step time.Duration
	// KeepRinging says that earlier steps go on ringing when a later one begins.
	KeepRinging bool
	// Ring is how long all of it rings.
	Ring time.Duration
}

// Lock is the output that opens the door.
type Lock struct {
	Pin Pin
	// Active is the level that opens, "low" or "high".
	Active string
	// Pulse is how long the lock is held open.
	Pulse time.Duration
	// MaxOpen is how long the lock is held open at a stretch at most, however it was asked for. Openings in a row are bounded by a duty of
	// 25 % besides, unless it is ten minutes or more.
	MaxOpen time.Duration
	// Codes are the digits that open during a call. They are secret.
	Codes []string
	// CodesFile is the file of the codes of persons, hashed.
	CodesFile string
}

// LED is an output that shows what the door does.
type LED struct {
	Pin Pin
	// Active is the level of a lit LED, "low" or "high".
	Active string
	// Show is one of the Show constants.
	Show string
}

// What a LED shows.
const (
	// ShowStatus shows everything, by patterns.
	ShowStatus = "status"
	// ShowRinging, ShowTalking, ShowOpen and ShowFault are on while it rings, somebody talks, the lock is open, a fault stands.
	ShowRinging = "ringing"
	ShowTalking = "talking"
	ShowOpen    = "open"
	ShowFault   = "fault"
)

// Inputs are what the door is told besides its buttons; nil: there is none.
type Inputs struct {
	Contact *Contact
	Tamper  *Tamper
}

// Contact tells whether the door stands open.
type Contact struct {
	Pin Pin
	// Open is the level of an open door, "low" or "high".
	Open string
	// Pull is the pin's resistor, "up", "down" or "none".
	Pull     string
	Debounce time.Duration
	// LeftOpen is how long the door may stand open before that is a fault.
	LeftOpen time.Duration
	// Forced says that a door which opens without the lock is an alarm.
	Forced bool
}

// Tamper tells whether somebody opens the door station itself.
type Tamper struct {
	Pin Pin
	// Active is the level of an alarm, "low" or "high".
	Active   string
	Pull     string
	Debounce time.Duration
	// BlockLock says that nothing opens the door from an alarm on until it is cleared.
	BlockLock bool
}

// Light is the output for the bell's light.
type Light struct {
	Pin Pin
	// Active is the level of a lit light, "low" or "high".
	Active string
}

// Call holds what is the same for every call.
type Call struct {
	// Video is "auto" (SIP Core's sip_video), "always" or "never".
	Video string
	// MaxTalk is the longest conversation.
	MaxTalk time.Duration
}

// Incoming says what becomes of calls from the household to the door.
type Incoming struct {
	// Allow is one of the Allow constants.
	Allow string
	// Callers are the extensions that may call, with AllowList.
	Callers []string
	// Answer is "auto" (SIP Core's auto_answer), "always" or "never".
	Answer string
	// Talk are the digits that open the door's loudspeaker during such a call.
	Talk string
}

// Who may call the door.
const (
	// AllowUsers lets the extensions of SIP Core's users and its backup_user call.
	AllowUsers = "users"
	// AllowNone lets nobody call.
	AllowNone = "none"
	// AllowList lets the extensions of a list call.
	AllowList = "list"
)

// Camera says what the picture is.
type Camera struct {
	// Source is "rpicam", "v4l2", "exec" or "test".
	Source string
	// Command is what "exec" runs: a program and its arguments.
	Command []string
	// Device is which camera "v4l2" takes: a path, or a part of its name; empty for the first one.
	Device string
	// Encoder is what encodes for "v4l2": "auto", "chip" or "software".
	Encoder string
	// Rotation is 0, 90, 180 or 270, in degrees clockwise, for "rpicam" only 0 or 180; Mirror turns left and right round. Neither is
	// for "exec".
	Rotation int
	Mirror   bool
	// Overlay is for "v4l2" and "test".
	Overlay Overlay
	// Width and Height are in pixels, Framerate in pictures a second, Bitrate in bit/s.
	Width, Height, Framerate, Bitrate int
	// MinBitrate and MaxBitrate bound what the network makes of Bitrate during a call.
	MinBitrate, MaxBitrate int
}

// Overlay is what is written into the picture.
type Overlay struct {
	Text string
	// Time adds date and time of day.
	Time bool
}

// Audio says what microphone and loudspeaker are.
type Audio struct {
	// Device is "default", "test", "none" or the name of a sound device.
	Device           string
	EchoCancellation bool
	NoiseSuppression bool
	// AutoGain brings visitors to one level; without it the microphone is amplified by GainDB, in dB.
	AutoGain bool
	GainDB   int
	// Volume and ToneVolume are those of the loudspeaker and of the tones in it, 0 to 100.
	Volume, ToneVolume int
	// Tones are the WAV files that are played in place of the door's own tones, by the names of ToneNames.
	Tones map[string]string
}

// ToneNames are the tones of the door that may be files.
func ToneNames() []string { return []string{"busy", "ended", "fault", "nobody", "opened", "ringing"} }

// Monitor says where health and metrics are served.
type Monitor struct {
	// Listen is host:port; empty: nowhere.
	Listen string
}

// Log says what is logged and how.
type Log struct {
	// Level is "debug", "info", "warn" or "error".
	Level string
	// Format is "text" or "json".
	Format string
}
