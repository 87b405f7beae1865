package sip

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var (
	errNotDigits = errors.New("not a digit body")
	errFlash     = errors.New("hook flash")
)

const (
	typeRelay = "application/dtmf-relay"
	typeDTMF  = "application/dtmf"
	// longestDigit bounds the duration that a peer may claim.
	longestDigit = 10 * time.Second
)

// parseDigit reads the body of an INFO. application/dtmf-relay has lines "Signal=5" and "Duration=160" (ms),
// application/dtmf the digit alone, though some peers write the lines there too. Numbers above 9 are the event codes of
// RFC 4733 section 3.2: 10 is *, 11 is #, 12 to 15 are A to D, 16 is a hook flash (errFlash).
func parseDigit(contentType, body string) (rune, time.Duration, error) {
	if contentType != typeRelay && contentType != typeDTMF {
		return 0, 0, errNotDigits
	}
	signal, duration := "", time.Duration(0)
	for line := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '\r' || r == '\n' }) {
		key, value, assigned := strings.Cut(line, "=")
		if !assigned {
			if contentType == typeDTMF && signal == "" {
				signal = strings.TrimSpace(line)
			}
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "signal":
			if signal == "" {
				signal = value
			}
		case "duration":
			if ms, err := strconv.ParseUint(value, 10, 32); err == nil {
				duration = min(time.Duration(ms)*time.Millisecond, longestDigit)
			}
		}
	}
	digit, err := digitOf(signal)
	return digit, duration, err
}

func digitOf(signal string) (rune, error) {
	if len(signal) == 1 {
		switch c := signal[0]; {
		case c >= '0' && c <= '9', c == '*', c == '#', c >= 'A' && c <= 'D':
			return rune(c), nil
		case c >= 'a' && c <= 'd':
			return rune(c - 'a' + 'A'), nil
		}
	}
	switch signal {
	case "10":
		return '*', nil
	case "11":
		return '#', nil
	case "12", "13", "14", "15":
		return rune('A' + signal[1] - '2'), nil
	case "16":
		return 0, errFlash
	}
	return 0, errNotDigits
}
