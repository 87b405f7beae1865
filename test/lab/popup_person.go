package lab

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"time"
)

// This file is what a test does and sees at a popup. The methods fail the popup's test when what they wait for does not come,
// so they are for the test's own goroutine.

// Transports of a digit.
const (
	DigitByINFO    = "INFO"    // what the card does
	DigitByRFC2833 = "RFC2833" // telephone-events
)

// WaitRegistered waits until the extension is registered.
func (p *Popup) WaitRegistered(limit time.Duration) {
	p.t.Helper()
	p.wait(limit, "registered", func() bool { return p.registered })
}

// WaitRegistrationFailed waits until the registration is refused and returns JsSIP's cause with the status.
func (p *Popup) WaitRegistrationFailed(limit time.Duration) (cause string) {
	p.t.Helper()
	p.wait(limit, "registration failed", func() bool { cause = p.failure; return cause != "" })
	return cause
}

// WaitRinging waits for the next call that rings here and returns it as it stands. Each call is returned once.
func (p *Popup) WaitRinging(limit time.Duration) Call {
	p.t.Helper()
	var c Call
	p.wait(limit, "ringing", func() bool {
		for i := p.looked; i < len(p.calls); i++ {
			if p.calls[i].Incoming {
				c, p.looked = p.calls[i], i+1
				return true
			}
		}
		return false
	})
	return c
}

// WaitTalking waits until the latest call is up.
func (p *Popup) WaitTalking(limit time.Duration) Call {
	p.t.Helper()
	return p.waitCall(limit, "talking", func(c Call) bool { return !c.Confirmed.IsZero() })
}

// WaitPicture waits until the latest call has shown its first frame.
func (p *Popup) WaitPicture(limit time.Duration) Call {
	p.t.Helper()
	return p.waitCall(limit, "picture", func(c Call) bool { return !c.FirstFrame.IsZero() })
}

// WaitProgress waits until the latest, outgoing call rings there.
func (p *Popup) WaitProgress(limit time.Duration) Call {
	p.t.Helper()
	return p.waitCall(limit, "ringing there", func(c Call) bool { return !c.Progress.IsZero() })
}

// WaitEnded waits until the latest call is over and tells how it ended.
func (p *Popup) WaitEnded(limit time.Duration) Call {
	p.t.Helper()
	return p.waitCall(limit, "over", func(c Call) bool { return !c.Ended.IsZero() })
}

// WaitRejected waits until n calls have been refused by the page itself (its household being on the phone).
func (p *Popup) WaitRejected(limit time.Duration, n int) {
	p.t.Helper()
	p.wait(limit, fmt.Sprintf("%d calls rejected", n), func() bool { return p.rejected >= n })
}

// Calls are all calls so far.
func (p *Popup) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Call(nil), p.calls...)
}

// Digits are those received by SIP INFO.
func (p *Popup) Digits() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.digits
}

// Dial calls an extension from the popup.
func (p *Popup) Dial(target string) {
	p.t.Helper()
	before := len(p.Calls())
	p.ask("call", nil, target)
	p.wait(10*time.Second, "dialling", func() bool {
		if len(p.calls) > before {
			p.looked = len(p.calls)
			return true
		}
		return false
	})
}

// Answer clicks the answer button.
func (p *Popup) Answer() { p.t.Helper(); p.click("answer") }

// Decline clicks the decline button, which sends 480 as the card does.
func (p *Popup) Decline() { p.t.Helper(); p.click("decline") }

// DeclineWith declines with another status, such as 486 or 603.
func (p *Popup) DeclineWith(status int) { p.t.Helper(); p.ask("decline", nil, status) }

// Hangup clicks the hang-up button.
func (p *Popup) Hangup() { p.t.Helper(); p.click("hangup") }

// HangupIfUp ends the call if there is one; unlike [Popup.Hangup] it may end by itself meanwhile.
func (p *Popup) HangupIfUp() { p.t.Helper(); p.ask("hangup", nil) }

// OpenDoor clicks the door button, which sends PopupOptions.DoorDigit by SIP INFO.
func (p *Popup) OpenDoor() { p.t.Helper(); p.click("door") }

// SendDigit sends a digit by [DigitByINFO] or [DigitByRFC2833].
func (p *Popup) SendDigit(digit, transport string) {
	p.t.Helper()
	p.ask("digit", nil, digit, transport)
}

