package phone

import (
	"sync"
	"time"
)

// digitKind is the way a digit came.
type digitKind string

const (
	digitRTP  digitKind = "rfc4733"
	digitINFO digitKind = "info"
)

// digitEchoWindow is how long after a digit the same digit by the other way is taken for its echo: a PBX
// that relays both ways sends them within some tens of milliseconds, nobody types the same key again that
// fast on another device.
const digitEchoWindow = 400 * time.Millisecond

// digitFilter lets each digit through once even when it arrives both as RFC 4733 event and as SIP INFO.
type digitFilter struct {
	now  func() time.Time
	mu   sync.Mutex
	last map[rune]struct {
		kind digitKind
		at   time.Time
	}
}

func (f *digitFilter) accept(kind digitKind, r rune) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if prev, ok := f.last[r]; ok && prev.kind != kind && now.Sub(prev.at) < digitEchoWindow {
		// The echo is used up: a third one is a digit of its own.
		delete(f.last, r)
		return false
	}
	if f.last == nil {
		f.last = map[rune]struct {
			kind digitKind
			at   time.Time
		}{}
	}
	f.last[r] = struct {
		kind digitKind
		at   time.Time
	}{kind, now}
	return true
}
