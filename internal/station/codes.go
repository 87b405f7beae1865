package station

import (
	"slices"
	"time"
)

// codeReader finds codes that protect nothing, as the one of the loudspeaker, in the digits of one call.
type codeReader struct {
	codes   [][]rune
	longest int
	typed   []rune // at most longest
	last    time.Time
}

func newCodeReader(codes []string) *codeReader {
	r := &codeReader{}
	for _, c := range codes {
		code := []rune(c)
		for i := range code {
			code[i] = upper(code[i])
		}
		if len(code) == 0 || slices.ContainsFunc(code, func(d rune) bool { return !isDigit(d) }) {
			continue // could never be typed
		}
		r.codes = append(r.codes, code)
		r.longest = max(r.longest, len(code))
	}
	return r
}

// digit takes the next key and tells whether it completed a code. Digits before a code do no harm: the end of what was typed
// counts. A match uses its digits up, so that each typed code opens once: with the codes 2 and 12, typing 1 2 opens once.
func (r *codeReader) digit(now time.Time, d rune) bool {
	d = upper(d)
	if !isDigit(d) || r.longest == 0 {
		return false
	}
	if len(r.typed) > 0 && now.Sub(r.last) > CodeGap {
		r.typed = r.typed[:0]
	}
	r.last = now
	if len(r.typed) == r.longest {
		r.typed = slices.Delete(r.typed, 0, 1)
	}
	r.typed = append(r.typed, d)
	for _, code := range r.codes {
		if len(code) <= len(r.typed) && slices.Equal(r.typed[len(r.typed)-len(code):], code) {
			r.typed = r.typed[:0]
			return true
		}
	}
	return false
}

// isDigit tells whether d is a key of a telephone (RFC 4733 section 3.2, events 0 to 15).
func isDigit(d rune) bool {
	return d >= '0' && d <= '9' || d == '*' || d == '#' || d >= 'A' && d <= 'D'
}

func upper(d rune) rune {
	if d >= 'a' && d <= 'd' {
		return d - 'a' + 'A'
	}
	return d
}
