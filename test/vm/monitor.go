package vm

import (
	"bytes"
	"io"
	"net"
	"time"
)

// monitor gives qemu a command.
func (m *Machine) monitor(command string) {
	m.t.Helper()
	conn, err := net.DialTimeout("unix", m.path("monitor"), 10*time.Second)
	if err != nil {
		m.t.Fatalf("vm: qemu's monitor: %v", err)
	}
	defer conn.Close()
	if err = conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		m.t.Fatalf("vm: qemu's monitor: %v", err)
	}
	prompt := func() error {
		var seen []byte
		b := make([]byte, 512)
		for !bytes.Contains(seen, []byte("(qemu) ")) {
			n, readErr := conn.Read(b)
			seen = append(seen, b[:n]...)
			if readErr != nil {
				return readErr
			}
		}
		return nil
	}
	if err = prompt(); err == nil {
		_, err = io.WriteString(conn, command+"\n")
	}
	switch {
	case err != nil:
	case command == "quit":
		// A connection closed too early takes the command with it.
		_, _ = io.Copy(io.Discard, conn)
	default:
		err = prompt() // the echo of the command ends with it
	}
	if err != nil {
		m.t.Fatalf("vm: qemu's monitor: %s: %v", command, err)
	}
}

// Unplug and Plug pull the network cable and put it back.
func (m *Machine) Unplug() { m.t.Helper(); m.monitor("set_link eth off") }

// Plug puts the network cable back.
func (m *Machine) Plug() { m.t.Helper(); m.monitor("set_link eth on") }
