// Package control is the local socket behind `doorstation press` and `doorstation status`: HTTP/1.1 and JSON on a unix
// socket, so that curl can speak it, too:
//
//	curl --unix-socket /run/doorstation/control.sock http://door/v1/status
//	curl --unix-socket /run/doorstation/control.sock -d '{"button":"Front door"}' http://door/v1/press
//
// Who may use the socket is decided by its file mode (0660) and that of its directory.
package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var (
	// ErrInUse is given when another agent answers on the socket.
	ErrInUse = errors.New("control: another doorstation is running and answers on this socket")
	// ErrNotSocket is given when something else than a socket lies at the path; it is left alone.
	ErrNotSocket = errors.New("control: there is a file that is not a socket at this path")
	// ErrPathTooLong is given for a path that a socket's address cannot hold.
	ErrPathTooLong = errors.New("control: the path of the socket is too long")
	// ErrNotRunning is given to a client when no agent listens.
	ErrNotRunning = errors.New("doorstation is not running: nobody listens on its control socket")
	// ErrLent is the [ErrNotRunning] of an agent whose hardware somebody has borrowed.
	ErrLent = fmt.Errorf("%w while its hardware is lent", ErrNotRunning)
	// ErrNotAllowed is given to a client that may not use the socket.
	ErrNotAllowed = errors.New("this user may not use doorstation's control socket: be root or in the group of the socket")
	// ErrNoSuchButton is what a [Station] wraps when the button is not configured.
	ErrNoSuchButton = errors.New("there is no such button")
	// ErrNoCall is what a [Station] wraps when there is no call whose sound could be changed.
	ErrNoCall = errors.New("no call is up: mute and volume are for the call that is, and end with it")
	// ErrRefused is given to a client when the agent answers with an error; the text says which.
	ErrRefused = errors.New("doorstation refused")
)

// Station is the agent as the socket sees it. Its methods are called from several goroutines at once.
type Station interface {
	// Press presses a button by its name; an empty name is the first button.
	Press(button string) (PressReply, error)
	Status() Status
	// Restart ends the agent, to be started again by who started it, as soon as no call is up.
	Restart() (RestartReply, error)
	// ChangeSound changes the sound of the call that is up, or returns [ErrNoCall].
	ChangeSound(SoundChange) (CallSound, error)
	// Lock gives an order for the lock: open, hold, release or block.
	Lock(ctx context.Context, order string) error
	// ClearAlarms ends the alarms that stand.
	ClearAlarms(ctx context.Context) error
}

// SoundChange is what is to become of the sound of the call that is up; what is nil stays as it is. It is the body of POST /v1/sound.
type SoundChange struct {
	MuteMicrophone  *bool `json:"mute_microphone,omitempty"`
	MuteLoudspeaker *bool `json:"mute_loudspeaker,omitempty"`
	// Volume is 0 to 100.
	Volume *int `json:"volume,omitempty"`
}

// CallSound is the sound of the call that is up. It ends with the call.
type CallSound struct {
	MicrophoneMuted  bool `json:"microphone_muted"`
	LoudspeakerMuted bool `json:"loudspeaker_muted"`
	Volume           int  `json:"volume"`
}

// RestartReply says whether the restart waits for the end of a call.
type RestartReply struct {
	Waiting bool `json:"waiting"`
}

// PressReply says which press was made.
type PressReply struct {
	ID     uint64 `json:"id"`
	Button string `json:"button"`
}

// pressRequest is the body of POST /v1/press.
type pressRequest struct {
	Button string `json:"button"`
}

// errorReply is the body of every answer that is not a success.
type errorReply struct {
	Error string `json:"error"`
	// Code names the error for a program: no_such_button, no_call, bad_request or failed.
	Code string `json:"code"`
}

const (
	codeNoSuchButton = "no_such_button"
	codeNoCall       = "no_call"
	codeBadRequest   = "bad_request"
	codeFailed       = "failed"
	codeLent         = "lent"
)

const (
	systemDir  = "/run/doorstation"
	socketName = "control.sock"
)

// DefaultSocket is where the socket is when nothing else is said: in systemd's $RUNTIME_DIRECTORY, else in /run/doorstation,
// else, for a user who is not root and where that directory does not exist, in $XDG_RUNTIME_DIR/doorstation.
func DefaultSocket(getenv func(string) string) string {
	return defaultSocket(getenv, os.Geteuid() == 0, isDir)
}

func defaultSocket(getenv func(string) string, root bool, exists func(dir string) bool) string {
	// systemd lists several directories with colons between them: the first is the unit's own.
	if dir, _, _ := strings.Cut(getenv("RUNTIME_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, socketName)
	}
	if own := getenv("XDG_RUNTIME_DIR"); own != "" && !root && !exists(systemDir) {
		return filepath.Join(own, "doorstation", socketName)
	}
	return filepath.Join(systemDir, socketName)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
