package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ErrBrowser is what requests to the browser fail with.
var ErrBrowser = errors.New("lab: browser")

// BrowserOptions are for scenarios that need a Chromium of their own kind. The zero value is the usual one.
type BrowserOptions struct {
	Flags   []string // more command-line flags, such as --allow-loopback-in-peer-connection
	Network *Network // where it is; nil is the lab's own
}

// Browser is a running headless Chromium, driven through a Node.js process (popup/driver.mjs).
type Browser struct {
	Version string

	proc  *Process
	stdin io.WriteCloser
	read  chan struct{} // closed when the driver has said its last

	mu      sync.Mutex
	nextID  int
	waiting map[int]chan reply
	popups  map[string]*Popup
	gone    error
}

type reply struct {
	result json.RawMessage
	err    error
}

// StartBrowser starts Chromium; it ends with the test. One browser serves any number of popups.
func StartBrowser(t T, options ...BrowserOptions) *Browser {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("lab: %v: run scripts/deps.sh lab", err)
	}
	chromium, err := findChromium()
	if err != nil {
		t.Fatalf("lab: %v: run scripts/deps.sh lab", err)
	}
	flags := []string{}
	var network *Network
	for _, o := range options {
		flags = append(flags, o.Flags...)
		network = o.Network
	}
	given, err := json.Marshal(flags)
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	b := &Browser{waiting: map[int]chan reply{}, popups: map[string]*Popup{}, read: make(chan struct{})}
	stdout, lines := io.Pipe()
	driver := Command{
		Path: node,
		Args: []string{source(filepath.Join("popup", "driver.mjs"))},
		Env:  []string{"LAB_MODULES=" + filepath.Join(Cache(), "popup"), "LAB_CHROMIUM=" + chromium, "LAB_CHROMIUM_FLAGS=" + string(given)},
	}
	if network != nil {
		driver = network.Command(driver)
	}
	b.proc = launch(t, "browser", driver, func(cmd *exec.Cmd) (err error) {
		cmd.Stdout = lines
		b.stdin, err = cmd.StdinPipe()
		return err
	})
	ready := make(chan string, 1)
	go b.listen(stdout, ready)
	go func() {
		<-b.proc.Done()
		_ = lines.Close() // never fails
	}()
	t.Cleanup(func() { b.close(t) })
	select {
	case b.Version = <-ready:
	case <-b.proc.Done():
		t.Fatalf("lab: the browser's driver ended:\n%s", Tail(b.proc.Output(), 30))
	case <-time.After(60 * time.Second):
		t.Fatalf("lab: Chromium did not start within a minute:\n%s", Tail(b.proc.Output(), 30))
	}
	return b
}

// findChromium finds Debian's Chromium or another one of the usual names.
func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no chromium: %w", exec.ErrNotFound)
}

// close ends the driver, which ends Chromium.
func (b *Browser) close(t T) {
	// Closing stdin is the polite way; the process may be gone already.
	if err := b.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Logf("lab: %v", err)
	}
	select {
	case <-b.proc.Done():
	case <-time.After(5 * time.Second):
	}
	b.proc.Stop(5 * time.Second)
	<-b.read
	if t.Failed() && b.proc.Output() != "" {
		t.Logf("--- the browser driver's output\n%s", Tail(b.proc.Output(), 40))
	}
}

// listen hands the driver's lines to those who wait for them, until the driver ends.
func (b *Browser) listen(stdout io.ReadCloser, ready chan<- string) {
	defer close(b.read)
	defer stdout.Close()
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 64<<20) // a picture is one line
	for lines.Scan() {
		var m struct {
			ID     int             `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  string          `json:"error"`
			Popup  string          `json:"popup"`
			Event  *Event          `json:"event"`
			Log    string          `json:"log"`
			Ready  string          `json:"ready"`
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			b.proc.out.note("lab: not understood: " + lines.Text())
			continue
		}
		switch {
		case m.Ready != "":
			ready <- m.Ready
		case m.Popup != "":
			b.mu.Lock()
			p := b.popups[m.Popup]
			b.mu.Unlock()
			if p == nil {
				continue
			}
			if m.Event != nil {
				p.happened(*m.Event)
			} else {
				p.console(m.Log)
			}
		default:
			b.mu.Lock()
			waiting := b.waiting[m.ID]
			delete(b.waiting, m.ID)
			b.mu.Unlock()
			if waiting == nil {
				continue
			}
			if m.Error != "" {
				waiting <- reply{err: fmt.Errorf("%w: %s", ErrBrowser, m.Error)}
			} else {
				waiting <- reply{result: m.Result}
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = fmt.Errorf("%w: it ended", ErrBrowser)
	for _, w := range b.waiting {
		w <- reply{err: b.gone}
	}
	b.waiting = nil
}

// request asks the driver for an operation and waits for its result, at most limit.
func (b *Browser) request(limit time.Duration, op, popup string, more map[string]any) (json.RawMessage, error) {
	m := map[string]any{"op": op, "popup": popup}
	for k, v := range more {
		m[k] = v
	}
	answered := make(chan reply, 1)
	b.mu.Lock()
	if b.gone != nil {
		b.mu.Unlock()
		return nil, b.gone
	}
	b.nextID++
	m["id"] = b.nextID
	b.waiting[b.nextID] = answered
	line, err := json.Marshal(m)
	if err == nil {
		_, err = b.stdin.Write(append(line, '\n'))
	}
	b.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBrowser, err)
	}
	select {
	case r := <-answered:
		return r.result, r.err
	case <-time.After(limit):
		return nil, fmt.Errorf("%w: no answer to %s within %v", ErrBrowser, strings.TrimSpace(op), limit)
	}
}
