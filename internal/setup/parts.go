package setup

import (
	"context"
	"crypto/x509"
	"errors"
	"image"
	"time"

	"doorstation/internal/settings"
)

// Place is a Home Assistant that was found in the network.
type Place struct {
	Name, URL, Version string
	// Others are more addresses of it, to be tried when nothing answers at URL.
	Others []string
}

// Address is where Home Assistant is and whom to trust there.
type Address struct {
	// URL is scheme://host[:port].
	URL string
	// Trust are certificates (PEM) trusted besides the system's; nil: none.
	Trust []byte
	// SkipVerify is home_assistant.tls.skip_verify of a local file that is there. Setup never sets it.
	SkipVerify bool
}

// What Home's methods wrap.
var (
	// ErrNoAnswer says that nothing usable answers at the address.
	ErrNoAnswer = errors.New("nothing answers there")
	// ErrNotHome says that something else than Home Assistant answers at the address.
	ErrNotHome = errors.New("something answers there, but it is not Home Assistant")
	// ErrUntrusted says that a certificate was shown that is not trusted.
	ErrUntrusted = errors.New("the certificate is not trusted")
	// ErrTokenRefused says that Home Assistant does not accept the token.
	ErrTokenRefused = errors.New("Home Assistant does not accept the token") //nolint:staticcheck // a name begins it
	// ErrLoginRefused says that user, password or second factor are wrong.
	ErrLoginRefused = errors.New("Home Assistant does not accept user, password or code") //nolint:staticcheck // a name begins it
	// ErrNotInstalled says that there is no SIP Core.
	ErrNotInstalled = errors.New("SIP Core is not installed in Home Assistant")
	// ErrNotSetUp says that SIP Core is installed but not set up.
	ErrNotSetUp = errors.New("SIP Core is installed in Home Assistant, but not set up")
)

// User is whom a token belongs to.
type User struct {
	ID, Name string
	Admin    bool
}

// Home is Home Assistant.
type Home interface {
	// Find looks for Home Assistants in the network, for some seconds at most.
	Find(ctx context.Context) ([]Place, error)
	// Reach returns nil where Home Assistant answers; the errors are ErrNoAnswer, ErrNotHome and ErrUntrusted.
	Reach(ctx context.Context, at Address) error
	// Certificates are those that the server shows, its own first, whether trusted or not.
	Certificates(ctx context.Context, at Address) ([]*x509.Certificate, error)
	// Login logs in and makes a long-lived token for this machine. ask is called for what the login wants besides user and password.
	// The error is ErrLoginRefused for what was typed wrong.
	Login(ctx context.Context, at Address, user, password string, ask Further) (Made, error)
	// Revoke deletes a token that Login made.
	Revoke(ctx context.Context, at Address, token string) error
	// User says whose token it is.
	User(ctx context.Context, at Address, token string) (User, error)
	// SIPCore reads SIP Core's settings.
	SIPCore(ctx context.Context, at Address, token string) (settings.SIPCore, []settings.Problem, error)
}

// Made is a token that a login made.
type Made struct {
	Token string
	// Name is what Home Assistant lists it under.
	Name string
}

// Further asks for what a login wants besides user and password.
type Further interface {
	// Code asks for the second factor; module is Home Assistant's name of it, again says that the last one was wrong.
	Code(ctx context.Context, module string, again bool) (string, error)
	// Which asks for one of several second factors or users.
	Which(ctx context.Context, names []string) (int, error)
}

// Exchange is the PBX.
type Exchange interface {
	// Register tries whether the door could register with these settings, without changing who is registered. found is one line for
	// people; remedy, with an error, is what to do.
	Register(ctx context.Context, l settings.Local, at Address, token string) (found, remedy string, err error)
}

// Camera is one that was found.
type Camera struct {
	// Name is for people.
	Name string
	// Settings are what the local file would say, with size and rate that this machine can encode.
	Settings settings.Camera
	// Note is who encodes and the like; may be empty.
	Note string
	// Err is why it can't be used; nil: it can.
	Err error
}

// Picture is one picture of a camera.
type Picture struct {
	// Image is nil where there is none to show.
	Image image.Image
	// Found says in a line what was measured; Note what a person should know about it, may be empty.
	Found, Note string
}

// SoundDevice is one that was found.
type SoundDevice struct {
	// Name is for people, Device for the local file.
	Name, Device            string
	Microphone, Loudspeaker bool
}

