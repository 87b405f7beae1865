package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/page"
)

// complained checks that nothing went wrong on the pages but what is expected, by a part of it.
func (b *Browser) complained(t *testing.T, expected ...string) {
	t.Helper()
	for _, complaint := range b.Complaints() {
		known := false
		for _, e := range expected {
			known = known || strings.Contains(complaint, e)
		}
		if !known {
			t.Errorf("on the page: %s", complaint)
		}
	}
}

// TestNamesAreTextWhateverIsInThem: what comes from SIP, SIP Core, devices and the local file is shown letter by letter, and breaks on the
// narrowest phone.
func TestNamesAreTextWhateverIsInThem(t *testing.T) {
	long := strings.Repeat("W", 64)
	name := `<img src=x onerror=alert(1)>` + long
	s := standFor(t, page.Button{Name: name, Calls: []string{name, long}}, page.Button{Name: "Gate", Calls: []string{"101", "102"}})
	s.set(func(c *control.Status) {
		c.Version = name
		c.Registration = control.Registration{State: "refused", Extension: name, Server: name, Transport: "wss", Error: name}
		c.Visit = control.Visit{State: "talking", Button: name, AnsweredBy: name, Targets: []string{name, long}}
		c.Visits[0].Button, c.Visits[0].AnsweredBy = name, name
		c.Camera.Device, c.Camera.Encoder, c.Sound.Device = name, name, name
		c.GPIO.Buttons = []control.Button{{Name: name, Level: "off"}}
		c.Faults = []control.Fault{{Code: "a_code_that_is_rather_long_for_a_telephone", Severity: "error", Title: name, Detail: name, Remedy: name, Since: time.Now()}}
	})
	b := StartBrowser(t)
	tab := b.Open(URL, Narrow)
	tab.Sees("#title", name+" is talking to the visitor.")
	tab.Sees("#visit-list", name+" answered after 7 s")
	tab.Sees("#fault-list", name)
	narrow(t, tab, "hostile")
	tab.Click("#buttons button")
	tab.Sees("#ask", "This rings "+name)
	narrow(t, tab, "hostile-question")
	var images int
	tab.Do("document.images.length", &images)
	if images > 0 {
		t.Errorf("a name became %d pictures", images)
	}
	b.complained(t)
}

