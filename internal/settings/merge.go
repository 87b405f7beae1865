package settings

import "errors"

// What keeps the two sources from making a working door. A person mends them; until then the agent keeps trying.
var (
	// ErrNoUser says that no SIP user is the door's and there is no backup_user.
	ErrNoUser = errors.New("no entry of users in SIP Core's settings is the token's user, and there is no backup_user")
	// ErrNoSuchExtension says that sip.extension names none of the users.
	ErrNoSuchExtension = errors.New("sip.extension names none of the users in SIP Core's settings")
	// ErrNoPBXAddress says that an explicit transport was asked for without saying where to.
	ErrNoPBXAddress = errors.New("neither sip.server in the local file nor pbx_server in SIP Core's settings says where the PBX is")
)

// Identity is the Home Assistant user the token belongs to.
type Identity struct{ ID, Name string }

// Notice is something a person should know about settings that work.
type Notice int

// The notices.
const (
	// NoticeBackupUser says that the door runs on backup_user.
	NoticeBackupUser Notice = iota + 1
	// NoticeNoPicture says that the household sees nothing of the visitor.
	NoticeNoPicture
	// NoticeNoTargets says that a button calls nobody.
	NoticeNoTargets
)

// The ways to the PBX.
const (
	// PBXCustomWSSURL is SIP Core's custom_wss_url.
	PBXCustomWSSURL = "custom_wss_url"
	// PBXIngress is through Home Assistant's ingress.
	PBXIngress = "ingress"
	// PBXServer is the local file's explicit transport.
	PBXServer = "server"
)

// Settings is what the station is built from. Treat it as immutable. Formatting, logging or marshalling it never shows
// a secret.
type Settings struct {
	Local                            Local
	Extension, Password, DisplayName string
	// BackupUser says that the SIP user is the shared backup_user.
	BackupUser bool
	// Domain is the host of the SIP domain, without a port.
	Domain string
	PBX    PBX
	ICE    ICE
	// Video says whether calls offer video.
	Video bool
	Popup Popup
}

// PBX says how the PBX is reached.
type PBX struct {
	// Kind is one of the PBX constants.
	Kind string
	// URL is the ws or wss URL; empty for ingress.
	URL string
}
