package provision

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUser says that the entry names no user of Home Assistant.
var ErrUser = errors.New("the entry needs the id or the name of a Home Assistant user")

// SIPCoreEntry is the entry to add under users in SIP Core's settings, in YAML: the door uses the entry whose ha_username is the id
// or the name of its token's user. The errors are ErrUser and Stanza's.
func SIPCoreEntry(e Extension, user string) (string, error) {
	if err := e.check(); err != nil {
		return "", err
	}
	if plain(user) == "" || plain(user) != strings.TrimSpace(user) {
		return "", ErrUser
	}
	return fmt.Sprintf(`- ha_username: %s
  display_name: %s
  extension: "%s"
  password: "%s"
`, quoted(user), quoted(e.Name), e.Number, e.Password), nil
}

// PopupEntry is what to add under popup_config.extensions in SIP Core's settings, in YAML, so that the popup shows the door's name,
// and, where the household has one, the picture of a camera entity while it rings. The errors are Stanza's.
func PopupEntry(e Extension, cameraEntity string) (string, error) {
	if err := e.check(); err != nil {
		return "", err
	}
	text := fmt.Sprintf("\"%s\":\n  name: %s\n", e.Number, quoted(e.Name))
	if cameraEntity != "" {
		text += "  camera_entity: " + quoted(cameraEntity) + "\n"
	}
	return text, nil
}

// quoted is a YAML text in double quotes: whatever is in it, it is text.
func quoted(s string) string { return `"` + plain(s) + `"` }
