package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const (
	defaultPort = 8099
	// portsTried is how many ports from the default one on are tried when nobody asked for a certain one.
	portsTried = 20
)

// listen takes the port of the page. A port that was asked for and is taken is an error; the default one gives way to the
// next that is free.
func listen(address string, port int, chosen bool) (net.Listener, error) {
	for n := 0; ; n++ {
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port+n)))
		switch {
		case err == nil:
			return l, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("cannot serve at %s: %w", net.JoinHostPort(address, strconv.Itoa(port)), err)
		case chosen:
			return nil, fmt.Errorf("port %d is taken by another program; choose another with --port", port)
		case n == portsTried:
			return nil, fmt.Errorf("ports %d to %d are all taken; choose one with --port", port, port+n)
		}
	}
}

// pageAddress is what to type into a browser on this machine. A name for loopback keeps the microphone allowed.
func pageAddress(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return "http://" + a.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}
