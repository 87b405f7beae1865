package machine

import (
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"doorstation/config"
	"doorstation/internal/settings"
	"doorstation/internal/setup"
)

// Files are the door's files.
type Files struct {
	// Config is the local file.
	Config string
	Getenv func(string) string

	pictures string // a directory of pictures, until Close
}

var _ setup.Files = (*Files)(nil)

// Close takes the pictures away.
func (f *Files) Close() error {
	if f.pictures == "" {
		return nil
	}
	return os.RemoveAll(f.pictures)
}

// Places implements setup.Files: beside the local file, where the unit looks for the token.
func (f *Files) Places() (tokenFile, caFile string) {
	dir := filepath.Dir(f.Config)
	return filepath.Join(dir, "token"), filepath.Join(dir, "home-assistant-ca.pem")
}

// Read implements setup.Files. What an interrupted setup was about to write is finished first, or taken away.
func (f *Files) Read() (settings.Local, bool, error) {
	tokenFile, _ := f.Places()
	if writable(filepath.Dir(f.Config)) {
		if _, err := settings.Recover(f.Config, tokenFile); err != nil {
			return settings.Local{}, false, err
		}
	}
	if _, err := os.Lstat(f.Config); errors.Is(err, fs.ErrNotExist) {
		return settings.Defaults(), false, nil
	}
	l, err := settings.LoadLocal(f.Config)
	return l, true, err
}

func writable(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// Token implements setup.Files.
func (f *Files) Token(l settings.Local) string {
	if l.HomeAssistant.TokenFile == "" {
		l.HomeAssistant.TokenFile, _ = f.Places()
	}
	// One that can't be read is none: it is asked for.
	token, err := settings.ReadToken(l, func(string) string { return "" })
	if err != nil {
		return ""
	}
	return token
}

// Trust implements setup.Files.
func (f *Files) Trust(l settings.Local) []byte {
	if l.HomeAssistant.TLS.CAFile == "" {
		return nil
	}
	data, err := os.ReadFile(l.HomeAssistant.TLS.CAFile)
	if err != nil {
		return nil
	}
	return data
}

// render is the text of a local file; old may be nil.
func render(path string, old []byte, l settings.Local) ([]byte, error) {
	r, err := settings.Render(path, old, config.Example(), l)
	return r.Text, err
}

// Render implements setup.Files.
func (f *Files) Render(l settings.Local) (now, before string, err error) {
	old, err := os.ReadFile(f.Config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	text, err := render(f.Config, old, l)
	return string(text), string(old), err
}

// Write implements setup.Files.
func (f *Files) Write(w setup.Written) ([]string, error) {
	now, _, err := f.Render(w.Local)
	if err != nil {
		return nil, err
	}
	tokenFile, caFile := f.Places()
	var paths []string
	if w.Trust != nil {
		// Before the local file that names it. A file that is there is only added to.
		if err = writeWhole(caFile, w.Trust); err != nil {
			return nil, err
		}
		paths = append(paths, caFile)
	}
	install := settings.Install{Path: f.Config, Text: []byte(now), TokenFile: tokenFile, Token: w.Token}
	if err = install.Write(); err != nil {
		return nil, err
	}
	paths = append(paths, f.Config)
	if w.Token != "" {
		paths = append(paths, tokenFile)
	}
	return paths, nil
}

// writeWhole writes a file that everybody may read, in one step.
func writeWhole(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".ca-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// SavePicture implements setup.Files. Who came by sudo may fetch it as who they are.
func (f *Files) SavePicture(img image.Image) (string, error) {
	if f.pictures == "" {
		dir, err := os.MkdirTemp("", "doorstation-pictures-")
		if err != nil {
			return "", err
		}
		f.pictures = dir
	}
	file, err := os.CreateTemp(f.pictures, "camera-*.jpg")
	if err != nil {
		return "", err
	}
	err = jpeg.Encode(file, img, nil)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	if uid, convErr := strconv.Atoi(f.Getenv("SUDO_UID")); convErr == nil && os.Geteuid() == 0 {
		if err = errors.Join(os.Chown(f.pictures, uid, -1), os.Chown(file.Name(), uid, -1)); err != nil {
			return "", fmt.Errorf("the picture: %w", err)
		}
	}
	return file.Name(), nil
}
