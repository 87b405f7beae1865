package app

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/control"
	"doorstation/internal/gpio"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

var _ control.Station = (*App)(nil)

// Press presses a button as if a visitor had.
func (a *App) Press(button string) (control.PressReply, error) {
	if button == "" && len(a.opt.Local.Buttons) > 0 {
		button = a.opt.Local.Buttons[0].Name
	}
	p, err := a.board.Inject(button)
	switch {
	case errors.Is(err, gpio.ErrNoSuchButton):
		return control.PressReply{}, fmt.Errorf("%w: %q", control.ErrNoSuchButton, button)
	case err != nil:
		return control.PressReply{}, fmt.Errorf("press %q: %w", button, err)
	}
	return control.PressReply{ID: p.ID, Button: p.Button}, nil
}

// Status is the whole station at this moment.
func (a *App) Status() control.Status {
	s := control.Status{Version: a.opt.Version, Started: a.started, Registration: control.Registration{State: "offline"}}
	if l := a.home.lines.current(); l != nil {
		s.Registration = registrationStatus(l)
		s.WarmOffers = control.WarmOffers{Ready: l.offers.Ready(), Want: l.want}
		ice := l.settings.Load().ICE
		s.ICE = control.ICE{RelayOnly: ice.TransportPolicy == "relay"}
		for _, server := range ice.Servers {
			s.ICE.Servers += len(server.URLs)
		}
		s.ICE.Host, s.ICE.Reflexive, s.ICE.Relay = l.offers.Gathered()
	}
	a.visitStatus(&s)
	levels := a.board.Levels()
	s.GPIO = control.GPIO{Chip: levels.Chip, Lock: string(levels.Lock), Light: string(levels.Light), LockOpenings: levels.LockOpenings}
	for _, b := range levels.Buttons {
		s.GPIO.Buttons = append(s.GPIO.Buttons, control.Button{
			Name: b.Name, Level: string(b.Level), Presses: b.Presses, Glitches: b.Glitches, Edges: b.Edges,
		})
	}
	c := a.camera.Status()
	s.Camera = control.Camera{
		Source: c.Source, State: string(c.State), Width: c.Width, Height: c.Height, Framerate: c.Framerate, Bitrate: c.Bitrate,
		Readers: c.Readers, Frames: c.Frames, KeyFrames: c.KeyFrames,
		Device: c.Used.Device, Capture: c.Used.Capture, Encoder: c.Used.Encoder, Late: c.Used.Late, Broken: c.Used.Broken,
	}
	s.Camera.BitrateTarget, s.Camera.BitrateCause = a.phone.BitrateTarget()
	a.soundStatus(&s)
	for _, f := range a.health.Standing() {
		s.Faults = append(s.Faults, control.Fault{
			Code: string(f.Code), Severity: string(f.Severity), Title: f.Title, Detail: f.Detail, Remedy: f.Remedy, Since: f.Since,
		})
	}
	s.Settings = a.home.status() // after the faults: what one of them says of the settings is told here before it stands
	s.Visits, s.Page = a.visits.newest(), a.watchers.status()
	s.Runtime = runtimeStatus()
	return s
}

// runtimeStatus is what the process holds. It stops nothing, unlike runtime.ReadMemStats.
func runtimeStatus() control.Runtime {
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(heap)
	r := control.Runtime{Goroutines: runtime.NumGoroutine()}
	if v := heap[0].Value; v.Kind() == metrics.KindUint64 {
		r.HeapBytes = v.Uint64()
	}
	return r
}

func registrationStatus(l *line) control.Registration {
	r := l.agent.Registration()
	out := control.Registration{
		State: string(r.State), Extension: r.Extension, BackupUser: l.settings.Load().BackupUser, Server: r.Server, Transport: r.Transport,
		Expires: timeOrNil(r.ExpiresAt), Retry: timeOrNil(r.RetryAt), Since: timeOrNil(r.Since),
	}
	if r.State == sip.Stopped {
		out.State = "offline"
	}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return out
}

func (a *App) visitStatus(s *control.Status) {
	v := a.station.Snapshot()
	s.Visit = control.Visit{
		State: string(v.State), Button: v.Button, Targets: v.Targets, AnsweredBy: v.Answered, Since: timeOrNil(v.Since),
	}
	s.Calls = control.Calls{Visits: v.Calls, Answered: v.Talks, IgnoredPresses: v.Ignored, Looks: v.Looks, RefusedCallers: v.Refused}
	s.Door = control.Door{
		Mode: string(v.Lock.Mode), Blocked: v.Lock.Why, Until: timeOrNil(v.Lock.Until), Contact: string(v.Door), Tamper: v.Tampered,
		WrongCodes: v.WrongCodes, LockOuts: v.LockOuts,
	}
	if l := v.Look; l.State != station.LookNone {
		s.Look = &control.Look{State: string(l.State), Caller: l.Caller, Loudspeaker: l.Loudspeaker, Since: l.Since}
	}
	if v.Last.Visit != 0 {
		s.Calls.Last = &control.LastCall{
			Outcome: string(v.Last.Outcome), At: v.Last.At, Button: v.Last.Button, AnsweredBy: v.Last.Answered,
			TalkSeconds: v.Last.Talk.Seconds(),
		}
	}
}

func (a *App) soundStatus(s *control.Status) {
	e := a.audio.Status()
	s.Sound = control.Sound{
		Device: e.Device, State: string(e.State), FarLevel: figure(e.Far.LevelDBFS, e.Streams > 0),
		FarFrequency: figure(e.Far.FrequencyHz, e.Streams > 0 && e.Far.FrequencyHz > 0), NearLevel: figure(e.Near.LevelDBFS, e.Streams > 0),
		Echo: string(e.Echo.State), Volume: e.Volume,
		EchoDelay: figure(float64(e.Echo.Delay.Microseconds())/1000, e.Echo.Delay > 0), EchoLoss: figure(e.Echo.LossDB, e.Echo.LossDB != 0),
		MicrophoneGain: figure(e.Echo.GainDB, !noCard(e.Device)),
	}
	if c := e.Call; c != nil {
		s.Sound.Call = &control.CallSound{MicrophoneMuted: c.MicrophoneMuted, LoudspeakerMuted: c.LoudspeakerMuted, Volume: c.Volume}
	}
	if v := e.Voice; v.Target > 0 {
		s.Sound.Voice = &control.Voice{
			Delay: v.Delay.Milliseconds(), Target: v.Target.Milliseconds(), Received: v.Received, Lost: v.Lost, Late: v.Late,
			Rebuilt: v.Recovered, MadeUp: v.Concealed, Shortened: v.Shortened, Lengthened: v.Lengthened,
		}
	}
}

// figure is nil for silence, for what JSON can't say, and for what is not known.
func figure(v float64, known bool) *float64 {
	if !known || math.IsInf(v, 0) || math.IsNaN(v) || v <= audio.SilenceDBFS {
		return nil
	}
	v = math.Round(v*10) / 10
	return &v
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
