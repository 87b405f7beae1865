package page

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"doorstation/internal/hashed"
)

var (
	// ErrPasswordLength says that a password is too short or too long.
	ErrPasswordLength = errors.New("a password has 8 to 128 characters")
	// ErrPasswordMode says that others may read the file.
	ErrPasswordMode = errors.New("others than its owner may read the hashed password: chmod 600 the file")
	// ErrPasswordFormat says that the file is not one of a password.
	ErrPasswordFormat = errors.New("this is no file made by doorstation page password")
)

// cost is what a Raspberry Pi Zero spares, and half a second of it.
var cost = hashed.Cost{MemoryKiB: 19 << 10, Passes: 2}

const (
	leastLetters = 8
	mostLetters  = 128
	mostBytes    = 1 << 10
)

// algorithm names the hash and its cost, in the manner of the PHC string format.
const algorithm = "argon2id$v=19$m=19456,t=2,p=1"

// Password is a hashed password.
type Password struct{ salt, hash []byte }

// NewPassword hashes a password; spaces around it do not count. [ErrPasswordLength].
func NewPassword(text string) (*Password, error) {
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n < leastLetters || n > mostLetters {
		return nil, ErrPasswordLength
	}
	salt, hash, err := cost.Hash(text)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return &Password{salt: salt, hash: hash}, nil
}

// Is tells whether text is the password. It takes its time, always the same.
func (p *Password) Is(text string) bool {
	if len(text) > mostBytes {
		return false
	}
	return cost.Compare(strings.TrimSpace(text), p.salt, p.hash) == 1
}

// Line is what its file holds.
func (p *Password) Line() string {
	b64 := base64.RawStdEncoding
	return "$" + algorithm + "$" + b64.EncodeToString(p.salt) + "$" + b64.EncodeToString(p.hash) + "\n"
}

// String keeps the hash out of printed text.
func (p *Password) String() string { return "(hashed)" }

// ReadPassword reads a file made of [Password.Line]. [ErrPasswordMode] where others than the owner may read it, unless private is false:
// systemd sees to its credentials itself. [ErrPasswordFormat].
func ReadPassword(path string, private bool) (*Password, error) {
	data, err := hashed.Read(path, private, mostBytes, ErrPasswordMode)
	if err != nil {
		return nil, fmt.Errorf("page.password_file: %w", err)
	}
	// What is wrong is not repeated: it may be a password that somebody wrote there.
	wrong := fmt.Errorf("page.password_file: %s: %w", path, ErrPasswordFormat)
	rest, is := strings.CutPrefix(strings.TrimSpace(string(data)), "$"+algorithm+"$")
	saltText, hashText, cut := strings.Cut(rest, "$")
	if !is || !cut {
		return nil, wrong
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(saltText)
	hash, hashErr := base64.RawStdEncoding.DecodeString(hashText)
	if saltErr != nil || hashErr != nil || !hashed.Sized(salt, hash) {
		return nil, wrong
	}
	return &Password{salt: salt, hash: hash}, nil
}
