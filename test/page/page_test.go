package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// sound checks that nothing went wrong on the pages but what is expected, by a part of it.
func (s *Scene) sound(t *testing.T, expected ...string) {
	t.Helper()
	s.Browser.complained(t, expected...)
}

// fits checks that a page needs no sideways scrolling, and that every text on it can be read (WCAG 2.2, 1.4.3: 4.5 to 1).
func fits(t *testing.T, tab *Tab, what string) {
	t.Helper()
	narrow(t, tab, what)
	for _, v := range []View{Phone, Desk} {
		for _, scheme := range []string{"light", "dark"} {
			tab.Look(v.In(scheme))
			within(t, tab, v, what)
			var pale []string
			tab.Do(Pale, &pale)
			if len(pale) > 0 {
				t.Errorf("%s at %d pixels, %s: too pale: %q", what, v.Width, scheme, pale)
			}
			tab.Shot(filepath.Join(lab.Out(t), fmt.Sprintf("%s-%d-%s.png", what, v.Width, scheme)), true)
		}
	}
	tab.Look(Desk)
}

// narrow checks that a page needs no sideways scrolling on the narrowest phone, nor in a window.
func narrow(t *testing.T, tab *Tab, what string) {
	t.Helper()
	for _, v := range []View{Desk, Narrow} {
		tab.Look(v)
		within(t, tab, v, what)
	}
	tab.Shot(filepath.Join(lab.Out(t), fmt.Sprintf("%s-%d.png", what, Narrow.Width)), true)
}

// within checks that a page is no wider than its window.
func within(t *testing.T, tab *Tab, v View, what string) {
	t.Helper()
	var wide struct{ Page, Window int }
	tab.Do("({ page: document.documentElement.scrollWidth, window: innerWidth })", &wide)
	if wide.Page > wide.Window {
		t.Errorf("%s at %d pixels, %s: the page is %d wide", what, v.Width, v.Scheme, wide.Page)
	}
}

// TestAVisitIsSeenOnThePage: the picture plays while somebody looks and the light is on meanwhile; a test press rings, and what becomes of it is
// seen as it happens.
func TestAVisitIsSeenOnThePage(t *testing.T) {
	s := Open(t, house.Options{})
	door := s.House.Door
	tab := s.Browser.Open(URL, Desk)
	tab.Sees("#title", "Ready. Registered as "+lab.DoorExtension+".")
	tab.Sees("#no-visits", "Nobody has rung")
	fits(t, tab, "idle")

	tab.Click("#show")
	var m Movement
	tab.Do(Moving, &m)
	if m.Width != 1280 || m.Height != 720 || m.Changed < 5 || m.Colours < 3 {
		t.Errorf("the picture stands still or is empty: %+v", m)
	}
	door.Wait(Patience, "the light is on for who looks", func(c control.Status) bool {
		return c.Page.Viewers == 1 && c.Camera.Readers == 1 && c.GPIO.Light == "on"
	})

	tab.Click("#buttons button")
	tab.Sees("#ask", "This rings 101")
	tab.Click("#ask button[value=no]")
	tab.Until("!document.getElementById('ask').open")
	if st, err := door.Status(); err != nil || st.Calls.Visits != 0 {
		t.Errorf("a press that was cancelled rang: %+v, %v", st.Calls, err)
	}
	tab.Click("#buttons button")
	tab.Click("#ask-yes")
	s.Kitchen.WaitRinging(Patience)
	tab.Sees("#visit-list li[data-state=ringing]", "Ringing 101")
	tab.Sees("#title", "rung")
	fits(t, tab, "ringing")
	s.Kitchen.Answer()
	s.Kitchen.WaitPicture(Patience)
	tab.Sees("#visit-list li[data-state=talking]", "101 has answered")
	tab.Until("document.getElementById('near').getAttribute('aria-valuenow') > -55")
	tab.Do(Moving, &m) // one camera for both
	if st, err := door.Status(); err != nil || st.Camera.Readers != 2 || st.Camera.BitrateTarget != 1_000_000 {
		t.Errorf("during the call: %+v, %v", st.Camera, err)
	}
	s.Kitchen.OpenDoor()
	tab.Sees("#groups", "opened 1×")
	fits(t, tab, "talking")
	s.Kitchen.Hangup()
	tab.Sees("#visit-list li[data-outcome=talked]", "101 answered after")
	tab.Sees("#visit-list li[data-outcome=talked]", "door opened by 101")

	tab.Click("#hide")
	door.Wait(Patience, "the light is off", func(c control.Status) bool { return c.Page.Viewers == 0 && c.GPIO.Light == "off" })
	tab.Click("#show")
	tab.Do(Moving, &m)
	tab.Hide()
	tab.Sees("#curtain-text", "ended when the page was hidden")
	door.Wait(Patience, "nobody looks at a page that is hidden", func(c control.Status) bool { return c.Page.Viewers == 0 })
	other := s.Browser.Open(URL, Phone)
	other.Sees("#title", "Ready.")
	other.Click("#show")
	other.Do(Moving, &m)
	other.Close()
	door.Wait(Patience, "nobody looks at a page that is closed", func(c control.Status) bool { return c.Page.Viewers == 0 && c.Camera.Readers == 0 })
	s.sound(t)
}

