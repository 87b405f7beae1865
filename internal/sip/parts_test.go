package sip

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

func TestParseDigit(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		digit      rune
		duration   time.Duration
		err        error
	}{
		{typeRelay, "Signal=5\r\nDuration=160\r\n", '5', 160 * time.Millisecond, nil},
		{typeRelay, "Signal=5\nDuration=160", '5', 160 * time.Millisecond, nil},
		{typeRelay, " sIgNaL = # \r\n\r\nDURATION = 100 ", '#', 100 * time.Millisecond, nil},
		{typeRelay, "Duration=250\r\nSignal=*", '*', 250 * time.Millisecond, nil},
		{typeRelay, "Signal=10", '*', 0, nil},
		{typeRelay, "Signal=11", '#', 0, nil},
		{typeRelay, "Signal=12", 'A', 0, nil},
		{typeRelay, "Signal=15", 'D', 0, nil},
		{typeRelay, "Signal=d", 'D', 0, nil},
		{typeRelay, "Signal=0\r\nDuration=-5", '0', 0, nil},
		{typeRelay, "Signal=0\r\nDuration=999999999", '0', longestDigit, nil},
		{typeRelay, "Signal=1\r\nSignal=2", '1', 0, nil},
		{typeRelay, "Signal=16", 0, 0, errFlash},
		{typeRelay, "Signal=17", 0, 0, errNotDigits},
		{typeRelay, "Signal=55", 0, 0, errNotDigits},
		{typeRelay, "Signal=", 0, 0, errNotDigits},
		{typeRelay, "5", 0, 0, errNotDigits},
		{typeRelay, "", 0, 0, errNotDigits},
		{typeRelay, "Signal=é", 0, 0, errNotDigits},
		{typeDTMF, "7", '7', 0, nil},
		{typeDTMF, " 7 \r\n", '7', 0, nil},
		{typeDTMF, "11", '#', 0, nil},
		{typeDTMF, "Signal=3\r\nDuration=80", '3', 80 * time.Millisecond, nil},
		{typeDTMF, "", 0, 0, errNotDigits},
		{"text/plain", "7", 0, 0, errNotDigits},
	} {
		digit, duration, err := parseDigit(c.kind, c.body)
		if !errors.Is(err, c.err) || err == nil && (digit != c.digit || duration != c.duration) {
			t.Errorf("%s %q: %q %v %v", c.kind, c.body, digit, duration, err)
		}
	}
}

func FuzzParseDigit(f *testing.F) {
	f.Add(true, "Signal=5\r\nDuration=160\r\n")
	f.Add(true, "signal = 11\nduration=")
	f.Add(false, "#")
	f.Add(false, "Signal==5=\x00\r")
	f.Fuzz(func(t *testing.T, relay bool, body string) {
		kind := typeDTMF
		if relay {
			kind = typeRelay
		}
		digit, duration, err := parseDigit(kind, body)
		switch {
		case err != nil:
			if digit != 0 {
				t.Errorf("digit %q beside error %v", digit, err)
			}
		case !strings.ContainsRune("0123456789*#ABCD", digit):
			t.Errorf("digit %q", digit)
		case duration < 0 || duration > longestDigit:
			t.Errorf("duration %v", duration)
		}
	})
}

func TestReadReason(t *testing.T) {
	for v, want := range map[string]struct {
		q850, sip int
		text      string
	}{
		"Q.850;cause=34":                                                {34, 0, ""},
		`q.850 ; Cause = 16 ; text="a;b,c \" d"`:                        {16, 0, `a;b,c \" d`},
		`SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26`: {26, 200, "Call completed elsewhere"},
		"Q.850;cause=-1":                                                {},
		"Q.850;cause=999999":                                            {},
		"":                                                              {},
		";;;=,,":                                                        {},
	} {
		m := sipmsg.NewResponse(200, "OK")
		m.AppendHeader(sipmsg.NewHeader("Reason", v))
		if q850, status, text := readReason(m); q850 != want.q850 || status != want.sip || text != want.text {
			t.Errorf("%q: %d %d %q", v, q850, status, text)
		}
	}
}

func TestGranted(t *testing.T) {
	const host = "ours.invalid"
	for name, c := range map[string]struct {
		headers []string
		want    time.Duration
	}{
		"nothing said":           {nil, 300 * time.Second},
		"Expires alone":          {[]string{"Expires: 120"}, 120 * time.Second},
		"ours among others":      {[]string{"Contact: <sip:1@other.invalid>;expires=20", "Contact: <sip:1@OURS.invalid;transport=ws>;expires=119"}, 119 * time.Second},
		"ours in one line":       {[]string{"Contact: <sip:1@other.invalid>;expires=20,<sip:1@ours.invalid;transport=ws>;expires=118"}, 118 * time.Second},
		"ours as Asterisk keeps": {[]string{"Contact: <sip:1@9.9.9.9:77>;expires=20", "Contact: <sip:1@10.0.0.1:4711;transport=WS;x-ast-orig-host=ours.invalid:0>;expires=299"}, 299 * time.Second},
		"only one, rewritten":    {[]string{"Contact: <sip:1@10.0.0.1:4711>;expires=59"}, 59 * time.Second},
		"several, none ours":     {[]string{"Contact: <sip:1@9.9.9.9>;expires=20", "Contact: <sip:1@9.9.9.8>;expires=30"}, 300 * time.Second},
		"nonsense":               {[]string{"Contact: <sip:1@ours.invalid>;expires=soon"}, 300 * time.Second},
		"nearly nothing":         {[]string{"Contact: <sip:1@ours.invalid>;expires=1"}, leastExpires},
		"for ever":               {[]string{"Contact: <sip:1@ours.invalid>;expires=2000000000"}, mostExpires},
	} {
		text := "SIP/2.0 200 OK\r\nVia: SIP/2.0/WS h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n" +
			strings.Join(append(c.headers, "Content-Length: 0"), "\r\n") + "\r\n\r\n"
		m, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := granted(m.(*sipmsg.Response), host, 300*time.Second); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestConfigHidesThePassword(t *testing.T) {
	c := Config{Extension: "8001", Domain: "pbx", Password: testPassword}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "config", c)
	fmt.Fprintf(&b, "%v %+v %#v %s", c, c, c, c)
	if strings.Contains(b.String(), testPassword) {
		t.Errorf("password in %q", b.String())
	}
}

func TestRejectedErrorText(t *testing.T) {
	if got := (&RejectedError{Status: 503, Reason: "Service Unavailable", Q850: 34}).Error(); got != "rejected: 503 Service Unavailable (Q.850 cause 34)" {
		t.Error(got)
	}
}

func TestEscapeUser(t *testing.T) {
	for in, want := range map[string]string{"101": "101", "*43#": "*43%23", "a@b": "a%40b", "%41": "%2541", "a;b": "a;b", "<>": "%3C%3E"} {
		if got := escapeUser(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
