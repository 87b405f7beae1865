// Package provision writes what a person pastes elsewhere to give the door a telephone number: a stanza for Asterisk, which makes
// the extension, and an entry for SIP Core's settings, which tells the door that it is its own. It does no I/O.
package provision

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// What an extension cannot be.
var (
	// ErrNumber says that the extension is none that a person can dial: 1 to 15 digits.
	ErrNumber = errors.New("an extension is 1 to 15 digits")
	// ErrName says that the name has no characters that can be shown.
	ErrName = errors.New("an extension needs a name that can be shown")
	// ErrPassword says that the password would not survive Asterisk's files: 8 to 64 letters and digits.
	ErrPassword = errors.New("a password is 8 to 64 letters and digits")
)

// Extension is a telephone of the household. Formatting, logging or marshalling it never shows the password.
type Extension struct {
	// Number is what is dialled, such as "8001". It is the user name of the registration, too.
	Number string
	// Name is what the household sees, such as "Front door".
	Name string
	// Password is that of the registration. It is secret.
	Password string
}

// String names all but the password.
func (e Extension) String() string { return fmt.Sprintf("extension %s (%s)", e.Number, e.Name) }

// Format implements fmt.Formatter, for every verb.
func (e Extension) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.String()) }

// LogValue implements slog.LogValuer.
func (e Extension) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MarshalJSON implements json.Marshaler, which a JSON log uses.
func (e Extension) MarshalJSON() ([]byte, error) { return json.Marshal(e.String()) }

var (
	number   = regexp.MustCompile(`^[0-9]{1,15}$`)
	password = regexp.MustCompile(`^[0-9A-Za-z]{8,64}$`)
)

// check says what is wrong with an extension.
func (e Extension) check() error {
	switch {
	case !number.MatchString(e.Number):
		return ErrNumber
	case plain(e.Name) == "":
		return ErrName
	case !password.MatchString(e.Password):
		return ErrPassword
	}
	return nil
}

// The length of a password and its alphabet: letters and digits that nobody mistakes for others (no 0O, 1lI), and none that means
// anything in Asterisk's files, YAML or a shell. 24 of 57 are 139 bits.
const (
	passwordLength = 24
	alphabet       = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// Password makes a password.
func Password() string {
	// Bytes above the last whole multiple would make the first letters likelier.
	const fair = 256 - 256%len(alphabet)
	b := make([]byte, 0, passwordLength)
	one := make([]byte, 1)
	for len(b) < passwordLength {
		rand.Read(one) // never fails, by its documentation
		if int(one[0]) < fair {
			b = append(b, alphabet[int(one[0])%len(alphabet)])
		}
	}
	return string(b)
}

// Free is the first extension from 8001 on that is not taken.
func Free(taken []string) string {
	used := make(map[string]bool)
	for _, t := range taken {
		used[strings.TrimSpace(t)] = true
	}
	for n := 8001; ; n++ {
		if s := strconv.Itoa(n); !used[s] {
			return s
		}
	}
}

// plain takes out of a name what Asterisk's files, a SIP header or a terminal would take amiss. A semicolon begins a comment there.
func plain(s string) string {
	const longest = 64
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`"\;<>[]`, r) {
			return -1
		}
		return r
	}, s))
	if runes := []rune(s); len(runes) > longest {
		s = strings.TrimSpace(string(runes[:longest]))
	}
	return s
}
