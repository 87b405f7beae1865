// Package hashed keeps what somebody has to know – a code, a password – as a hash: argon2id (RFC 9106) at a cost that whoever keeps it
// chooses, in a file that its owner alone may read.
package hashed

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/argon2"
)

const (
	saltSize = 16 // RFC 9106 section 3.1
	hashSize = 32
)

// Cost is what one hash takes.
type Cost struct {
	// MemoryKiB is memory in KiB, Passes how often it is gone over.
	MemoryKiB, Passes uint32
}

// Hash hashes a secret with a new salt.
func (c Cost) Hash(secret string) (salt, hash []byte, err error) {
	salt = make([]byte, saltSize)
	if _, err = rand.Read(salt); err != nil {
		return nil, nil, fmt.Errorf("hashed: %w", err)
	}
	return salt, c.of(secret, salt), nil
}

// Compare returns 1 if hash is that of the secret, else 0, in always the same time.
func (c Cost) Compare(secret string, salt, hash []byte) int {
	return subtle.ConstantTimeCompare(c.of(secret, salt), hash)
}

func (c Cost) of(secret string, salt []byte) []byte {
	return argon2.IDKey([]byte(secret), salt, c.Passes, c.MemoryKiB, 1, hashSize)
}

// Sized tells whether a salt and a hash have the lengths of those of [Cost.Hash].
func Sized(salt, hash []byte) bool { return len(salt) == saltSize && len(hash) == hashSize }

// Read reads a file of hashes, limit bytes of it at most. It is tooOpen, wrapped, that others than the owner may read it, unless private is
// false: systemd sees to its credentials itself.
func Read(path string, private bool, limit int64, tooOpen error) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	var data []byte
	if err == nil && private && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s: %w", path, tooOpen)
	}
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, limit))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return data, nil
}
