package sip

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// errFraming ends a connection on which nobody can tell where the next message begins.
var errFraming = errors.New("the stream is not made of SIP messages")

// A framer cuts a stream into messages by their Content-Length (RFC 3261 section 18.3).
type framer struct{ r *bufio.Reader }

func newFramer(r io.Reader) *framer { return &framer{r: bufio.NewReader(r)} }

// next returns one whole message of at most maxMessage bytes, or one CRLF from between them (RFC 3261 section 7.5, RFC 5626
// section 3.5.1). After an error there is no next.
func (f *framer) next() ([]byte, error) {
	first, err := f.r.ReadByte()
	if err != nil {
		return nil, err
	}
	if first == '\r' {
		second, failed := f.r.ReadByte()
		if failed != nil {
			return nil, ended(failed)
		}
		if second != '\n' {
			return nil, fmt.Errorf("%w: a lone CR", errFraming)
		}
		return []byte("\r\n"), nil
	}
	if !isToken(first) { // of a method or "SIP/2.0"; what is no text need not be collected first
		return nil, fmt.Errorf("%w: a message begins with byte %d", errFraming, first)
	}
	head, err := f.head(first)
	if err != nil {
		return nil, err
	}
	length, err := contentLength(head)
	if err != nil {
		return nil, err
	}
	if length > maxMessage-len(head) {
		return nil, fmt.Errorf("%w: a body of %d bytes", errFraming, length)
	}
	message := make([]byte, len(head)+length)
	copy(message, head)
	if _, err = io.ReadFull(f.r, message[len(head):]); err != nil {
		return nil, ended(err)
	}
	return message, nil
}

// isToken tells whether a method may have this character (RFC 3261 section 25.1).
func isToken(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || bytes.IndexByte([]byte("-.!%*_+`'~"), b) >= 0
}

// head reads start line and headers with the empty line after them.
func (f *framer) head(first byte) ([]byte, error) {
	head := []byte{first}
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := f.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, ended(err)
		}
		if len(head)+len(line) > maxMessage {
			return nil, fmt.Errorf("%w: headers of more than %d bytes", errFraming, maxMessage)
		}
		head = append(head, line...)
	}
	return head, nil
}

// contentLength reads the header of that name from start line and headers. A stream cannot do without (RFC 3261 section
// 20.14), and two that differ are how messages are smuggled.
func contentLength(head []byte) (int, error) {
	length, found := 0, false
	// A line that begins with a space continues the one before (section 7.3.1).
	unfolded := bytes.ReplaceAll(bytes.ReplaceAll(head, []byte("\r\n "), []byte("   ")), []byte("\r\n\t"), []byte("   "))
	lines := bytes.Split(unfolded, []byte("\r\n"))
	for _, line := range lines[1:] {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if name = bytes.TrimRight(name, " \t"); !ok || !isContentLength(name) {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%w: Content-Length is no number", errFraming)
		}
		if found && int(n) != length {
			return 0, fmt.Errorf("%w: two lengths", errFraming)
		}
		length, found = int(n), true
	}
	if !found {
		return 0, fmt.Errorf("%w: a message without Content-Length", errFraming)
	}
	return length, nil
}

func isContentLength(name []byte) bool {
	return bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("l"))
}

// ended tells the end in the middle of a message from the end between two.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
