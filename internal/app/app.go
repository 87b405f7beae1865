package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
	"doorstation/internal/control"
	"doorstation/internal/gpio"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/phone"
	"doorstation/internal/settings"
	"doorstation/internal/station"
	"doorstation/internal/watchdog"
)

// App is the running agent.
type App struct {
	opt     Options
	started time.Time

	health *health.Register
	board  *gpio.Board
	source camera.Source
	camera *camera.Hub
	audio  *audio.Engine
	// echoMemory is nil without a sound card; echoDelays, of length one, brings it what was measured.
	echoMemory *echoMemory
	echoDelays chan time.Duration
	guesses    *guessMemory
	phone      *phone.Phone
	station    *station.Runner
	home       *home
	dog        *watchdog.Dog
	leave      chan struct{} // holds one: a restart was asked for
	leaving    sync.WaitGroup
	loans      loans

	refusals refusals
	visits   visits
	lamp     lamp
	watchers *watchers
	// soundTests holds one: a test was asked for.
	soundTests chan struct{}
}

// Run starts every room and returns after ctx has ended and all of them have stopped: the call that is up is
// ended, the door is unregistered, the lock and the light are off. Only what nobody can mend in Home Assistant
// is returned as an error before that (the control socket is taken by another agent). It also returns, with nil, when a restart was asked
// for ([App.Restart]), and when hardware that was lent is given back ([App.Lend]).
func Run(ctx context.Context, o Options) error {
	// Before anything is touched: a second agent would take the pins, and the PBX would call it in the first one's place.
	if err := alone(ctx, o.Socket); err != nil {
		return err
	}
	return build(o).run(ctx)
}

// aloneLimit bounds the question whether another agent is there.
const aloneLimit = 2 * time.Second

// alone returns control.ErrInUse when another agent answers on the socket. Anything else is left to the control room.
func alone(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, aloneLimit)
	defer cancel()
	if _, err := control.NewClient(socket).Status(ctx); err == nil {
		return fmt.Errorf("%w: %s", control.ErrInUse, socket)
	}
	return nil
}

func build(o Options) *App {
	a := &App{soundTests: make(chan struct{}, 1), echoDelays: make(chan time.Duration, 1), opt: o, started: o.Now(), leave: make(chan struct{}, 1), health: health.NewRegister(o.Now, o.Log.With("room", "health"))}
	a.board = gpio.Open(boardConfig(o, a.health))
	a.watchers = newWatchers(func(on bool) { a.lamp.set(a, func(l *lamp) { l.watched = on }) })
	a.source = a.cameraSource()
	a.camera = camera.NewHub(a.source, hardware.Params(o.Local.Camera), camera.HubOptions{
		Log: o.Log.With("room", "camera"), OnFault: a.cameraFault,
	})
	a.audio = audio.NewEngine(a.audioDevice(), audio.EngineOptions{
		Log: o.Log.With("room", "audio"), OnFault: a.audioFault, Microphone: a.microphone(), Tones: a.tones(),
		Quieter: 100 - o.Local.Audio.Volume, ToneQuieter: 100 - o.Local.Audio.ToneVolume,
	})

	book := a.loadCodes()
	memory := newLockMemory(o.StateDir, o.Log.With("room", "station"))
	machine := station.NewMachine(stationConfig(o.Local, settings.IncomingCalls{}, book))
	a.phone = phone.New(phone.Options{
		Camera: a.camera, Audio: a.audio, Bitrate: bitrateLimits(o.Local.Camera), Log: o.Log.With("room", "phone"), Now: o.Now,
		Events: func(ev station.Event) { a.station.Post(ev) },
	})
	a.station = station.NewRunner(machine, caller{a}, caller{a}, door{a.board, memory}, sounder{a.audio}, light{a}, o.Log.With("room", "station"))
	a.guesses = newGuessMemory(o.StateDir, o.Log.With("room", "station"))
	standing := newAlarms(a.health, o.StateDir, o.Log.With("room", "station"))
	a.station.Use(book, standing, a.guesses.keep)
	a.station.OnVisit(a.visits.add)
	a.station.Post(station.Remembered{Why: memory.recall(), Guesses: a.guesses.recall(), Standing: standing.recall()})
	a.home = newHome(o, a.health, a.phone)
	a.home.configured = func(s settings.Settings) {
		a.station.Post(station.Configured{Config: stationConfig(s.Local, s.Incoming, book)})
	}
	a.refusals = refusals{faults: faults{a.health}, now: o.Now}
	a.dog = a.newDog()
	return a
}

