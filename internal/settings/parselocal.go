package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxLocalFile is several times what a hand-written file ever has, in bytes, and little enough for the parser, whose time grows
// with the square of the nesting.
const maxLocalFile = 32 << 10

// LoadLocal reads the local file. What is wrong with it comes as *FileError, or several of them joined. Relative paths in
// the file are relative to its folder.
func LoadLocal(path string) (Local, error) {
	data, err := readLimited(path, maxLocalFile)
	if err != nil {
		message := "cannot be read: " + reason(err)
		if errors.Is(err, fs.ErrNotExist) {
			message = "there is no such file; copy the example there, or name another with --config"
		}
		return Local{}, &FileError{Path: path, Message: message, err: err}
	}
	l, err := ParseLocal(path, data)
	if err != nil {
		return Local{}, err
	}
	l.resolve(path)
	return l, nil
}

// resolve makes the paths in a local file absolute that are relative to its folder.
func (l *Local) resolve(path string) {
	for _, p := range []*string{&l.HomeAssistant.TokenFile, &l.HomeAssistant.TLS.CAFile, &l.SIP.TLS.CAFile, codesFile(l)} {
		if p != nil && *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(path), *p)
		}
	}
	if p := &l.Page; p.PasswordFile != "" && p.PasswordFile != PageCredential && !filepath.IsAbs(p.PasswordFile) {
		p.PasswordFile = filepath.Join(filepath.Dir(path), p.PasswordFile)
	}
	for name, file := range l.Audio.Tones {
		if !filepath.IsAbs(file) {
			l.Audio.Tones[name] = filepath.Join(filepath.Dir(path), file)
		}
	}
	// A bare name is looked for on PATH.
	if c := l.Camera.Command; len(c) > 0 && strings.Contains(c[0], "/") && !filepath.IsAbs(c[0]) {
		c[0] = filepath.Join(filepath.Dir(path), c[0])
	}
}

func codesFile(l *Local) *string {
	if l.Lock == nil {
		return nil
	}
	return &l.Lock.CodesFile
}

// reason is what the operating system said, without the path that the caller names anyway.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

var errTooLong = errors.New("the file is too long")

// readLimited reads a whole file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w (more than %d bytes)", errTooLong, limit)
	}
	return data, nil
}

// ParseLocal reads the text of a local file; name is for the errors, which are as LoadLocal's.
func ParseLocal(name string, data []byte) (Local, error) {
	r := newReader(name, data)
	l, err := r.parse(data)
	if err != nil {
		return Local{}, err
	}
	return l, nil
}

func newReader(name string, data []byte) *reader {
	return &reader{
		src: newSource(name, data), known: make(map[string]bool), present: make(map[string]bool),
	}
}

func (r *reader) parse(data []byte) (Local, error) {
	root, err := parseYAML(r.src, bytes.TrimPrefix(data, []byte("\ufeff")))
	if err != nil {
		return Local{}, err
	}
	l := defaults()
	if root == nil {
		return Local{}, r.src.fault(1, 1, "the file is empty; expected at least home_assistant and buttons")
	}
	r.local(root, &l)
	if err = join(r.faults); err != nil {
		return Local{}, err
	}
	return l, nil
}

// local reads the whole file into l, which holds the defaults.
func (r *reader) local(root ast.Node, l *Local) {
	parts := &parts{taken: make(map[Pin]string)}
	var hasHome, hasButtons bool
	ok := r.mapping(root, "the local file", keys{
		"home_assistant": func(n ast.Node) { hasHome = true; r.homeAssistant(n, &l.HomeAssistant) },
		"sip":            func(n ast.Node) { r.sip(n, &l.SIP) },
		"gpio":           func(n ast.Node) { l.GPIO = r.choice(n, "auto", "simulated") },
		"buttons":        func(n ast.Node) { hasButtons = true; l.Buttons = r.buttons(n, parts) },
		"lock":           func(n ast.Node) { l.Lock = r.lock(n, parts) },
		"light":          func(n ast.Node) { l.Light = r.light(n, parts) },
		"leds":           func(n ast.Node) { l.LEDs = r.leds(n, parts) },
		"inputs":         func(n ast.Node) { r.inputs(n, parts, &l.Inputs) },
		"call":           func(n ast.Node) { r.call(n, &l.Call) },
		"incoming":       func(n ast.Node) { r.incoming(n, &l.Incoming) },
		"camera":         func(n ast.Node) { r.camera(n, &l.Camera) },
		"audio":          func(n ast.Node) { r.audio(n, &l.Audio) },
		"monitor":        func(n ast.Node) { r.monitor(n, &l.Monitor) },
		"page":           func(n ast.Node) { r.page(n, &l.Page) },
		"log":            func(n ast.Node) { r.log(n, &l.Log) },
	})
	if ok && !hasHome {
		r.fault(root, "home_assistant is missing; expected home_assistant with url, such as https://homeassistant.local:8123")
	}
	if ok && !hasButtons {
		r.fault(root, "buttons is missing; expected a list with at least one button (name, pin, call)")
	}
}
