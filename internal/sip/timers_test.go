package sip

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// tap is the far end of a connection in memory: it sees when each message was sent, and sends what it is told.
type tap struct {
	t    *testing.T
	c    *conn
	sock *memorySocket

	mu       sync.Mutex
	began    time.Time
	seen     []string // "0.5 OPTIONS"
	requests []*serverTx
}

// onTheWire runs a scenario over an unreliable or a reliable transport, with a fake clock.
func onTheWire(t *testing.T, transport string, scenario func(t *testing.T, w *tap)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		toUs, toThem, closed := make(chan []byte, 1000), make(chan []byte, 1000), make(chan struct{})
		near := &memorySocket{in: toUs, out: toThem, closed: closed, once: new(sync.Once), pong: func() bool { return true }}
		w := &tap{t: t, sock: &memorySocket{in: toThem, out: toUs, closed: closed, once: near.once}, began: time.Now()}
		w.c = newConn(slog.New(slog.DiscardHandler), func(tx *serverTx) {
			w.mu.Lock()
			w.requests = append(w.requests, tx)
			w.mu.Unlock()
		})
		w.c.attach(near, hop{transport: transport, host: "192.0.2.5", port: 5066})
		var running sync.WaitGroup
		running.Go(w.c.run)
		running.Go(func() {
			for {
				d, err := w.sock.Read()
				if err != nil {
					return
				}
				m, err := parse(d)
				if err != nil {
					t.Errorf("sent %q: %v", d, err)
					continue
				}
				w.mu.Lock()
				w.seen = append(w.seen, fmt.Sprintf("%g %s", time.Since(w.began).Seconds(), describe(m)))
				w.mu.Unlock()
			}
		})
		scenario(t, w)
		w.c.close(errClosing) //nolint:errcheck // returns what it was given
		running.Wait()
	})
}

// after waits until the given time since the beginning.
func (w *tap) after(d time.Duration) {
	time.Sleep(time.Until(w.began.Add(d)))
	synctest.Wait()
}

// expect compares all that was seen so far.
func (w *tap) expect(want ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.seen, want) {
		w.t.Errorf("on the wire:\n%s\nwant:\n%s", strings.Join(w.seen, "\n"), strings.Join(want, "\n"))
	}
}

func (w *tap) send(message string) {
	w.t.Helper()
	if err := w.sock.Write(w.t.Context(), []byte(message)); err != nil {
		w.t.Error(err)
	}
	synctest.Wait()
}

// asked is a request of ours with what became of it.
type asked struct {
	req     *sipmsg.Request
	mu      sync.Mutex
	answers []int
	err     error
}

func (a *asked) result() ([]int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.answers), a.err
}

func (w *tap) ask(method sipmsg.RequestMethod) *asked {
	w.t.Helper()
	d := dialog{id: identity{extension: "8001", domain: "pbx.example"}, callID: "c", localTag: "t",
		remote: sipmsg.ToHeader{Address: sipmsg.Uri{Scheme: "sip", User: "101", Host: "pbx.example"}},
		target: sipmsg.Uri{Scheme: "sip", User: "101", Host: "pbx.example"}}
	a := &asked{req: d.build(w.c, method)}
	err := w.c.request(a.req, func(res *sipmsg.Response) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.answers = append(a.answers, res.StatusCode)
	}, func(err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.err = errors.Join(a.err, err)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *tap) answer(a *asked, status int) { w.send(response(a.req, status, "Whatever", "far", "")) }

func (w *tap) lastRequest() *serverTx {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests) == 0 {
		w.t.Fatal("no request came")
	}
	return w.requests[len(w.requests)-1]
}

func (w *tap) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests)
}

// fromFar writes a request of the peer.
func fromFar(method, branch, extra string) string {
	return fmt.Sprintf("%s sip:8001@192.0.2.5:5066 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK%s\r\nFrom: <sip:101@pbx.example>;tag=far\r\n"+
		"To: <sip:8001@pbx.example>%s\r\nCall-ID: far-call\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n", method, branch, extra, method)
}

// times writes when one kind of message is expected.
func times(what string, at ...float64) []string {
	var list []string
	for _, s := range at {
		list = append(list, fmt.Sprintf("%g %s", s, what))
	}
	return list
}

