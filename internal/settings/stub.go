package settings

import "errors"

var errNotYet = errors.New("not built yet")

type FileError struct {
	Path             string
	Line             int
	Message, Excerpt string
}

func (e *FileError) Error() string { return e.Message }

func LoadLocal(path string) (Local, error)                          { return Local{}, errNotYet }
func ParseLocal(name string, data []byte) (Local, error)            { return Local{}, errNotYet }
func ReadToken(l Local, getenv func(string) string) (string, error) { return "", errNotYet }
func TokenFileTooOpen(path string) bool                             { return false }
func ParseSIPCore(raw []byte) (SIPCore, []Problem, error)           { return SIPCore{}, nil, errNotYet }
func Merge(l Local, c SIPCore, who Identity) (Settings, []Notice, error) {
	return Settings{}, nil, errNotYet
}
func (s Settings) Equal(o Settings) bool { return false }

var ErrNoToken = errors.New("no token")
