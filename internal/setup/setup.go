package setup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorstation/internal/settings"
)

// Parts are what a setup works with.
type Parts struct {
	Person   Person
	Home     Home
	Exchange Exchange
	Hardware Hardware
	Agent    Agent
	Files    Files
	Checker  Checker
}

// Given is what was said on the command line; what is zero was not. A person is not asked for what was given.
type Given struct {
	HomeAssistant string
	// Trust are certificates (PEM) for home_assistant.tls.
	Trust []byte
	Token string
	// Extension is the door's SIP user.
	Extension string
	// Call are the extensions that ring.
	Call []string
	Ring time.Duration
	// Buttons, Lock and Light are pins.
	Buttons []settings.Pin
	// ButtonName is that of the first button.
	ButtonName string
	// ButtonActive, LockActive and LightActive are low or high.
	ButtonActive, LockActive, LightActive string
	Lock, Light                           *settings.Pin
	NoLock, NoLight                       bool
	// CodeFromPopup takes the code of the popup's buttons; Codes are others. They are secret.
	CodeFromPopup bool
	Codes         []string
	// Camera is auto, none, rpicam, test, or the name of a v4l2 camera; Sound is auto, none, test or the name of a device.
	Camera, Sound string
	// Simulated takes simulated pins.
	Simulated bool
	// Start enables and starts the service at the end.
	Start bool
}

// Options say how a setup is done.
type Options struct {
	Given Given
	// Unattended says that nobody is there: a check that fails ends the setup instead of being tried again.
	Unattended bool
	// DryRun writes nothing and starts nothing: the text of the local file is the result.
	DryRun bool
}

// state is how far the conversation has come.
type state struct {
	Parts
	Options

	local  settings.Local
	exists bool   // there is a local file
	before string // home_assistant.url of the local file that was there: the token that is there is its

	at       Address
	newTrust bool // at.Trust is to be written
	token    string
	newToken bool    // token is to be written
	made     Made    // by a login, and not written yet
	madeAt   Address // where made was made: it is shown to nobody else
	user     User
	core     settings.SIPCore
	own      settings.User // the door's SIP user
	haveOwn  bool

	lines   []Line // nil: not looked at, or none
	busy    bool   // the agent runs: what it holds can't be tried
	stopped bool   // the agent was stopped for us
	written bool
}

// step is one part of the conversation. Each can be done again.
type step struct {
	name  string // for "change something"
	title string
	run   func(*state, context.Context) error
}

// The places of those steps that are done anew for another Home Assistant.
const (
	stepToken     = 1
	stepExtension = 2
	stepPeople    = 3
)

// steps are the conversation up to the summary.
func steps() []step {
	return []step{
		{"Home Assistant", "Home Assistant", (*state).askHome},
		{"access", "Access to Home Assistant", (*state).askToken},
		{"the door's number", "The door in SIP Core", (*state).askExtension},
		{"who rings", "Who rings", (*state).askPeople},
		{"camera", "Camera", (*state).askCamera},
		{"sound", "Microphone and loudspeaker", (*state).askSound},
		{"button", "The bell button", (*state).askButtons},
		{"door opener", "Door opener", (*state).askLock},
		{"light", "Light", (*state).askLight},
	}
}

// Run has the conversation. When it returns, the agent runs again if it ran before, whatever the error. When it never returns, because its
// process is killed, that is [Agent.Stop]'s to see to; and nobody's silence keeps the bell dead for more than 20 minutes.
func Run(ctx context.Context, p Parts, o Options) (err error) {
	s := &state{Parts: p, Options: o}
	s.Person = present{Person: p.Person, dead: func() bool { return s.stopped }}
	defer func() { err = errors.Join(err, s.leave(ctx)) }()
	if s.local, s.exists, err = s.Files.Read(); err != nil {
		return err
	}
	if len(s.local.Buttons) == 0 {
		s.local.Buttons = []settings.Button{freshButton()}
	}
	if s.exists {
		s.before = s.local.HomeAssistant.URL
		s.tell(Plain, "This door has been set up before. What is there is suggested; Enter keeps it.")
	}
	if err = s.freeHardware(ctx); err != nil {
		return s.over(ctx, err)
	}
	all := steps()
	for i := range all {
		if err = s.do(ctx, all, i); err != nil {
			return s.over(ctx, err)
		}
	}
	if err = s.finish(ctx, all); err != nil {
		return s.over(ctx, err)
	}
	return nil
}

// do does one step.
func (s *state) do(ctx context.Context, all []step, i int) error {
	s.tell(Heading, fmt.Sprintf("%d of %d  %s", i+1, len(all)+1, all[i].title))
	return all[i].run(s, ctx)
}

// over turns the end of the context into that of the conversation.
func (s *state) over(ctx context.Context, err error) error {
	if ctx.Err() == nil && !errors.Is(err, ErrStopped) {
		return err
	}
	if s.written {
		s.tell(Plain, "\nStopped. The files are written; what was to come after that is not done. Go on any time with: sudo doorstation setup")
	} else {
		s.tell(Plain, "\nStopped. Nothing was changed.")
	}
	return ErrStopped
}

// cleanUp bounds what is done after the person has gone.
const cleanUp = 30 * time.Second

// leave takes back the token that nobody will use, and starts the agent again, also after Ctrl-C.
func (s *state) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	s.revoke(ctx)
	var err error
	if s.stopped {
		s.stopped = false
		s.tell(Plain, "The door station is started again.")
		err = errors.Join(err, s.Agent.Start(ctx, false))
	}
	return err
}

// freeHardware stops a running agent, which holds camera and pins, if the person agrees.
func (s *state) freeHardware(ctx context.Context) error {
	now, err := s.Agent.State(ctx)
	s.busy = now.Running
	if err != nil || !now.Running || s.Unattended {
		return err
	}
	if !now.Service {
		s.tell(Warning, "A door station runs that was not started as a service. It holds camera, sound and pins: what it holds can't be tried here.")
		return nil
	}
	yes, err := s.confirm(ctx,
		"The door station runs. Stop it for the time of this setup? (The bell is dead meanwhile; it is started again in any case.)", true)
	if err != nil {
		return err
	}
	if !yes {
		s.tell(Warning, "It goes on running: what it holds (camera, sound, pins) can't be tried here.")
		return nil
	}
	// Before the call: a stop that is interrupted may have stopped it.
	s.stopped = true
	err = s.Person.Wait(ctx, "The door station lets go of camera, sound and pins; a call that is up is waited for…", "",
		func(ctx context.Context, _ func(string)) error { return s.Agent.Stop(ctx) })
	if err != nil {
		return err
	}
	s.busy = false
	return nil
}

// tell shows a text.
func (s *state) tell(style Style, text string) { s.Person.Tell(style, text) }

// confirm asks for yes or no.
func (s *state) confirm(ctx context.Context, question string, yes bool) (bool, error) {
	return s.Person.Confirm(ctx, Confirm{Question: question, Default: yes})
}

// failed shows what went wrong and returns nil, so that the step is tried again; where nobody is there to mend it, it returns the error.
func (s *state) failed(err error) error {
	if s.Unattended {
		return err
	}
	s.tell(Bad, sentence(err))
	return nil
}
