package page

import (
	"encoding/json"
	"fmt"
	"time"
)

// Tab is a page in a browser profile of its own.
type Tab struct {
	b    *Browser
	name string
	// Status is the HTTP status of what was opened.
	Status int
}

// View is what a person looks with.
type View struct {
	Width, Height int
	Scheme        string // light or dark
}

// The devices that the page is looked at with.
var (
	// Narrow is the narrowest that a page has to fit on (WCAG 2.2, 1.4.10).
	Narrow = View{320, 700, "light"}
	// Phone is a usual one, held upright.
	Phone = View{360, 800, "light"}
	// Desk is a laptop's window.
	Desk = View{1280, 800, "light"}
)

// In is the view in another colour scheme.
func (v View) In(scheme string) View {
	v.Scheme = scheme
	return v
}

// Open opens an address.
func (b *Browser) Open(url string, v View) *Tab {
	b.t.Helper()
	b.tabs++
	tab := &Tab{b: b, name: fmt.Sprintf("tab %d", b.tabs)}
	tab.read(&tab.Status, "open", map[string]any{"url": url, "width": v.Width, "height": v.Height, "scheme": v.Scheme})
	return tab
}

// ask makes a request about the tab; an error ends the test.
func (t *Tab) ask(op string, more map[string]any) json.RawMessage {
	t.b.t.Helper()
	if more == nil {
		more = map[string]any{}
	}
	more["page"] = t.name
	result, err := t.b.ask(op, more)
	if err != nil {
		shown, _ := t.b.ask("do", map[string]any{"page": t.name, "script": "document.body.innerText"}) // for the message only
		t.b.t.Fatalf("%v\nthe page says: %s\nerrors on it: %q", err, shown, t.b.Complaints())
	}
	return result
}

func (t *Tab) read(into any, op string, more map[string]any) {
	t.b.t.Helper()
	if err := json.Unmarshal(t.ask(op, more), into); err != nil {
		t.b.t.Fatalf("page: %s: %v", op, err)
	}
}

// Go goes to another address.
func (t *Tab) Go(url string) int {
	t.b.t.Helper()
	t.read(&t.Status, "go", map[string]any{"url": url})
	return t.Status
}

// Do evaluates an expression on the page, and waits for a promise.
func (t *Tab) Do(script string, into any) {
	t.b.t.Helper()
	result := t.ask("do", map[string]any{"script": script})
	if into == nil {
		return
	}
	if err := json.Unmarshal(result, into); err != nil {
		t.b.t.Fatalf("page: %s: %v", script, err)
	}
}

// Until waits until an expression holds.
func (t *Tab) Until(script string) {
	t.b.t.Helper()
	t.ask("until", map[string]any{"script": script})
}

// Sees waits until an element has these words in it.
func (t *Tab) Sees(selector, words string) {
	t.b.t.Helper()
	t.Until(fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.innerText.includes(%q))", selector, words))
}

// Text is what an element says.
func (t *Tab) Text(selector string) (text string) {
	t.b.t.Helper()
	t.Do(fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector), &text)
	return text
}

// Click clicks on an element.
func (t *Tab) Click(selector string) {
	t.b.t.Helper()
	t.ask("click", map[string]any{"selector": selector})
}

// Press presses a key on an element.
func (t *Tab) Press(selector, key string) {
	t.b.t.Helper()
	t.ask("press", map[string]any{"selector": selector, "key": key})
}

// Fill writes into a field.
func (t *Tab) Fill(selector, text string) {
	t.b.t.Helper()
	t.ask("fill", map[string]any{"selector": selector, "text": text})
}

// Look looks with another device.
func (t *Tab) Look(v View) {
	t.b.t.Helper()
	t.ask("size", map[string]any{"width": v.Width, "height": v.Height})
	t.ask("scheme", map[string]any{"scheme": v.Scheme})
}

// Shot takes a picture of the window, or of the whole page, into a PNG file.
func (t *Tab) Shot(path string, whole bool) {
	t.b.t.Helper()
	t.ask("shot", map[string]any{"path": path, "whole": whole})
}

// Rest waits, for what moves on the page to come to rest before a picture is taken of it.
func (t *Tab) Rest(d time.Duration) {
	t.b.t.Helper()
	t.Do(fmt.Sprintf("new Promise((rested) => setTimeout(rested, %d))", d.Milliseconds()), nil)
}

// Hide makes the page a tab in the background.
func (t *Tab) Hide() {
	t.b.t.Helper()
	t.ask("hide", nil)
}

// Close closes it.
func (t *Tab) Close() {
	t.b.t.Helper()
	t.ask("close", nil)
}
