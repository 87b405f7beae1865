// Package codes keeps the persons' codes that open the door in a file of their own, hashed.
//
// A code has few digits, so a hash only slows down whoever gets hold of the file: argon2id (RFC 9106) with 8 MiB, which a Raspberry Pi
// spares, makes all codes of four digits a matter of minutes and of eight digits one of weeks. Therefore the file must be readable by its owner
// alone, and a lost file means new codes.
package codes

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"

	"doorstation/internal/hashed"
)

var (
	// ErrMode says that others may read the file.
	ErrMode = errors.New("others than its owner may read the codes: chmod 600 the file, and change the codes")
	// ErrFormat says that the file is not one of codes.
	ErrFormat = errors.New("this is no file of codes made by doorstation code add")
	// ErrNameTaken says that somebody of this name has a code.
	ErrNameTaken = errors.New("there is a code of this name; remove it first")
	// ErrCodeTaken says that somebody else has this very code.
	ErrCodeTaken = errors.New("this code is somebody else's already; take another one")
	// ErrDigits says that a code is not one.
	ErrDigits = errors.New("a code has 4 to 16 digits, 0 to 9")
	// ErrName says that a name is not one.
	ErrName = errors.New("a name has 1 to 64 printable characters")
	// ErrNobody says that nobody of this name has a code.
	ErrNobody = errors.New("there is no code of this name")
	// ErrTooMany says that the file is full.
	ErrTooMany = errors.New("there are as many codes as the door looks up in time")
)

// cost is that of a hash.
var cost = hashed.Cost{MemoryKiB: 8 << 10, Passes: 3}

const (
	// mostCodes bounds the time of looking one up.
	mostCodes = 32
	mostBytes = 64 << 10
)

// entry is one person's code.
type entry struct {
	Name   string `json:"name"`
	Length int    `json:"length"`
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
}

type file struct {
	Algorithm string  `json:"algorithm"`
	Codes     []entry `json:"codes"`
}

// none is what the unit gives the agent as a credential where there is no file.
const none = "none"

// algorithm names the hash and its cost, in the manner of the PHC string format.
const algorithm = "argon2id,v=19,m=8192,t=3,p=1"

// Book is the codes. A nil Book is empty. It is safe for concurrent use; one code is looked up at a time.
type Book struct {
	mu      sync.Mutex
	entries []entry
}

// Load reads a file of codes. [ErrMode] where others than the owner may read it, unless private is false: systemd sees to its credentials
// itself, and such a file may say "none" where there are none. [ErrFormat], [fs.ErrNotExist].
func Load(path string, private bool) (*Book, error) {
	data, err := hashed.Read(path, private, mostBytes, ErrMode)
	if err != nil {
		return nil, err
	}
	if !private && strings.TrimSpace(string(data)) == none {
		return &Book{}, nil
	}
	var content file
	// What is wrong is not repeated: it may be a code that somebody wrote there.
	if json.Unmarshal(data, &content) != nil || content.Algorithm != algorithm || len(content.Codes) > mostCodes {
		return nil, fmt.Errorf("%s: %w", path, ErrFormat)
	}
	for _, e := range content.Codes {
		if !validName(e.Name) || !validLength(e.Length) || !hashed.Sized(e.Salt, e.Hash) {
			return nil, fmt.Errorf("%s: %w", path, ErrFormat)
		}
	}
	return &Book{entries: content.Codes}, nil
}

// Lengths are the lengths of the codes, each once, in order.
func (b *Book) Lengths() []int {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []int
	for _, e := range b.entries {
		all = append(all, e.Length)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Names are whose codes there are.
func (b *Book) Names() []string {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]string, len(b.entries))
	for i, e := range b.entries {
		all[i] = e.Name
	}
	return all
}

// LookUp tells whether digits are a code, and whose. All codes of that length are computed, whichever is right.
func (b *Book) LookUp(digits string) (name string, is bool) {
	if b == nil {
		return "", false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	found := -1
	for i, e := range b.entries {
		if e.Length != len(digits) {
			continue
		}
		found = subtle.ConstantTimeSelect(cost.Compare(digits, e.Salt, e.Hash), i, found)
	}
	if found < 0 {
		return "", false
	}
	return b.entries[found].Name, true
}

// Add adds a code. [ErrName], [ErrNameTaken], [ErrDigits], [ErrCodeTaken], [ErrTooMany].
func (b *Book) Add(name, digits string) error {
	switch {
	case !validName(name):
		return ErrName
	case slices.Contains(b.Names(), name):
		return ErrNameTaken
	case !validLength(len(digits)) || strings.Trim(digits, "0123456789") != "":
		return ErrDigits
	}
	if _, taken := b.LookUp(digits); taken {
		return ErrCodeTaken
	}
	salt, hash, err := cost.Hash(digits)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.entries) >= mostCodes {
		return ErrTooMany
	}
	b.entries = append(b.entries, entry{Name: name, Length: len(digits), Salt: salt, Hash: hash})
	return nil
}

// Remove takes a code away. [ErrNobody].
func (b *Book) Remove(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.entries, func(e entry) bool { return e.Name == name })
	if i < 0 {
		return ErrNobody
	}
	b.entries = slices.Delete(b.entries, i, i+1)
	return nil
}

// Change reads the file, or begins a new one, lets change do its work and writes the result, while nobody else may: of two changes at a time none is
// lost, and no code that was removed comes back. Errors are those of [Load] and of change; the file stays as it was then.
func Change(path string, change func(*Book) error) error {
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	book, err := Load(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		book, err = &Book{}, nil
	}
	if err == nil {
		err = change(book)
	}
	if err == nil {
		err = book.save(path)
	}
	return errors.Join(err, unlock())
}

// lockDir waits until nobody else has the lock of a directory. The lock is on the directory itself, so that it leaves no file behind.
func lockDir(dir string) (unlock func() error, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(d.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), d.Close())
	}
	return d.Close, nil
}

// save replaces the file as a whole, mode 0600. Its owner stays; the owner of a new one made by root is the service's user.
func (b *Book) save(path string) error {
	b.mu.Lock()
	data, err := json.MarshalIndent(file{Algorithm: algorithm, Codes: b.entries}, "", "  ")
	b.mu.Unlock()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	uid, gid, known := owner(path)
	if known {
		err = f.Chown(uid, gid)
	}
	if err == nil {
		_, err = f.Write(append(data, '\n'))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a change of names in a directory last: a code that was removed stays removed when the power is cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err = d.Sync(); errors.Is(err, unix.EINVAL) {
		err = nil // a file system that knows no such thing
	}
	return errors.Join(err, d.Close())
}

// serviceUser is the user the package makes for the agent.
const serviceUser = "doorstation"

// owner is whose the file is to be; false: of whoever writes it.
func owner(path string) (uid, gid int, known bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	info, err := os.Stat(path)
	if err == nil {
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			return int(s.Uid), int(s.Gid), true
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, 0, false
	}
	u, err := user.Lookup(serviceUser)
	if err != nil {
		return 0, 0, false
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	return uid, gid, uidErr == nil && gidErr == nil
}

func validLength(n int) bool { return n >= 4 && n <= 16 }

func validName(s string) bool {
	return s != "" && len([]rune(s)) <= 64 && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
