package station

import (
	"crypto/subtle"
	"slices"
	"time"
)

// CodeGap is the longest pause between two digits of one code.
const CodeGap = 5 * time.Second

// endKey ends what was typed, where no code has it as a digit.
const endKey = '#'

// codebook is what opens the door, as far as the machine knows it: codes in plain text, and the lengths of those that are hashed.
type codebook struct {
	plain             [][]byte
	hashed            []int
	shortest, longest int
	ends              bool // endKey is no digit
}

func newCodebook(c Config) *codebook {
	b := &codebook{ends: true}
	add := func(n int) {
		if b.longest == 0 || n < b.shortest {
			b.shortest = n
		}
		b.longest = max(b.longest, n)
	}
	for _, text := range c.Codes {
		code := []rune(text)
		for i := range code {
			code[i] = upper(code[i])
		}
		if len(code) == 0 || slices.ContainsFunc(code, func(d rune) bool { return !isDigit(d) }) {
			continue // could never be typed
		}
		b.plain = append(b.plain, []byte(string(code)))
		b.ends = b.ends && !slices.Contains(code, endKey)
		add(len(code))
	}
	for _, n := range c.HashedLengths {
		if n > 0 {
			b.hashed = append(b.hashed, n)
			add(n)
		}
	}
	return b
}

// alien tells whether no code can have all the keys of text: then text ends what was typed before it, as endKey does.
func (b *codebook) alien(text string) bool {
	for _, key := range []byte(text) {
		if d, ok := upperKey(rune(key)); ok {
			secret := len(b.hashed) > 0 && d >= '0' && d <= '9'
			if !secret && !slices.ContainsFunc(b.plain, func(code []byte) bool { return slices.Contains(code, d) }) {
				return true
			}
		}
	}
	return false
}

// keyLength is how many digits make a key and no secret: a popup's button sends such a code, and it opens wherever it is typed. Who may
// type it is decided by who may call.
const keyLength = 2

// opens tells whether digits are one of the codes in plain text, or end with one that is a key, in a time that does not depend on which
// digits are right.
func (b *codebook) opens(digits []byte) bool {
	found := 0
	for _, code := range b.plain {
		of := digits
		if len(code) <= keyLength && len(code) < len(digits) {
			of = digits[len(digits)-len(code):]
		}
		found |= subtle.ConstantTimeCompare(code, of)
	}
	return found == 1
}

// attempt is one try at a code: what was typed from the first digit on. It ends when it opens the door, when it is as long as the longest
// code, at a pause of more than CodeGap, at the key #, and at the digits of the loudspeaker where no code can have them. It is right when all of it, from its first digit, is a code at some moment;
// so each attempt tries one code of each length, and no row of digits, however clever, tries more codes than it has attempts.
type attempt struct {
	digits  []byte
	pending int  // hashes that are being computed
	over    bool // nothing is added any more
	right   bool
	forgive bool // it follows a right one without a pause: perhaps the rest of a longer code
}

// wrong tells whether an attempt that is over, and known in all its parts, counts as wrong: one that is shorter than every code tried
// nothing.
func (a *attempt) wrong(b *codebook) bool {
	return a.over && a.pending == 0 && !a.right && len(a.digits) >= b.shortest
}

// keypad is the keys of one conversation.
type keypad struct {
	book    *codebook
	current *attempt
	last    time.Time
	paused  time.Time // until when digits count for nothing, as was told last
	// waiting are digits typed while an attempt that is over is still being looked up.
	waiting []typed
	looking *attempt
}

type typed struct {
	at    time.Time
	digit byte
	cut   int // so many digits, with this one at their end, are no part of a code, and end what was typed before them; 0: it is a digit as any
}

// mostWaiting bounds the digits that wait: several codes, at the pace of a popup's button.
const mostWaiting = 64

func newKeypad(c Config) *keypad { return &keypad{book: newCodebook(c), current: &attempt{}} }

// judged is what a key did.
type judged struct {
	opened bool     // a code in plain text was completed
	ended  *attempt // that is over now; nil: none
	lookUp *attempt // whose digits, as they are, may be a hashed code; nil: none
}

// key takes the next key. The caller sees to attempts that are over, and to those that are to be looked up.
func (k *keypad) key(t typed) (j judged) {
	j.ended = k.rest(t.at)
	k.last = t.at
	d := t.digit
	if d == endKey && k.book.ends {
		if ended := k.end(); ended != nil {
			j.ended = ended
		}
		return j
	}
	a := k.current
	a.digits = append(a.digits, d)
	if k.book.opens(a.digits) {
		k.accept(a)
		j.opened = true
		return j
	}
	if t.cut > 0 {
		a.digits = a.digits[:max(0, len(a.digits)-t.cut)]
		if ended := k.end(); ended != nil {
			j.ended = ended
		}
		return j
	}
	if slices.Contains(k.book.hashed, len(a.digits)) {
		a.pending++
		j.lookUp = a
	}
	if len(a.digits) >= k.book.longest {
		j.ended = k.end()
	}
	return j
}

// rest ends the attempt when the pause since its last digit was too long.
func (k *keypad) rest(now time.Time) *attempt {
	if now.Sub(k.last) <= CodeGap {
		return nil
	}
	return k.end()
}

// end ends the attempt; nil: nothing was typed.
func (k *keypad) end() *attempt {
	a := k.current
	k.current = &attempt{}
	if len(a.digits) == 0 {
		return nil
	}
	a.over = true
	if a.pending > 0 {
		k.looking = a
	}
	return a
}

// accept uses an attempt up that was right. What follows without a pause may be forgiven, once.
func (k *keypad) accept(a *attempt) {
	a.right = true
	if a == k.current || a.over {
		k.current = &attempt{forgive: true}
	}
}

// upperKey is a key as codes have it; false: it is none.
func upperKey(d rune) (byte, bool) {
	d = upper(d)
	if !isDigit(d) {
		return 0, false
	}
	return byte(d), true
}
