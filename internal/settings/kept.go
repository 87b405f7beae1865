package settings

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Kept is what is kept of Home Assistant's answers for a start without Home Assistant. It holds passwords: formatting, logging
// or marshalling it never shows them.
type Kept struct {
	// HomeAssistant is the URL that gave the answers.
	HomeAssistant string
	// Raw are SIP Core's settings as they were served.
	Raw []byte
	// Who is the Home Assistant user of the door's token.
	Who Identity
	// Fetched is when the answers came.
	Fetched time.Time
}

// What can be wrong with a kept file.
var (
	// ErrNothingKept says that there is no kept file.
	ErrNothingKept = errors.New("no settings are kept")
	// ErrKeptCorrupt says that the kept file is damaged: torn, altered, or none of this program's.
	ErrKeptCorrupt = errors.New("the kept settings are damaged")
	// ErrKeptNewer says that a later version wrote the kept file. It stays until there are settings to be kept.
	ErrKeptNewer = errors.New("the kept settings were written by a later version")
	// ErrKeptElsewhere says that the kept settings came from another Home Assistant than the local file names.
	ErrKeptElsewhere = errors.New("the kept settings are another Home Assistant's")
	// ErrTooLarge says that the settings are too large to be kept.
	ErrTooLarge = errors.New("the settings are too large to be kept")
)

const (
	// maxKept bounds the kept file in bytes, read or written. SIP Core's settings are a few kilobytes.
	maxKept = 1 << 20
	// keptName and keptVersion begin the file: "doorstation-settings 1 <SHA-256 of all that follows the line>". The second line
	// is about the settings, the rest are the settings as they were served.
	keptName    = "doorstation-settings"
	keptVersion = "1"
)

// keptAbout is the second line.
type keptAbout struct {
	HomeAssistant string    `json:"home_assistant"`
	Fetched       time.Time `json:"fetched"`
	UserID        string    `json:"user_id"`
	UserName      string    `json:"user_name"`
}

// encodeKept makes the content of the file. The error is ErrTooLarge.
func encodeKept(k Kept) ([]byte, error) {
	about, err := json.Marshal(keptAbout{
		HomeAssistant: k.HomeAssistant, Fetched: k.Fetched.UTC().Truncate(time.Second), UserID: k.Who.ID, UserName: k.Who.Name,
	})
	if err != nil {
		return nil, fmt.Errorf("keep the settings: %w", err) // a year beyond 9999
	}
	body := slices.Concat(about, []byte("\n"), k.Raw)
	sum := sha256.Sum256(body)
	file := fmt.Appendf(nil, "%s %s %s\n%s", keptName, keptVersion, hex.EncodeToString(sum[:]), body)
	if len(file) > maxKept {
		return nil, fmt.Errorf("%w: %d bytes, %d are the most", ErrTooLarge, len(file), maxKept)
	}
	return file, nil
}

// decodeKept reads the content of the file. The errors are ErrKeptCorrupt and ErrKeptNewer; none repeats what was read.
func decodeKept(data []byte) (Kept, error) {
	if len(data) > maxKept {
		return Kept{}, fmt.Errorf("%w: longer than %d bytes", ErrKeptCorrupt, maxKept)
	}
	first, body, _ := bytes.Cut(data, []byte("\n"))
	head := strings.Split(string(first), " ")
	switch {
	case len(head) != 3 || head[0] != keptName:
		return Kept{}, fmt.Errorf("%w: not a file of kept settings", ErrKeptCorrupt)
	case isLaterVersion(head[1]):
		return Kept{}, ErrKeptNewer
	case head[1] != keptVersion:
		return Kept{}, fmt.Errorf("%w: of no known version", ErrKeptCorrupt)
	}
	if sum := sha256.Sum256(body); head[2] != hex.EncodeToString(sum[:]) {
		return Kept{}, fmt.Errorf("%w: its checksum is wrong", ErrKeptCorrupt)
	}
	line, raw, _ := bytes.Cut(body, []byte("\n"))
	var about keptAbout
	if json.Unmarshal(line, &about) != nil || !json.Valid(raw) {
		return Kept{}, fmt.Errorf("%w: not JSON", ErrKeptCorrupt)
	}
	if about.HomeAssistant == "" || about.Fetched.IsZero() {
		return Kept{}, fmt.Errorf("%w: incomplete", ErrKeptCorrupt)
	}
	return Kept{
		HomeAssistant: about.HomeAssistant, Raw: raw, Who: Identity{ID: about.UserID, Name: about.UserName}, Fetched: about.Fetched,
	}, nil
}

// isLaterVersion says whether a version is a whole number above this one's.
func isLaterVersion(s string) bool {
	return len(s) <= 9 && strings.Trim(s, "0123456789") == "" && s != "" && s[0] != '0' && s != keptVersion
}

// same says whether both would make the same file, but for the time.
func (k Kept) same(o Kept) bool {
	return k.HomeAssistant == o.HomeAssistant && k.Who == o.Who && bytes.Equal(k.Raw, o.Raw)
}

// keptReason says of a file error what the operating system said.
func keptReason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
	}
	return err
}
