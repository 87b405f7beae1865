// Package discover finds the Home Assistants of the house: it asks on every network by multicast DNS (RFC 6762) for the service
// _home-assistant._tcp (RFC 6763), which Home Assistant announces by itself.
//
// It asks as a one-shot querier with a port of its own (RFC 6762, 5.1 and 6.7), so that it neither needs port 5353, which
// avahi-daemon has on a Raspberry Pi, nor takes part in the protocol. Messages are packed and unpacked by miekg/dns. The ready
// browsers that build on it were looked at and left: of several addresses they tell one, or they ask on one network, or they go on
// after their end; and golang.org/x/net's messages refuse names with a dot in a label, which a home may have.
//
// What answers is a stranger. Everything is bounded, and what is shown to people is free of control characters.
package discover

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"
)

// ErrNoNetwork says that there is no network to ask on.
var ErrNoNetwork = errors.New("there is no network that takes multicasts: is the cable in, the Wi-Fi connected?")

// Instance is a Home Assistant that was found.
type Instance struct {
	// Key tells this one from others for as long as it is announced: its uuid, or its name where it has none.
	Key string
	// Name is the home's, for people, without control characters, at most 63 bytes.
	Name string
	// Version is Home Assistant's, such as "2026.10.1"; empty when it is not told.
	Version string
	// URLs are the addresses to try, the likeliest first; at least one. Each is http or https, host and port only: what it
	// says of itself for inside the house, where it was found, and last what it says for outside.
	URLs []string
}

// Options say how to look.
type Options struct {
	// Log may be nil.
	Log *slog.Logger
	// Interfaces are the networks to ask on; nil: all that are up and take multicasts, without loopback.
	Interfaces []net.Interface
}

// The times of the questions: RFC 6762, 5.2 wants a second between the first two and each later pause at least doubled.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// Find asks until ctx ends, and calls found for each Home Assistant as soon as enough is known of it, and again when more is: then
// the Key is the same and URLs has grown or changed. found is called from this goroutine alone. A few seconds are enough: most
// answer within a tenth of one. The error is ErrNoNetwork, or nil.
func Find(ctx context.Context, o Options, found func(Instance)) error {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	sockets, err := listen(o.Interfaces, log)
	if err != nil {
		return err
	}
	packets := make(chan packet, 16)
	readers := startReaders(ctx, sockets, packets)
	defer readers.stop()

	known := newCollector()
	ask(sockets, known, log)
	pause := firstPause
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-packets:
			if !p.socket.believes(p) {
				continue
			}
			more := known.take(p.data, p.socket.id, p.socket.zone())
			for _, i := range known.news() {
				found(i)
			}
			if more { // a responder that sent less than all
				ask(sockets, known, log)
			}
		case <-timer.C:
			ask(sockets, known, log)
			pause = min(2*pause, lastPause)
			timer.Reset(pause)
		}
	}
}

// ask sends what is still to be known to every network.
func ask(sockets []*socket, known *collector, log *slog.Logger) {
	for _, s := range sockets {
		message, err := known.questions(s.id)
		if err == nil {
			err = s.send(message)
		}
		if err != nil {
			log.Debug("asking for Home Assistant", slog.String("interface", s.ifi.Name), slog.Any("error", err))
		}
	}
}