func TestTimerA(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		a := w.ask(sipmsg.INVITE)
		w.after(time.Minute)
		w.expect(times("INVITE", 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)...)
		if answers, err := a.result(); len(answers) != 0 || !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%v, %v", answers, err)
		}
	})
}

func TestTimerAEndsWithTheFirstAnswer(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		a := w.ask(sipmsg.INVITE)
		w.after(600 * time.Millisecond)
		w.answer(a, 100)
		w.after(10 * time.Minute) // ringing has no limit
		w.answer(a, 180)
		w.expect(times("INVITE", 0, 0.5)...)
		if answers, err := a.result(); !slices.Equal(answers, []int{100, 180}) || err != nil {
			t.Errorf("%v, %v", answers, err)
		}
	})
}

func TestTimerE(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		a := w.ask(sipmsg.OPTIONS)
		w.after(time.Minute)
		w.expect(times("OPTIONS", 0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)...)
		if _, err := a.result(); !errors.Is(err, ErrNoAnswer) {
			t.Error(err)
		}
	})
}

func TestTimerEAfterAProvisionalAnswer(t *testing.T) {
	onTheWire(t, "UDP", func(_ *testing.T, w *tap) {
		a := w.ask(sipmsg.BYE)
		w.after(600 * time.Millisecond)
		w.answer(a, 100)
		w.after(7 * time.Second)
		w.answer(a, 200)
		w.after(time.Minute)
		w.expect(times("BYE", 0, 0.5, 1.5, 5.5)...)
	})
}

func TestTimerD(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		a := w.ask(sipmsg.INVITE)
		for _, at := range []time.Duration{100, 600, 20000, 32000, 33000} {
			w.after(at * time.Millisecond)
			w.answer(a, 486) // the ACK was lost, so it comes again
		}
		w.expect(append(times("INVITE", 0), times("ACK", 0.1, 0.6, 20, 32)...)...)
		if answers, err := a.result(); !slices.Equal(answers, []int{486}) || err != nil {
			t.Errorf("the call was told %v, %v", answers, err)
		}
	})
}

func TestTimerK(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		a := w.ask(sipmsg.BYE)
		for range 5 {
			w.answer(a, 200)
			time.Sleep(2 * time.Second)
		}
		w.expect(times("BYE", 0)...)
		if answers, err := a.result(); !slices.Equal(answers, []int{200}) || err != nil {
			t.Errorf("told %v, %v", answers, err)
		}
	})
}

// Each 2xx is for the call to acknowledge (RFC 3261 section 13.2.2.4), as long as the network may hold one (Timer M).
func TestTimerM(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		a := w.ask(sipmsg.INVITE)
		for _, at := range []time.Duration{1, 2, 30, 61, 100} {
			w.after(at * time.Second)
			w.answer(a, 200)
		}
		if answers, _ := a.result(); len(answers) != 4 {
			t.Errorf("told %v", answers)
		}
	})
}

func TestTimerJ(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		w.send(fromFar("BYE", "1", ""))
		w.send(fromFar("BYE", "1", "")) // before there is an answer: nothing to send
		w.expect()
		w.lastRequest().answer(481, "None", "", "")
		for _, at := range []time.Duration{1, 10, 31} {
			w.after(at * time.Second)
			w.send(fromFar("BYE", "1", ""))
		}
		w.expect(times("481 BYE", 0, 1, 10, 31)...)
		if w.count() != 1 {
			t.Errorf("told %d times", w.count())
		}
		w.after(33 * time.Second)
		w.send(fromFar("BYE", "1", ""))
		if w.count() != 2 {
			t.Error("the transaction stays for ever")
		}
	})
}

func TestTimersGAndH(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		w.send(fromFar("INVITE", "1", ""))
		w.lastRequest().answer(486, "Busy", "", "")
		w.after(2 * time.Second)
		w.send(fromFar("INVITE", "1", ""))
		w.after(time.Minute)
		w.expect(times("486 INVITE", 0, 0.5, 1.5, 2, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)...)
	})
}

