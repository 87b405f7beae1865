package lab

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Versions of JsSIP that a popup can run on.
const (
	JsSIPCurrent = "jssip"      // the newest
	JsSIPCard    = "jssip-card" // the one in the SIP Core card's lock file
)

// PopupOptions say whose popup it is and how its household behaves. Extension and WSURL are required.
type PopupOptions struct {
	Extension   string
	Password    string // default: the lab's Password
	DisplayName string
	WSURL       string            // such as Asterisk.WSURL, or an ingress address
	Cookies     map[string]string // such as ingress_session
	Domain      string            // of the SIP address, default "asterisk.lab"
	SIPVideo    bool              // SIP Core's sip_video: answer with a camera
	MicHz       float64           // the tone in place of a microphone; 0: silence
	Bursts      bool              // bursts in place of the tone, and those of the far side timed: see Popup.Bursts
	ReadsClock  bool              // the clock in each frame is read: see Popup.Clocks
	AutoAnswer  time.Duration     // answer after this long; 0: wait for Answer
	Busy        bool              // refuse every call with 486
	DoorDigit   string            // what the door button sends, default "1"
	JsSIP       string            // default JsSIPCurrent
	Trace       bool              // JsSIP's own log into the popup's

	ICEServers       []ICEServer
	RelayOnly        bool
	GatheringTimeout time.Duration // iceGatheringTimeout, default 1 s
}

// ICEServer is an RTCIceServer.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Event is something that happened on a popup's page.
type Event struct {
	Kind   string // registered, ringing, answered, accepted, confirmed, firstFrame, ended, …: see popup.mjs
	Time   time.Time
	Call   int // the call it belongs to, counted from 1
	Number string
	Name   string
	By     string // who ended the call: local, remote, system
	Cause  string
	Status int
	Digit  string
}

// UnmarshalJSON reads the page's form, whose times are milliseconds with fractions.
func (e *Event) UnmarshalJSON(b []byte) error {
	var m struct {
		Kind, Number, Name, By, Cause, Digit string
		At                                   float64
		Call, Status                         int
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*e = Event{m.Kind, time.UnixMicro(int64(m.At * 1000)), m.Call, m.Number, m.Name, m.By, m.Cause, m.Status, m.Digit}
	return nil
}

// Call is one call as the popup saw it. Times are zero until it came to that.
type Call struct {
	N        int    // counted from 1
	Incoming bool   // it rang here
	Number   string // the other side
	Name     string

	Began      time.Time // it began to ring (incoming) or was dialled (outgoing)
	Progress   time.Time // outgoing: it rang there
	Answered   time.Time // the answer button was clicked
	Accepted   time.Time // the 200 was sent or received
	Confirmed  time.Time // the ACK was sent or received
	FirstFrame time.Time // the first picture was on the screen
	Ended      time.Time

	EndedBy string // "local", "remote", "system"
	Cause   string // JsSIP's: "Terminated", "Canceled", "Busy", "Rejected", "Unavailable", …
	Status  int    // of the response that ended it, else 0
}

// Popup is one page, registered as one extension.
type Popup struct {
	Extension string

	t       T
	browser *Browser
	name    string
	log     *output

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at each event
	registered bool
	failure    string // of the registration
	calls      []Call
	looked     int // calls that WaitRinging or Dial have returned
	rejected   int // calls refused because of another or of Busy
	digits     string
	errors     []string // of the page
}

// Popup opens a page that registers as an extension. It is closed with the test; an error on the page fails the test.
func (b *Browser) Popup(t T, o PopupOptions) *Popup {
	t.Helper()
	fill(&o)
	b.mu.Lock()
	name := fmt.Sprintf("popup-%s-%d", o.Extension, len(b.popups)+1)
	log, err := newOutput(filepath.Join(Out(t), name+".log"))
	p := &Popup{Extension: o.Extension, t: t, browser: b, name: name, log: log, changed: make(chan struct{})}
	b.popups[name] = p
	b.mu.Unlock()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() { p.finish() })
	if _, err = b.request(30*time.Second, "open", name, map[string]any{"options": pageOptions(o)}); err != nil {
		t.Fatalf("lab: opening the popup of %s: %v", o.Extension, err)
	}
	return p
}

func fill(o *PopupOptions) {
	set := func(s *string, fallback string) {
		if *s == "" {
			*s = fallback
		}
	}
	set(&o.Password, Password)
	set(&o.Domain, "asterisk.lab")
	set(&o.DoorDigit, "1")
	set(&o.JsSIP, JsSIPCurrent)
	if o.GatheringTimeout == 0 {
		o.GatheringTimeout = time.Second
	}
}