// TestFaultsComeAndGo: with what to do about them.
func TestFaultsComeAndGo(t *testing.T) {
	s := Open(t, house.Options{})
	tab := s.Browser.Open(URL, Phone)
	tab.Sees("#title", "Ready.")
	core := house.SIPCore()
	core["users"] = []any{}
	core["backup_user"] = nil
	s.House.Home.SetSIPCore(core)
	tab.Sees(".fault[data-code=settings_refused]", "What to do: In Home Assistant open Settings")
	tab.Until("document.body.dataset.mood === 'warn'")
	fits(t, tab, "fault")
	s.House.Home.SetSIPCore(house.SIPCore())
	tab.Until("document.querySelectorAll('.fault').length === 0 && document.getElementById('faults').hidden && document.body.dataset.mood === 'good'")
	s.House.Door.Stop()
	tab.Sees("#link", "No connection to the door")
	tab.Until("document.querySelector('#buttons button').disabled")
	s.sound(t, "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
}

// TestOtherPagesCanDoNothing: neither one that posts, frames and listens from its own place, nor one whose name was made to point here.
func TestOtherPagesCanDoNothing(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<iframe id=f src=%q></iframe><form id=p method=post action=%q target=t><input name=a></form><iframe name=t></iframe>`, URL, URL+"api/press")
	}))
	t.Cleanup(evil.Close)
	s := Open(t, house.Options{}, "--host-resolver-rules=MAP evil.example 127.0.0.1")
	tab := s.Browser.Open(evil.URL, Desk)
	var got []string
	tab.Do(`(async () => {
	  const said = [];
	  const url = "`+URL+`";
	  const tell = async (name, asked) => { try { const a = await asked; said.push(name + " " + a.type + " " + a.status); } catch { said.push(name + " refused"); } };
	  await tell("press", fetch(url + "api/press", { method: "POST", mode: "no-cors", body: '{"button":"Front door"}' }));
	  await tell("press with a header", fetch(url + "api/press", { method: "POST", headers: { "X-Page-Token": "x" }, body: '{"button":"Front door"}' }));
	  await tell("read", fetch(url));
	  document.getElementById("p").submit();
	  const events = new EventSource(url + "api/events");
	  said.push(await new Promise((done) => { events.onopen = () => done("events open"); events.onerror = () => done("events refused"); }));
	  events.close();
	  return said;
	})()`, &got)
	want := []string{"press refused", "press with a header refused", "read refused", "events refused"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the other page: %q", got)
	}
	var framed bool
	tab.Do("(() => { try { return Boolean(document.getElementById('f').contentDocument?.getElementById('title')); } catch { return false; } })()", &framed)
	if framed {
		t.Error("the page lets itself be framed")
	}
	if status := tab.Go("http://evil.example:9518/"); status != http.StatusMisdirectedRequest {
		t.Errorf("by a name that was made to point here: %d", status)
	}
	if st, err := s.House.Door.Status(); err != nil || st.Calls.Visits != 0 || st.Calls.IgnoredPresses != 0 {
		t.Errorf("it rang: %+v, %v", st.Calls, err)
	}
}

// TestOnTheNetworkItAsksForThePassword: by the machine's address, after a wrong one too.
func TestOnTheNetworkItAsksForThePassword(t *testing.T) {
	const password = "correct horse battery"
	file := PasswordFile(t, password)
	s := Open(t, house.Options{Page: fmt.Sprintf("{listen: \"0.0.0.0:9518\", password_file: %q}", file), Secrets: []string{password}})
	tab := s.Browser.Open("http://"+lab.Addr+":9518/", Phone)
	tab.Sees("label", "Password")
	fits(t, tab, "login")
	tab.Fill("#password", "wrong password")
	tab.Click("button")
	tab.Sees("#said", "That is not the password")
	fits(t, tab, "wrong")
	tab.Rest(Second)
	tab.Fill("#password", password)
	tab.Click("button")
	tab.Sees("#title", "Ready.")
	tab.Click("#show")
	var m Movement
	tab.Do(Moving, &m)
	tab.Click("#logout button")
	tab.Sees("label", "Password")
	s.House.Door.Wait(Patience, "nobody looks after the logout", func(c control.Status) bool { return c.Page.Viewers == 0 })
	if status := tab.Go("http://" + lab.Addr + ":9518/api/events"); status != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", status)
	}
	s.sound(t, "401 (Unauthorized)", "429 (Too Many Requests)")
}