// stage is one room's goroutine with its own end, so that the rooms stop one after the other.
type stage struct {
	name   string
	cancel context.CancelFunc
	done   chan error
}

func start(name string, run func(context.Context) error) *stage {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stage{name: name, cancel: cancel, done: make(chan error, 1)}
	go func() { s.done <- run(ctx) }()
	return s
}

// stop ends the room and waits for it.
func (s *stage) stop() error {
	s.cancel()
	return <-s.done
}

// run starts the rooms from the bottom up and stops them from the top down.
func (a *App) run(ctx context.Context) error {
	log := a.opt.Log
	log.Info("doorstation starts", "version", a.opt.Version, "gpio", a.opt.Local.GPIO, "socket", a.opt.Socket)
	failed := make(chan error, 16)
	var stages []*stage
	begin := func(name string, run func(context.Context) error) {
		stages = append(stages, start(name, func(ctx context.Context) error {
			err := run(ctx)
			if err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
			return err
		}))
	}
	begin("gpio", a.board.Run)
	begin("camera", a.camera.Run)
	begin("camera probe", a.probeCamera)
	begin("echo memory", a.keepEcho)
	begin("audio", a.audio.Run)
	begin("home", a.home.Run)
	begin("network", a.watchNetwork)
	begin("machine", a.watchMachine)
	begin("phone", func(ctx context.Context) error {
		<-ctx.Done()
		a.phone.Close()
		return nil
	})
	begin("wrong codes", a.guesses.run)
	begin("station", a.station.Run)
	begin("presses", a.forwardPresses)
	begin("inputs", a.forwardInputs)
	begin("leds", a.showLEDs)
	begin("control", func(ctx context.Context) error {
		return control.Serve(ctx, a.opt.Socket, a, log.With("room", "control"))
	})
	begin("monitor", a.serveMonitor)
	begin("sound test", a.testSounds)
	begin("status page", a.servePage)
	begin("watchdog", a.dog.Run)
	begin("service", a.tellService)

	watching, unwatch := context.WithCancel(ctx)
	defer a.leaving.Wait()
	defer unwatch()
	var err error
	select {
	case <-ctx.Done():
		log.Info("doorstation stops")
	case <-a.leaveWhenIdle(watching):
		log.Info("doorstation stops, to be started again")
	case err = <-failed:
	}
	loan := a.loans.last()
	if loan != nil {
		defer a.feed(lettingGo)()
	}
	for i := len(stages) - 1; i >= 0; i-- {
		if stopErr := stages[i].stop(); stopErr != nil && !errors.Is(err, stopErr) {
			log.Warn("not stopped cleanly", "room", stages[i].name, "error", stopErr)
		}
		log.Debug("room stopped", "room", stages[i].name)
	}
	log.Info("doorstation stopped")
	if loan != nil {
		a.lend(ctx, loan)
	}
	return err
}

// forwardPresses takes the presses from the board to the station.
func (a *App) forwardPresses(ctx context.Context) error {
	for {
		select {
		case p := <-a.board.Presses():
			a.opt.Log.Info("bell pressed", "button", p.Button, "press", p.ID, "source", string(p.Source))
			a.station.Post(station.Pressed{ID: p.ID, Button: p.Button, At: p.At})
		case <-ctx.Done():
			return nil
		}
	}
}