// pageOptions is what popup.mjs reads.
func pageOptions(o PopupOptions) map[string]any {
	type cookie struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cookies := []cookie{}
	for n, v := range o.Cookies {
		cookies = append(cookies, cookie{n, v})
	}
	servers := o.ICEServers
	if servers == nil {
		servers = []ICEServer{}
	}
	policy := "all"
	if o.RelayOnly {
		policy = "relay"
	}
	var auto any
	if o.AutoAnswer > 0 {
		auto = o.AutoAnswer.Milliseconds()
	}
	return map[string]any{
		"extension": o.Extension, "password": o.Password, "displayName": o.DisplayName, "wsURL": o.WSURL, "cookies": cookies,
		"domain": o.Domain, "sipVideo": o.SIPVideo, "micHz": o.MicHz, "autoAnswer": auto, "busy": o.Busy,
		"bursts": o.Bursts, "readsClock": o.ReadsClock,
		"doorDigit": o.DoorDigit, "jssip": o.JsSIP, "trace": o.Trace, "iceGatheringTimeout": o.GatheringTimeout.Milliseconds(),
		"pcConfig": map[string]any{"iceServers": servers, "iceTransportPolicy": policy, "rtcpMuxPolicy": "require"},
	}
}

// finish closes the page and reports what went wrong on it.
func (p *Popup) finish() {
	if err := p.close(); err != nil {
		p.t.Logf("lab: closing the popup of %s: %v", p.Extension, err)
	}
	p.mu.Lock()
	pageErrors := p.errors
	p.mu.Unlock()
	for _, e := range pageErrors {
		p.t.Errorf("the popup of %s: %s", p.Extension, e)
	}
	if p.t.Failed() {
		p.t.Logf("--- the end of the log of %s (all of it: %s)\n%s", p.name, p.log.path, Tail(p.log.String(), 40))
	}
	p.log.close()
}

// Close closes the page, as one who walks away from it: its connection ends without a goodbye.
func (p *Popup) Close() {
	p.t.Helper()
	if err := p.close(); err != nil {
		p.t.Fatalf("lab: %v", err)
	}
}

func (p *Popup) close() error {
	p.browser.mu.Lock()
	_, open := p.browser.popups[p.name]
	if open {
		p.browser.popups[p.name] = nil // the name is not used again
	}
	open = open && p.browser.gone == nil
	p.browser.mu.Unlock()
	if !open {
		return nil
	}
	_, err := p.browser.request(10*time.Second, "close", p.name, nil)
	return err
}

// console takes a line of the page's console.
func (p *Popup) console(line string) {
	p.log.note(time.Now().Format("15:04:05.000 ") + line)
	if strings.HasPrefix(line, "page error: ") {
		p.mu.Lock()
		p.errors = append(p.errors, line)
		p.mu.Unlock()
	}
}

// happened takes an event of the page.
func (p *Popup) happened(e Event) {
	p.log.note(fmt.Sprintf("%s %s %+v", e.Time.Format("15:04:05.000"), e.Kind, e))
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		close(p.changed)
		p.changed = make(chan struct{})
	}()
	switch e.Kind {
	case "registered":
		p.registered, p.failure = true, ""
		return
	case "unregistered", "disconnected":
		p.registered = false
		return
	case "registrationFailed":
		p.registered, p.failure = false, fmt.Sprintf("%s (%d)", e.Cause, e.Status)
		return
	case "rejected":
		p.rejected++
		return
	case "digit":
		p.digits += e.Digit
		return
	case "ringing", "calling":
		p.calls = append(p.calls, Call{N: e.Call, Incoming: e.Kind == "ringing", Number: e.Number, Name: e.Name, Began: e.Time})
		return
	}
	if e.Call < 1 || e.Call > len(p.calls) {
		return
	}
	c := &p.calls[e.Call-1]
	switch e.Kind {
	case "progress":
		if e.Status > 100 {
			c.Progress = e.Time
		}
	case "answered":
		c.Answered = e.Time
	case "accepted":
		c.Accepted = e.Time
	case "confirmed":
		c.Confirmed = e.Time
	case "firstFrame":
		c.FirstFrame = e.Time
	case "ended":
		c.Ended, c.EndedBy, c.Cause, c.Status = e.Time, e.By, e.Cause, e.Status
	}
}
