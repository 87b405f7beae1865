// Package page opens the door's status page in a real browser, for its tests and for the pictures in the docs.
package page

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"doorstation/test/lab"
)

// answerLimit is more than the driver itself waits for anything.
const answerLimit = 60 * time.Second

// Browser is a Chromium without a window.
type Browser struct {
	t      lab.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	said   chan message
	nextID int

	mu         sync.Mutex
	complaints []string
	tabs       int
}

// message is a line of the driver.
type message struct {
	ID        int             `json:"id"`
	Result    json.RawMessage `json:"result"`
	Error     string          `json:"error"`
	Ready     string          `json:"ready"`
	Page      string          `json:"page"`
	Complaint string          `json:"complaint"`
}

// StartBrowser starts Chromium with more flags; it ends with the test. One goroutine uses it.
func StartBrowser(t lab.T, flags ...string) *Browser {
	t.Helper()
	b := &Browser{t: t, said: make(chan message, 16)}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("page: %v: run scripts/deps.sh lab", err)
	}
	given, err := json.Marshal(append([]string{}, flags...))
	if err != nil {
		t.Fatalf("page: %v", err)
	}
	_, here, _, _ := runtime.Caller(0)
	b.cmd = exec.Command("node", filepath.Join(filepath.Dir(here), "driver.mjs"))
	b.cmd.Env = append(os.Environ(), "LAB_MODULES="+filepath.Join(lab.Cache(), "popup"), "LAB_CHROMIUM="+chromium, "LAB_CHROMIUM_FLAGS="+string(given))
	b.cmd.Stderr = os.Stderr
	stdout, err := b.cmd.StdoutPipe()
	if err == nil {
		b.stdin, err = b.cmd.StdinPipe()
	}
	if err == nil {
		err = b.cmd.Start()
	}
	if err != nil {
		t.Fatalf("page: the browser's driver: %v", err)
	}
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		b.listen(stdout)
	}()
	t.Cleanup(func() {
		_ = b.stdin.Close() // the polite way to end it; it may be gone
		force := time.AfterFunc(10*time.Second, func() { _ = b.cmd.Process.Kill() })
		<-listening
		_ = b.cmd.Wait() // how it ended says nothing about the page
		force.Stop()
	})
	b.answer(0)
	return b
}

// listen takes what the driver says.
func (b *Browser) listen(stdout io.Reader) {
	defer close(b.said)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var m message
		switch err := json.Unmarshal(lines.Bytes(), &m); {
		case err != nil:
			b.complain("not understood: " + lines.Text())
		case m.Complaint != "":
			b.complain(m.Page + ": " + m.Complaint)
		default:
			b.said <- m
		}
	}
}

func (b *Browser) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, text)
}

// Complaints are the errors on pages so far.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.complaints)
}

// answer waits for the answer to a request.
func (b *Browser) answer(id int) message {
	b.t.Helper()
	select {
	case m, open := <-b.said:
		if !open || m.ID != id {
			b.t.Fatalf("page: the browser's driver ended, or answers something else: %+v", m)
		}
		return m
	case <-time.After(answerLimit):
		b.t.Fatalf("page: the browser's driver does not answer")
		return message{}
	}
}

// ask makes a request; its error is the driver's.
func (b *Browser) ask(op string, more map[string]any) (json.RawMessage, error) {
	b.t.Helper()
	b.nextID++
	request := map[string]any{"id": b.nextID, "op": op}
	for key, value := range more {
		request[key] = value
	}
	line, err := json.Marshal(request)
	if err == nil {
		_, err = b.stdin.Write(append(line, '\n'))
	}
	if err != nil {
		b.t.Fatalf("page: the browser's driver: %v", err)
	}
	m := b.answer(b.nextID)
	if m.Error != "" {
		return nil, fmt.Errorf("page: %s: %s", op, m.Error)
	}
	return m.Result, nil
}
