package sip

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// memorySocket is one end of a connection without a network.
type memorySocket struct {
	in, out chan []byte
	closed  chan struct{}
	once    *sync.Once
	pong    func() bool
	stuck   func() bool
}

func (s *memorySocket) Read() ([]byte, error) {
	select {
	case d := <-s.in:
		return d, nil
	default:
	}
	select {
	case d := <-s.in:
		return d, nil
	case <-s.closed:
		return nil, io.EOF
	}
}

func (s *memorySocket) Write(ctx context.Context, d []byte) error {
	for s.stuck != nil && s.stuck() {
		select {
		case <-s.closed:
			return io.ErrClosedPipe
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	select {
	case <-s.closed:
		return io.ErrClosedPipe
	case s.out <- d:
		return nil
	}
}

func (s *memorySocket) Ping(ctx context.Context) error {
	if s.pong() {
		return nil
	}
	select {
	case <-s.closed:
		return io.EOF
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *memorySocket) Leave() { s.Close() } //nolint:errcheck // cannot fail

func (s *memorySocket) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

var errDialRefused = errors.New("connection refused")

// lookMemory is shut where the test does not say otherwise.
func (p *pbx) lookMemory(context.Context, Endpoint) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks++
	if p.onLook == nil {
		return errDialRefused
	}
	return p.onLook()
}

func (p *pbx) dialMemory(_ context.Context, e Endpoint, _ func()) (socket, error) {
	p.mu.Lock()
	p.dials++
	hook, away := p.onDial, p.away
	p.mu.Unlock()
	if away {
		return nil, errDialRefused
	}
	if hook != nil {
		if err := hook(e.Header); err != nil {
			return nil, err
		}
	}
	toAgent, toPBX, closed := make(chan []byte, 1000), make(chan []byte, 1000), make(chan struct{})
	near := &memorySocket{in: toAgent, out: toPBX, closed: closed, once: new(sync.Once), pong: func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return (!p.mute || p.pongs) && !p.noPongs
	}, stuck: func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.stuck
	}}
	far := &memorySocket{in: toPBX, out: toAgent, closed: closed, once: near.once}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		p.serve(&line{
			read:  func() ([]byte, error) { return far.Read() },
			write: func(d []byte) error { return far.Write(context.Background(), d) },
			shut:  func() { far.Close() }, //nolint:errcheck // cannot fail
		})
	}()
	return near, nil
}
