package registrar

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// bench is a server without sockets: connections are queues, and time is the test's.
type bench struct {
	*Server
	t *testing.T
}

func newBench(t *testing.T) *bench {
	b := &bench{Server: New(Options{Realm: "test", Users: household}), t: t}
	t.Cleanup(b.Close)
	return b
}

// plug makes a connection that has proved to be an extension and is registered for life seconds.
func (b *bench) plug(user string, life int) *flow {
	f := &flow{id: user, source: "192.0.2.1:5060", user: user, out: make(chan []byte, queueLength),
		nonces: map[string]*nonce{}, drop: func(error) {}}
	b.connect(f)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bind(user, f, sip.Uri{Scheme: "sip", User: user, Host: user + ".invalid"}, life, time.Now())
	return f
}

// got takes what was sent to a connection so far: the first line of each message.
func got(f *flow) []string {
	var lines []string
	for {
		select {
		case m := <-f.out:
			line, _, _ := strings.Cut(string(m), "\r\n")
			lines = append(lines, line)
		default:
			return lines
		}
	}
}

func message(method, target, toTag string) []byte {
	to := "<sip:101@test>"
	if toTag != "" {
		to += ";tag=" + toTag
	}
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/WS 200.invalid;branch=z9hG4bK1\r\nFrom: <sip:200@test>;tag=a\r\n"+
		"To: %s\r\nCall-ID: c\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n", method, target, to, method)
}

func TestRegistrationExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.plug("101", 60)
		time.Sleep(59 * time.Second)
		if b.Registered("101") != 1 {
			t.Error("gone before its time")
		}
		time.Sleep(time.Second)
		if b.Registered("101") != 0 {
			t.Error("still there after its time")
		}
	})
}

func TestNobodyEverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		door, tablet := b.plug("200", 7200), b.plug("101", 7200)
		req := parse(t, message("INVITE", "sip:101@test", ""))
		b.mu.Lock()
		b.newInvite(door, req)
		b.mu.Unlock()
		if lines := got(tablet); len(lines) != 1 {
			t.Fatalf("the tablet got %q", lines)
		}
		time.Sleep(ringLimit)
		synctest.Wait()
		lines := got(door)
		if len(lines) != 2 || lines[1] != "SIP/2.0 408 Request Timeout" {
			t.Errorf("the door got %q, want 408 at the end", lines)
		}
		time.Sleep(transactionLimit)
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.invites)+len(b.branches) != 0 {
			t.Error("the call is remembered for ever")
		}
	})
}

func TestCancelledPhoneStaysSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		door := b.plug("200", 7200)
		b.plug("101", 7200)
		b.mu.Lock()
		b.newInvite(door, parse(t, message("INVITE", "sip:101@test", "")))
		b.mu.Unlock()
		b.receive(door, message("CANCEL", "sip:101@test", ""))
		got(door)
		time.Sleep(transactionLimit)
		synctest.Wait()
		if lines := got(door); len(lines) != 1 || lines[0] != "SIP/2.0 487 Request Terminated" {
			t.Errorf("the door got %q, want 487", lines)
		}
	})
}

func TestUnansweredRequestTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		door := b.plug("200", 7200)
		b.plug("101", 7200)
		b.receive(door, message("INFO", "sip:101@101.invalid", "b"))
		time.Sleep(transactionLimit)
		synctest.Wait()
		if lines := got(door); len(lines) != 1 || lines[0] != "SIP/2.0 408 Request Timeout" {
			t.Errorf("the door got %q, want 408", lines)
		}
	})
}

func TestNonceExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := b.plug("101", 7200)
		for range 3 * maxNonces { // asking for ever does not fill the memory
			b.receive(f, message("REGISTER", "sip:test", ""))
			got(f)
		}
		if len(f.nonces) > maxNonces {
			t.Errorf("%d nonces are remembered, want at most %d", len(f.nonces), maxNonces)
		}
		time.Sleep(nonceLife)
		b.receive(f, message("REGISTER", "sip:test", ""))
		if len(f.nonces) != 1 {
			t.Errorf("%d nonces live after their time, want the new one alone", len(f.nonces))
		}
	})
}

func parse(t *testing.T, data []byte) *sip.Request {
	t.Helper()
	msg, err := sip.ParseMessage(data)
	if err != nil {
		t.Fatal(err)
	}
	return msg.(*sip.Request)
}
