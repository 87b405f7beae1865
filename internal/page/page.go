package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"

	"doorstation/internal/control"
	"doorstation/internal/httpd"
)

// What somebody on the network may cost the agent.
const (
	requestLimit = 10 * time.Second
	answerLimit  = 15 * time.Second
	idleLimit    = 30 * time.Second
	maxHeader    = 16 << 10
	maxConns     = 48
	// goneAfter is how long a browser may leave what it was sent without an acknowledgement.
	goneAfter = 30 * time.Second
)

// Errors that a [Station] wraps; the page tells them in their own words.
var (
	// ErrBusy says that a visit or a look is on, which a test would disturb.
	ErrBusy = errors.New("somebody is at the door or in a call with it: try again afterwards")
	// ErrTooManyViewers says that the picture is shown on as many pages as it may be.
	ErrTooManyViewers = errors.New("the picture is open on as many pages as the door allows: close one of them")
	// ErrNoPicture says that no picture can be sent to this browser.
	ErrNoPicture = errors.New("the picture can't be sent to this browser")
)

// Station is the agent as the page sees it. Its methods are called from several goroutines at once.
type Station interface {
	// Status is the whole station at this moment.
	Status() control.Status
	// Press presses a button as a visitor would.
	Press(button string) (control.PressReply, error)
	// Watch answers a browser's WebRTC offer with the camera's picture, which flows until the viewer is closed or ends by itself.
	// Errors: ErrTooManyViewers, ErrNoPicture.
	Watch(ctx context.Context, offer string) (Viewer, string, error)
	// TestSound opens the microphone for a moment and plays a tone at the door; it returns at once. Errors: ErrBusy.
	TestSound() error
}

// Viewer is a browser that is shown the picture.
type Viewer interface {
	// Done is closed when the picture has ended.
	Done() <-chan struct{}
	// Close ends it and waits for its end. It may be called more than once.
	Close()
}

// Button is a bell button and whom it calls, for the question before a test press.
type Button struct {
	Name  string
	Calls []string
}

// Options are what the page may be given.
type Options struct {
	// Address is host:port, such as 127.0.0.1:9518.
	Address string
	// Names are those under which browsers may reach the page besides the machine's own.
	Names []string
	// Password is checked if it is not nil.
	Password *Password
	Station  Station
	Buttons  []Button
	// Metrics is served as /metrics to who may see the page. It may be nil.
	Metrics http.Handler
	// Help is the directory of the faults' pages, CODE.md each; it need not exist.
	Help string
	Log  *slog.Logger
	Now  func() time.Time
	// OnFault is told why nothing listens at Address, and nil when something does. It may be nil.
	OnFault func(error)
	// OnAddress is told where the page is, and "" when it is nowhere any more. It may be nil.
	OnAddress func(string)
}

// Serve serves the page until ctx ends; it then returns nil. An address that can't be had is told and tried again: the bell does not
// depend on it.
func Serve(ctx context.Context, o Options) error {
	if o.OnFault == nil {
		o.OnFault = func(error) {}
	}
	if o.OnAddress == nil {
		o.OnAddress = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	httpd.KeepUp(ctx, func(ctx context.Context) error { return serveOnce(ctx, o) }, func(err error) { o.OnFault(fmt.Errorf("page: %w", err)) })
	return nil
}

// giveUp lets the kernel give a connection up whose far side takes nothing any more (RFC 5482, tcp(7)): a tablet that has left the Wi-Fi would
// hold one of the places for a quarter of an hour. The connections have it of the listener.
func giveUp(_, _ string, raw syscall.RawConn) error {
	var optErr error
	err := raw.Control(func(fd uintptr) {
		optErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(goneAfter.Milliseconds()))
	})
	return errors.Join(err, optErr)
}

// serveOnce serves on one listener until ctx ends, or the listener breaks.
func serveOnce(ctx context.Context, o Options) error {
	listen := net.ListenConfig{Control: giveUp}
	l, err := listen.Listen(ctx, "tcp", o.Address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := newServer(o, l.Addr())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	feeding := make(chan struct{})
	go func() {
		defer close(feeding)
		s.feed.run(ctx)
	}()
	defer func() {
		cancel()
		<-feeding
	}()
	o.OnFault(nil)
	o.OnAddress(l.Addr().String())
	defer o.OnAddress("")
	o.Log.Info("the status page is served", "address", l.Addr().String(), "password", o.Password != nil)
	return s.serve(ctx, netutil.LimitListener(l, maxConns))
}

// serve answers until ctx ends, or the listener breaks.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	// The pages that are open end with ctx, not when their people close them.
	return httpd.Answer(ctx, &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: requestLimit, ReadTimeout: requestLimit, WriteTimeout: answerLimit,
		IdleTimeout: idleLimit, MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return ctx },
	}, l, s.log)
}