// Frame is the picture that the popup shows now.
func (p *Popup) Frame() image.Image {
	p.t.Helper()
	var text string
	p.ask("frame", &text)
	if text == "" {
		p.t.Fatalf("lab: the popup of %s shows no picture", p.Extension)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		p.t.Fatalf("lab: %v", err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		p.t.Fatalf("lab: %v", err)
	}
	return img
}

// FrameTimes are when each frame of the latest picture was on the screen.
func (p *Popup) FrameTimes() []time.Time {
	p.t.Helper()
	var ms []float64
	p.ask("frameTimes", &ms)
	times := make([]time.Time, len(ms))
	for i, v := range ms {
		times[i] = time.UnixMicro(int64(v * 1000))
	}
	return times
}

// Video is what the popup's Chromium says of the picture it receives.
type Video struct {
	Width, Height int
	Shown         int // frames that were on the screen
	Decoded       int
	KeyFrames     int // decoded ones
	Dropped       int
	Freezes       int
	FrozenSeconds float64
	Packets, Lost int
	Bytes         int // of payload received
	NACKs, PLIs   int // sent
}

// Video tells about the picture received.
func (p *Popup) Video() (v Video) {
	p.t.Helper()
	p.ask("video", &v)
	return v
}

// WaitFrames waits until at least n frames were shown in the latest call.
func (p *Popup) WaitFrames(limit time.Duration, n int) Video {
	p.t.Helper()
	var v Video
	Eventually(p.t, limit, fmt.Sprintf("%d frames shown on the popup of %s", n, p.Extension), func() bool {
		v = p.Video()
		return v.Shown >= n
	})
	return v
}

// Sound is what is heard.
type Sound struct {
	Hz   float64 // the strongest frequency, to about 1 Hz; 0 in silence
	DBFS float64 // level, -120 in silence
}

// Hear listens to the far side for the given time, at least 400 ms, and tells the last third of a second of it.
func (p *Popup) Hear(d time.Duration) (s Sound) {
	p.t.Helper()
	p.ask("audio", &s, max(d, 400*time.Millisecond).Milliseconds())
	return s
}

// AudioPackets are the numbers of audio packets received and sent in the call.
func (p *Popup) AudioPackets() (received, sent int) {
	p.t.Helper()
	var n struct{ Received, Sent int }
	p.ask("audioPackets", &n)
	return n.Received, n.Sent
}

// RemoteSDP is the far side's description in the call.
func (p *Popup) RemoteSDP() (sdp string) { p.t.Helper(); p.ask("remoteDescription", &sdp); return sdp }

// Screenshot writes a PNG of the page.
func (p *Popup) Screenshot(path string) {
	p.t.Helper()
	if _, err := p.browser.request(20*time.Second, "screenshot", p.name, map[string]any{"path": path}); err != nil {
		p.t.Fatalf("lab: %v", err)
	}
}

func (p *Popup) click(button string) {
	p.t.Helper()
	if _, err := p.browser.request(15*time.Second, "click", p.name, map[string]any{"button": button}); err != nil {
		p.t.Fatalf("lab: clicking %s at the popup of %s: %v", button, p.Extension, err)
	}
}

// ask calls a method of window.popup.
func (p *Popup) ask(method string, result any, args ...any) {
	p.t.Helper()
	raw, err := p.browser.request(20*time.Second, "ask", p.name, map[string]any{"method": method, "args": args})
	if err == nil && result != nil {
		err = json.Unmarshal(raw, result)
	}
	if err != nil {
		p.t.Fatalf("lab: asking the popup of %s for %s: %v", p.Extension, method, err)
	}
}

// waitCall waits for something of the latest call. A call that ends first fails the test.
func (p *Popup) waitCall(limit time.Duration, what string, reached func(Call) bool) Call {
	p.t.Helper()
	var c Call
	over := false
	p.wait(limit, what, func() bool {
		if len(p.calls) == 0 {
			return false
		}
		c = p.calls[len(p.calls)-1]
		over = !reached(c) && !c.Ended.IsZero()
		return over || reached(c)
	})
	if over {
		p.t.Fatalf("lab: the call of the popup of %s ended before it was %s: %s (%d) by %s", p.Extension, what, c.Cause, c.Status, c.EndedBy)
	}
	return c
}

// wait waits until reached holds; it is asked at each event, with the popup's lock held.
func (p *Popup) wait(limit time.Duration, what string, reached func() bool) {
	p.t.Helper()
	timeout := time.After(limit)
	for {
		p.mu.Lock()
		ok, changed, failure := reached(), p.changed, p.failure
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-p.browser.read:
			p.t.Fatalf("lab: the browser ended while the popup of %s was to be %s", p.Extension, what)
		case <-timeout:
			p.t.Fatalf("lab: after %v the popup of %s is not %s (registration: %q, calls: %+v)", limit, p.Extension, what, failure, p.Calls())
		case <-p.t.Context().Done():
			p.t.Fatalf("lab: %v", p.t.Context().Err())
		}
	}
}
