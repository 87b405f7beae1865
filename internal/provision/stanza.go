package provision

import (
	"fmt"
	"strings"
)

// StanzaFile is where the Asterisk add-on wants it: a copy of pjsip_custom.conf of the folder default beside it, with the stanza at
// the end. The add-on reads it when it is started.
const StanzaFile = "/config/asterisk/custom/pjsip_custom.conf"

// Stanza is the text for Asterisk's pjsip configuration that makes the extension. It stands on its own: no template of somebody
// else's files is needed. The errors are ErrNumber, ErrName and ErrPassword.
//
// The door's endpoint is one of a browser (webrtc=yes: ICE, DTLS-SRTP, rtcp-mux), with the door's codecs in its order, so that no
// sound has to be coded anew between browsers and the door and H.264 is passed on. max_contacts is 1 with remove_existing: a door
// that was restarted takes the place of what it was before. It may be reached by WebSocket; UDP, TCP and TLS are not ruled out, as no
// transport is named.
func Stanza(e Extension) (string, error) {
	if err := e.check(); err != nil {
		return "", err
	}
	lines := []string{
		"; " + plain(e.Name) + ": a door station (doorstation)",
		"[%[1]s]",
		"type=endpoint",
		"context=default",
		"aors=%[1]s",
		"auth=%[1]s",
		`callerid="%[2]s" <%[1]s>`,
		"webrtc=yes",
		"disallow=all",
		"allow=opus,g722,ulaw,alaw,h264",
		"dtmf_mode=auto",
		"direct_media=no",
		"force_rport=yes",
		"rewrite_contact=yes",
		"rtp_symmetric=yes",
		"send_pai=yes",
		"device_state_busy_at=1",
		"",
		"[%[1]s]",
		"type=aor",
		"max_contacts=1",
		"remove_existing=yes",
		"",
		"[%[1]s]",
		"type=auth",
		"auth_type=userpass",
		"username=%[1]s",
		"password=%[3]s",
		"",
	}
	text := strings.Join(lines[1:], "\n")
	return lines[0] + "\n" + fmt.Sprintf(text, e.Number, plain(e.Name), e.Password), nil
}