// SoundTrial is what came of a trial of the sound.
type SoundTrial struct {
	// Found says in a line or more what was heard.
	Found string
	// Advice is what is wrong and what to do about it, a line each; nil: nothing is wrong.
	Advice []string
	// Voice is the loudest of what was said after the tone, in dBFS.
	Voice float64
}

// Line is a line of a GPIO chip.
type Line struct {
	Pin settings.Pin
	// Label is what people call it, such as "GPIO17 (pin 11 of the header)".
	Label string
	// User is who or what uses the line; empty: it is free.
	User string
	// Output says that the line is driven now.
	Output bool
}

// Moved says that a line has left its level at rest.
type Moved struct {
	Line Line
	// High is the level that it went to.
	High bool
}

// ErrNoLines says that this machine has no GPIO.
var ErrNoLines = errors.New("this machine has no pins for a button (GPIO)")

// Hardware is what is at the machine. The agent must not run.
type Hardware interface {
	Cameras(ctx context.Context) ([]Camera, error)
	// Picture takes a picture.
	Picture(ctx context.Context, c settings.Camera) (Picture, error)
	SoundDevices(ctx context.Context) ([]SoundDevice, error)
	// TrySound plays a tone, then listens for some seconds. level is told what is done, and then what the microphone hears (dBFS).
	TrySound(ctx context.Context, a settings.Audio, phase func(string), level func(dbfs float64)) (SoundTrial, error)
	// Lines are those that may be used, in the header's order. The error is ErrNoLines where there are none.
	Lines(ctx context.Context) ([]Line, error)
	// WatchLines gives lines a resistor ("up" or "down") and tells of each change until ctx ends. The channel is closed when all lines
	// are as they were.
	WatchLines(ctx context.Context, lines []Line, pull string) (<-chan Moved, error)
	// Click drives a line to its active level for a while, and back, whatever becomes of ctx or of this program.
	Click(ctx context.Context, pin settings.Pin, active string, d time.Duration) error
	// LetGo makes a line that was clicked an input again, so that nothing drives it.
	LetGo(ctx context.Context, pin settings.Pin) error
}

// AgentState is how the agent stands.
type AgentState struct {
	// Running says that an agent answers or its service is active.
	Running bool
	// Service says that there is a service that can be started and stopped, and that this user may.
	Service bool
}

// Agent is the agent that runs, or will.
type Agent interface {
	State(ctx context.Context) (AgentState, error)
	// Stop frees the hardware until Start, or until this process ends, whatever ends it. A call that is up is waited for, for a while.
	Stop(ctx context.Context) error
	// Start starts the service, or restarts it; with enable also from now on whenever the machine starts.
	Start(ctx context.Context, enable bool) error
	// Registered waits until the agent is registered, for some time at most, and says as what. found is one line for people.
	Registered(ctx context.Context) (found string, err error)
	// Ring presses the bell.
	Ring(ctx context.Context) error
	// Visit follows the ring: it says in a line what becomes of it, until it is over.
	Visit(ctx context.Context, show func(string)) error
}

// Written is what the last but one step writes.
type Written struct {
	Local settings.Local
	// Token goes into Local.HomeAssistant.TokenFile; empty: that stays as it is.
	Token string
	// Trust goes into Local.HomeAssistant.TLS.CAFile; nil: that stays as it is.
	Trust []byte
}

// Files are the files of the door.
type Files interface {
	// Read returns the local file, the default one where there is none.
	Read() (l settings.Local, exists bool, err error)
	// Token returns the token that is kept; empty: none can be read.
	Token(l settings.Local) string
	// Trust returns the certificates of home_assistant.tls.ca_file; nil: none.
	Trust(l settings.Local) []byte
	// Render returns the text of the local file as it would be, and as it is; empty: there is none.
	Render(l settings.Local) (now, before string, err error)
	// Write writes the files, each as a whole, the local file last, and returns their paths.
	Write(w Written) (paths []string, err error)
	// Places are where a new token and new certificates go.
	Places() (tokenFile, caFile string)
	// SavePicture keeps a picture where the person can look at it, until setup ends.
	SavePicture(img image.Image) (path string, err error)
}

// Checker walks the whole chain.
type Checker interface {
	// Check shows what it finds as it finds it, and returns how many errors and warnings there were.
	Check(ctx context.Context) (errors, warnings int, err error)
}
