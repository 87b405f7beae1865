package settings

import (
	"slices"
	"time"
)

// SIPCore is what the door uses of SIP Core's settings.
type SIPCore struct {
	Users []User
	// BackupUser is nil when there is none.
	BackupUser *User
	// PBXServer is the host of the SIP domain, without a port; empty: Home Assistant's host.
	PBXServer string
	// CustomWSSURL is the ws or wss URL of the PBX; empty: through ingress.
	CustomWSSURL string
	ICE          ICE
	// SIPVideo says whether calls carry video.
	SIPVideo bool
	// AutoAnswer says whether incoming calls are answered by themselves.
	AutoAnswer bool
	Popup      Popup
	// Unknown are the paths of keys this version does not know, for a debug line. They are ignored.
	Unknown []string
}

// Extensions are those of the users and of backup_user, each once.
func (c SIPCore) Extensions() []string {
	var all []string
	add := func(u User) {
		if !slices.Contains(all, u.Extension) {
			all = append(all, u.Extension)
		}
	}
	for _, u := range c.Users {
		add(u)
	}
	if c.BackupUser != nil {
		add(*c.BackupUser)
	}
	return all
}

// User is one SIP user. Formatting, logging or marshalling it never shows the password.
type User struct {
	// HAUsername is the id or the name of a Home Assistant user.
	HAUsername  string
	DisplayName string
	// Extension is the SIP user and digest user name; never empty.
	Extension string
	Password  string

	path string // where it stands in the settings
}

// Path is where the user stands in SIP Core's settings, such as "users[1]".
func (u User) Path() string { return u.path }

// ICE is ice_config.
type ICE struct {
	Servers []ICEServer
	// TransportPolicy is "all" or "relay".
	TransportPolicy string
	// GatheringTimeout is how long candidates are waited for.
	GatheringTimeout  time.Duration
	CandidatePoolSize int
}

// ICEServer is one STUN or TURN server. Formatting, logging or marshalling it never shows the credential.
type ICEServer struct {
	URLs                 []string
	Username, Credential string
}

// Popup is the part of popup_config that matters to a door.
type Popup struct {
	// Extensions says, by extension, what the card shows for a caller.
	Extensions map[string]PopupExtension
	// DTMF are the buttons that send digits.
	DTMF []DTMFButton
}

// DTMFButton is a button of the popup that sends digits.
type DTMFButton struct {
	Label string
	// Digits is what it sends. It is secret: it opens doors.
	Digits string
}

// PopupExtension is what the card shows for a caller.
type PopupExtension struct{ Name, CameraEntity string }

// Problem is something in SIP Core's settings that is wrong and was left out.
type Problem struct {
	// Path says where, such as "ice_config.iceServers[1].urls".
	Path string
	// Message says what was expected and what was found, never a value that may be secret.
	Message string
}

// String is "path: message".
func (p Problem) String() string { return p.Path + ": " + p.Message }
