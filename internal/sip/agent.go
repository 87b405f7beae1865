package sip

import "context"

type Agent struct{}

func New(c Config) (*Agent, error)             { return &Agent{}, c.validate() }
func (a *Agent) Run(ctx context.Context) error { return nil }
func (a *Agent) Registration() Registration    { return Registration{} }
func (a *Agent) Invite(ctx context.Context, target, offer string, h Handler) (*Leg, error) {
	return nil, ErrNotRegistered
}

type Leg struct{}

func (l *Leg) Answer() string                   { return "" }
func (l *Leg) Hangup(ctx context.Context) error { return nil }
func (l *Leg) Done() <-chan struct{}            { return nil }
func validUser(s string) bool                   { return s != "" }
