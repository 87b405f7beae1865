package lab

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"
)

// The ports of coturn, the usual ones.
const (
	turnPort    = 3478
	turnTLSPort = 5349
)

// TURNOptions are for scenarios that need more than a server on [Addr].
type TURNOptions struct {
	CA        *CA      // signs a certificate for TLS; without it there is no TLS
	Addresses []string // to listen and relay at, default Addr; the first is that of the URLs
}

// TURN is a running coturn.
type TURN struct {
	Addr               string // "address:port", UDP and TCP
	TLSAddr            string // "address:port", TLS; empty without a CA
	Username, Password string

	proc *Process
}

// URL is the server's address for an RTCIceServer; transport is "udp", "tcp" or "tls".
func (s *TURN) URL(transport string) string {
	if transport == "tls" {
		return "turns:" + s.TLSAddr + "?transport=tcp"
	}
	return "turn:" + s.Addr + "?transport=" + transport
}

// Server is the server as an entry of a popup's list.
func (s *TURN) Server(transport string) ICEServer {
	return ICEServer{URLs: []string{s.URL(transport)}, Username: s.Username, Credential: s.Password}
}

// Log is what coturn has to say.
func (s *TURN) Log() string { return s.proc.Output() }

// StartTURN runs coturn until the test ends.
func StartTURN(t T, options ...TURNOptions) *TURN {
	t.Helper()
	o := TURNOptions{}
	if len(options) > 0 {
		o = options[0]
	}
	if o.Addresses == nil {
		o.Addresses = []string{Addr}
	}
	s := &TURN{
		Addr:     net.JoinHostPort(o.Addresses[0], strconv.Itoa(turnPort)),
		Username: "lab", Password: "lab-turn-secret",
	}
	dir := Out(t)
	args := []string{filepath.Join(Cache(), "asterisk"), "usr/bin/turnserver", "-n"}
	for _, a := range o.Addresses {
		args = append(args, "--listening-ip="+a, "--relay-ip="+a)
	}
	args = append(args, fmt.Sprintf("--listening-port=%d", turnPort), "--min-port=40000", "--max-port=40999",
		"--user="+s.Username+":"+s.Password, "--realm=lab", "--lt-cred-mech", "--verbose",
		"--log-file=stdout", "--simple-log", "--pidfile="+filepath.Join(dir, "turn.pid"), "--userdb="+filepath.Join(dir, "turn.db"))
	if o.CA == nil {
		args = append(args, "--no-tls")
	} else {
		s.TLSAddr = net.JoinHostPort(o.Addresses[0], strconv.Itoa(turnTLSPort))
		cert, key := filepath.Join(dir, "turn-cert.pem"), filepath.Join(dir, "turn-key.pem")
		if err := o.CA.issue(cert, key); err != nil {
			t.Fatalf("lab: %v", err)
		}
		args = append(args, fmt.Sprintf("--tls-listening-port=%d", turnTLSPort), "--cert="+cert, "--pkey="+key)
	}
	s.proc = launch(t, "turn", Command{Path: source("run-in-root.sh"), Args: args}, nil)
	t.Cleanup(func() {
		s.proc.Kill() // it would take seconds to end by itself
		if t.Failed() {
			t.Logf("--- the end of coturn's log (all of it: %s)\n%s", s.proc.out.path, Tail(s.Log(), 60))
		}
	})
	listening := s.Addr
	if s.TLSAddr != "" {
		listening = s.TLSAddr // the last it opens
	}
	Eventually(t, 10*time.Second, "coturn listens", func() bool {
		select {
		case <-s.proc.Done():
			t.Fatalf("lab: coturn ended:\n%s", Tail(s.proc.Output(), 20))
		default:
		}
		c, err := net.Dial("tcp", listening)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return s
}
