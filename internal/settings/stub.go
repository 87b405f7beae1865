package settings

import "errors"

var errNotYet = errors.New("not built yet")


func ParseSIPCore(raw []byte) (SIPCore, []Problem, error)           { return SIPCore{}, nil, errNotYet }
func Merge(l Local, c SIPCore, who Identity) (Settings, []Notice, error) {
	return Settings{}, nil, errNotYet
}
func (s Settings) Equal(o Settings) bool { return false }

