package settings

import (
	"slices"
	"strings"
)

// Candidate is what one answer of Home Assistant would make of the door.
type Candidate struct {
	Settings Settings
	// Notices are about the settings as a whole.
	Notices []Notice
	// Problems are the keys that are wrong; the settings have defaults in their place.
	Problems []Problem
	// Unknown are the paths of keys this version does not know.
	Unknown []string

	user string // where the door's user stands
}

// Read reads SIP Core's settings as they were served and merges them with the local file. The errors are ErrNotAnObject and
// those of Merge; Problems and Unknown hold what was found in spite of one.
func Read(l Local, raw []byte, who Identity) (Candidate, error) {
	core, problems, err := ParseSIPCore(raw)
	c := Candidate{Problems: problems, Unknown: core.Unknown}
	if err != nil {
		return c, err
	}
	c.Settings, c.Notices, err = Merge(l, core, who)
	if user, _, pickErr := pick(l, core, who); pickErr == nil {
		c.user = user.path
	}
	return c, err
}

// Breaks returns the problems that make a candidate unfit to take the place of the one in use: those in keys the door uses, save
// for what was wrong in the one in use already and has been lived with. Of users only the door's own entry is used, or all of
// them when it is not found there; popup_config only makes notices; and a key that the local file overrules is not used.
func (c Candidate) Breaks(inUse Candidate) []Problem {
	var breaking []Problem
	for _, p := range c.Problems {
		lived := func(before Problem) bool { return inUse.ownPlace(before) == c.ownPlace(p) }
		if c.uses(p.Path) && !slices.ContainsFunc(inUse.Problems, lived) {
			breaking = append(breaking, p)
		}
	}
	return breaking
}

// ownPlace is a problem wherever the door's own entry stands: that moves when another user is added before it.
func (c Candidate) ownPlace(p Problem) Problem {
	if rest, own := strings.CutPrefix(p.Path, c.user+"."); own && c.user != "" {
		p.Path = "the door's user." + rest
	}
	return p
}

// uses says whether the door uses the key at a path.
func (c Candidate) uses(path string) bool {
	key := path
	if end := strings.IndexAny(path, ".["); end >= 0 {
		key = path[:end]
	}
	l := c.Settings.Local
	switch key {
	case "users":
		found := strings.HasPrefix(c.user, "users[")
		return path == "users" || !found || path == c.user || strings.HasPrefix(path, c.user+".")
	case "backup_user":
		return c.Settings.BackupUser || c.user == ""
	case "custom_wss_url":
		return l.SIP.Transport == TransportAuto || l.SIP.Transport == ""
	case "sip_video":
		return l.Call.Video == "auto" || l.Call.Video == ""
	case "auto_answer":
		return l.Incoming.Allow != AllowNone && (l.Incoming.Answer == "auto" || l.Incoming.Answer == "")
	case "popup_config":
		return false
	default:
		return true
	}
}
