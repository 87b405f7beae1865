package camera

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errNotBuilt = errors.New("camera: not built yet")

type HubOptions struct {
	Log     *slog.Logger
	OnFault func(error)
}
type State string
type Status struct {
	Source                            string
	State                             State
	Width, Height, Framerate, Bitrate int
	Readers                           int
	Frames, KeyFrames                 uint64
}
type Hub struct{}
type Reader struct{}

func NewTestSource(now func() time.Time) Source                { return nil }
func NewHub(src Source, p Params, opt HubOptions) *Hub         { return &Hub{} }
func (h *Hub) Run(ctx context.Context) error                   { return errNotBuilt }
func (h *Hub) Subscribe() *Reader                              { return &Reader{} }
func (h *Hub) RequestKeyFrame()                                {}
func (h *Hub) Status() Status                                  { return Status{} }
func (r *Reader) Next(ctx context.Context) (AccessUnit, error) { return AccessUnit{}, errNotBuilt }
func (r *Reader) Close()                                       {}
func (r *Reader) Dropped() uint64                              { return 0 }