func TestTimerIAndTheACKOfARejection(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		w.send(fromFar("INVITE", "1", ""))
		w.lastRequest().answer(486, "Busy", "", "")
		w.after(600 * time.Millisecond)
		w.send(fromFar("ACK", "1", ";tag=x"))
		w.send(fromFar("ACK", "1", ";tag=x"))
		w.after(time.Minute)
		w.expect(times("486 INVITE", 0, 0.5)...)
		if w.count() != 1 {
			t.Errorf("told %d times: the ACK is no matter of the call", w.count())
		}
	})
}

// The 2xx to an INVITE is repeated until its ACK, a transaction of its own, has come (RFC 3261 section 13.3.1.4).
func TestA2xxIsRepeatedUntilItsACK(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		w.send(fromFar("INVITE", "1", ";tag=ours"))
		w.lastRequest().answer(200, "OK", "", "")
		w.after(4 * time.Second)
		w.send(strings.Replace(fromFar("ACK", "3", ";tag=ours"), "CSeq: 7", "CSeq: 6", 1)) // of another INVITE
		w.after(8 * time.Second)
		w.send(fromFar("ACK", "2", ";tag=ours"))
		w.after(20 * time.Second)
		w.send(fromFar("INVITE", "1", ";tag=ours")) // late, from the network's depths
		w.after(time.Minute)
		w.expect(times("200 INVITE", 0, 0.5, 1.5, 3.5, 7.5, 20)...)
		if w.count() != 3 {
			t.Errorf("the call was told of %d requests, want INVITE and two ACKs", w.count())
		}
	})
}

func TestTryingAndProvisionalAnswers(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		w.send(fromFar("INVITE", "1", ""))
		w.after(time.Second)
		w.send(fromFar("INVITE", "1", ""))
		w.after(2 * time.Second)
		invite := w.lastRequest()
		if err := invite.provisional(180, "Ringing"); err != nil {
			t.Error(err)
		}
		w.after(3 * time.Second)
		w.send(fromFar("INVITE", "1", ""))
		w.after(4 * time.Second)
		w.send(fromFar("CANCEL", "1", ""))
		w.send(fromFar("CANCEL", "1", ""))
		w.send(fromFar("ACK", "1", ";tag=x"))
		if err := invite.provisional(180, "Ringing"); !errors.Is(err, errAnswered) {
			t.Errorf("180 after 487: %v", err)
		}
		w.expect("0.2 100 INVITE", "1 100 INVITE", "2 180 INVITE", "3 180 INVITE", "4 200 CANCEL", "4 487 INVITE", "4 200 CANCEL")
	})
}

func TestNothingOfItOnAReliableTransport(t *testing.T) {
	onTheWire(t, "TCP", func(t *testing.T, w *tap) {
		w.ask(sipmsg.OPTIONS)
		w.ask(sipmsg.INVITE)
		w.send(fromFar("INVITE", "1", ""))
		w.after(time.Second)
		w.lastRequest().answer(486, "Busy", "", "")
		w.after(2 * time.Second)
		w.send(fromFar("INVITE", "2", ";tag=ours"))
		w.lastRequest().answer(200, "OK", "", "")
		w.after(time.Minute)
		w.expect("0 OPTIONS", "0 INVITE", "1 486 INVITE", "2 200 INVITE")
		w.after(transactionLimit + lateLimit + time.Second) // the INVITE is still listened for
		if n := len(w.c.servers) + len(w.c.clients); n != 0 {
			t.Errorf("%d transactions are left", n)
		}
	})
}

// What a peer can leave with us is bounded.
func TestServerTransactionsAreBounded(t *testing.T) {
	onTheWire(t, "UDP", func(t *testing.T, w *tap) {
		for i := range maxServers + 100 {
			w.send(fromFar("OPTIONS", fmt.Sprint(i), ""))
		}
		if w.count() != maxServers {
			t.Errorf("%d transactions", w.count())
		}
		for _, tx := range w.requests {
			tx.answer(200, "OK", "", "")
		}
		w.after(time.Minute)
		w.send(fromFar("OPTIONS", "next", ""))
		if w.count() != maxServers+1 {
			t.Error("no room after all were answered and their time was over")
		}
	})
}
