package sip

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

const plainOptions = "OPTIONS sip:8001@192.0.2.5 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n"

func TestStreamIsCutIntoMessages(t *testing.T) {
	messages := []string{
		plainOptions,
		"\r\n",
		"\r\n",
		"SIP/2.0 200 OK\r\nl: 5\r\n\r\nhello",
		"SIP/2.0 200 OK\r\nCONTENT-LENGTH  :\t4 \r\nX: y\r\n\r\n\r\n\r\n", // the body is two CRLFs
		"INFO x SIP/2.0\r\nSubject: a\r\n Content-Length: 9\r\nl:\r\n\t2\r\n\r\nhi",
		"INFO x SIP/2.0\r\nContent-Length: 1\r\nl: 1\r\n\r\n5",
		"INVITE x SIP/2.0\r\nContent-Length: 60000\r\n\r\n" + strings.Repeat("v", 60000),
		"INVITE x SIP/2.0\r\nX: " + strings.Repeat("v", 60000) + "\r\nContent-Length: 0\r\n\r\n",
		"\r\n",
	}
	stream := strings.Join(messages, "")
	for name, r := range map[string]io.Reader{
		"glued": strings.NewReader(stream),
		"byte":  iotest.OneByteReader(strings.NewReader(stream)),
		"half":  iotest.HalfReader(strings.NewReader(stream)),
	} {
		f := newFramer(r)
		for i, want := range messages {
			got, err := f.next()
			if err != nil || string(got) != want {
				t.Fatalf("%s: message %d is %.60q, %v", name, i, got, err)
			}
		}
		if _, err := f.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
}

func TestStreamThatCannotBeFramed(t *testing.T) {
	for name, stream := range map[string]string{
		"no length":       "OPTIONS x SIP/2.0\r\n\r\n",
		"two lengths":     "OPTIONS x SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\nhi",
		"negative":        "OPTIONS x SIP/2.0\r\nl: -1\r\n\r\n",
		"signed":          "OPTIONS x SIP/2.0\r\nl: +1\r\n\r\nx",
		"no number":       "OPTIONS x SIP/2.0\r\nl: many\r\n\r\n",
		"beyond an int":   "OPTIONS x SIP/2.0\r\nl: 18446744073709551616\r\n\r\n",
		"body too large":  "OPTIONS x SIP/2.0\r\nl: " + strconv.Itoa(maxMessage) + "\r\n\r\n",
		"head too large":  "OPTIONS x SIP/2.0\r\nX: " + strings.Repeat("x", maxMessage),
		"endless line":    strings.Repeat("x", 10*maxMessage),
		"lone CR":         "\rOPTIONS",
		"lone LF":         "\n\n\n",
		"bytes":           "\x16\x03\x01\x02",
		"line feeds only": "OPTIONS x SIP/2.0\nl: 0\n\n" + strings.Repeat("\n", maxMessage),
	} {
		if m, err := newFramer(strings.NewReader(stream)).next(); !errors.Is(err, errFraming) {
			t.Errorf("%s: %.60q, %v", name, m, err)
		}
	}
	for _, cut := range []string{"\r", "OPT", plainOptions[:len(plainOptions)-1], "SIP/2.0 200 OK\r\nl: 5\r\n\r\nhell"} {
		if _, err := newFramer(strings.NewReader(cut)).next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%.30q: %v", cut, err)
		}
	}
}

// FuzzFramer proves that whatever a stream holds, the framer returns it without loss, in pieces that are never too large,
// and however it arrives.
func FuzzFramer(f *testing.F) {
	f.Add([]byte(plainOptions + "\r\n\r\n" + plainOptions))
	f.Add([]byte("SIP/2.0 200 OK\r\nl: 5\r\n\r\nhelloSIP/2.0 200 OK\r\nContent-Length : 1\r\nL:1\r\n\r\nx"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, end := frames(t, bytes.NewReader(stream))
		bytewise, sameEnd := frames(t, iotest.OneByteReader(bytes.NewReader(stream)))
		if len(whole) != len(bytewise) || end.Error() != sameEnd.Error() {
			t.Fatalf("%d messages and %v, but %d and %v byte by byte", len(whole), end, len(bytewise), sameEnd)
		}
		joined := bytes.Join(whole, nil)
		if !bytes.HasPrefix(stream, joined) {
			t.Fatal("the messages are not what the stream held")
		}
		if errors.Is(end, io.EOF) && len(joined) != len(stream) {
			t.Fatalf("%d of %d bytes lost", len(stream)-len(joined), len(stream))
		}
		for i, m := range whole {
			if !bytes.Equal(m, bytewise[i]) || len(m) == 0 || len(m) > maxMessage {
				t.Fatalf("message %d: %q", i, m)
			}
			if parsed, err := parse(m); err == nil && parsed == nil {
				t.Fatalf("message %d is nothing", i)
			}
		}
	})
}

func frames(t *testing.T, r io.Reader) (all [][]byte, end error) {
	t.Helper()
	f := newFramer(r)
	for {
		m, err := f.next()
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
}