// TestADoorThatIsGoneIsNotCalledReady: neither in the headline nor in the tab's title nor by a bell that goes on ringing; what was last known
// can still be read, and says of when it is.
func TestADoorThatIsGoneIsNotCalledReady(t *testing.T) {
	s := standFor(t, page.Button{Name: "Front door", Calls: []string{"101"}})
	level := -20.0
	s.set(func(c *control.Status) {
		c.Visit = control.Visit{State: "ringing", Button: "Front door", Targets: []string{"101"}}
		c.Sound = control.Sound{State: "running", NearLevel: &level}
	})
	b := StartBrowser(t)
	tab := b.Open(URL, Phone)
	tab.Sees("#title", "The household is being rung.")
	tab.Sees("#near-value", "20 dB")
	s.end()
	tab.Sees("[role=status] #title", "No connection to the door.")
	tab.Sees("#detail", "What is shown is from ")
	tab.Until("document.title === 'No connection to the door. – door station'")
	tab.Until("document.body.dataset.mood === 'bad' && document.body.dataset.visit === 'idle'")
	tab.Sees("#near-value", "off")
	fits(t, tab, "gone")
	s.set(func(c *control.Status) { c.Visit, c.Sound = control.Visit{State: "idle"}, control.Sound{} })
	s.start()
	tab.Sees("#title", "Ready. Registered as 105.")
	tab.Until("document.title === 'Ready. Registered as 105. – door station' && !document.querySelector('#buttons button').disabled")
	b.complained(t, "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
}

// TestBehindAProxyADoorThatIsGoneIsGone: the proxy's answer is not the door's.
func TestBehindAProxyADoorThatIsGoneIsGone(t *testing.T) {
	s := standFor(t)
	door, err := url.Parse(URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(door)
	proxy.FlushInterval = -1
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	b := StartBrowser(t)
	tab := b.Open(front.URL, Phone)
	tab.Sees("#title", "Ready.")
	s.end()
	tab.Sees("#link", "No connection to the door")
	tab.Do("new Promise((answered) => { const was = again; again = async () => { await was(); answered(); }; })", nil) // the proxy has said its 502
	if said := tab.Text("#link"); said != "No connection to the door" {
		t.Errorf("it says %q", said)
	}
	s.start()
	tab.Sees("#title", "Ready.")
	tab.Close()
	b.complained(t, "ERR_INCOMPLETE_CHUNKED_ENCODING", "502 (Bad Gateway)")
}

// TestTheDayPassesWhileNothingHappens: an hour of yesterday is not read as one of today, and one of another year says so.
func TestTheDayPassesWhileNothingHappens(t *testing.T) {
	standFor(t)
	b := StartBrowser(t)
	tab := b.Open(URL, Phone)
	tab.Sees("#visit-list", "101 answered after")
	// The clock that the page compares with the last word from the door goes on.
	const later = `((days) => { const Was = window.RealDate ??= Date; window.Date = class extends Was {
	  constructor(...of) { if (of.length) super(...of); else super(Was.now() + days * 86400000); }
	}; })(%d)`
	tab.Do(fmt.Sprintf(later, 2), nil)
	tab.Until("/^\\w{3} \\d+ \\w+, \\d\\d:\\d\\d$/.test(document.querySelector('#visit-list .at').textContent)")
	tab.Do(fmt.Sprintf(later, 400), nil)
	tab.Until(fmt.Sprintf("/ (%d|%d), \\d\\d:\\d\\d$/.test(document.querySelector('#visit-list .at').textContent)", time.Now().Year(), time.Now().Year()-1))
	b.complained(t)
}

// TestAPictureThatDoesNotGetThroughSaysWhy: the door gives up before the browser does; that is not the reason.
func TestAPictureThatDoesNotGetThroughSaysWhy(t *testing.T) {
	s := standFor(t)
	b := StartBrowser(t)
	tab := b.Open(URL, Phone)
	tab.Sees("#title", "Ready.")
	tab.Click("#show")
	tab.Until("looking?.place")
	s.endPicture()
	tab.Sees("#curtain-text", "browser and door must be in one network")
	b.complained(t)
}

// TestACameraThatFailsIsNotLive: the last picture stands still on the screen, and is not the door.
func TestACameraThatFailsIsNotLive(t *testing.T) {
	s := standFor(t)
	b := StartBrowser(t)
	tab := b.Open(URL, Phone)
	tab.Sees("#title", "Ready.")
	tab.Click("#show")
	tab.Until("looking?.place")
	tab.Do("curtain('on')", nil) // as if pictures came
	s.set(func(c *control.Status) { c.Camera.State = "restarting" })
	tab.Sees("#curtain-text", "The camera gives no picture just now.")
	tab.Until("document.getElementById('live').hidden && document.getElementById('curtain').checkVisibility()")
	s.set(func(c *control.Status) { c.Camera.State = "running" })
	tab.Sees("#curtain-text", "Fetching the picture")
	b.complained(t)
}

// TestThePageIsUsedWithKeysAndEars: whoever presses Enter on a button that goes away is not left without a place, and what is said is in the
// tree of the screen reader before it is said.
func TestThePageIsUsedWithKeysAndEars(t *testing.T) {
	standFor(t)
	b := StartBrowser(t)
	tab := b.Open(URL, Phone)
	tab.Sees("#title", "Ready.")
	tab.Until("document.getElementById('said').checkVisibility()")
	tab.Do("document.getElementById('show').focus()", nil)
	tab.Press("#show", "Enter")
	tab.Until("document.activeElement.id === 'hide'")
	tab.Sees("#look-said[role=status]", "Fetching the picture")
	tab.Press("#hide", "Enter")
	tab.Until("document.activeElement.id === 'show'")
	tab.Sees("#look-said[role=status]", "The picture is off.")
	b.complained(t)
}

// TestAPageOfAnotherVersionIsLoadedAnew: what the door says may have changed its form.
func TestAPageOfAnotherVersionIsLoadedAnew(t *testing.T) {
	s := standFor(t)
	b := StartBrowser(t)
	tab := b.Open(URL, Phone)
	tab.Sees("#about", "doorstation 1.2.3")
	tab.Do("void (window.before = true)", nil)
	s.end()
	s.set(func(c *control.Status) { c.Version = "1.3.0" })
	s.start()
	tab.Sees("#about", "doorstation 1.3.0")
	var before bool
	tab.Do("Boolean(window.before)", &before)
	if before {
		t.Error("it is the page of before")
	}
	b.complained(t, "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
}
