package audio

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errNotBuilt = errors.New("audio: not built yet")

type Tone string

const (
	ToneRinging Tone = "ringing"
	ToneBusy    Tone = "busy"
	ToneNobody  Tone = "nobody"
	ToneFault   Tone = "fault"
	ToneOpened  Tone = "opened"
	ToneEnded   Tone = "ended"
)

type EngineOptions struct {
	Log     *slog.Logger
	OnFault func(error)
	Now     func() time.Time
}
type Meter struct {
	LevelDBFS   float64
	FrequencyHz float64
}
type State string
type Status struct {
	Device             string
	State              State
	Far, Speaker, Near Meter
	Tone               Tone
	Streams            int
}
type Stats struct {
	Received, Lost, Late, Duplicate, Concealed, Recovered, Dropped, Malformed, Sent uint64
	FarLevelDBFS, NearLevelDBFS                                                     float64
	FirstFarSound                                                                   time.Time
}
type Engine struct{}
type Stream struct{}
type TestDeviceOption func()

func NewTestDevice(toneHz float64, opts ...TestDeviceOption) Device { return nil }
func NewSilentDevice() Device                                       { return nil }
func NewEngine(d Device, opt EngineOptions) *Engine                 { return &Engine{} }
func (e *Engine) Run(ctx context.Context) error                     { return errNotBuilt }
func (e *Engine) Open(c Codec, send func(payload []byte, d time.Duration)) (*Stream, error) {
	return nil, errNotBuilt
}
func (e *Engine) Play(t Tone)    {}
func (e *Engine) StopTone()      {}
func (e *Engine) Status() Status { return Status{} }
func (s *Stream) Receive(seq uint16, ts uint32, payload []byte, arrived time.Time) {
}
func (s *Stream) SetCodec(c Codec) error { return errNotBuilt }
func (s *Stream) Close()                 {}
func (s *Stream) Stats() Stats           { return Stats{} }
