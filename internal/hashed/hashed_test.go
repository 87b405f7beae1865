package hashed

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestHashes: the hashes themselves are those of golang.org/x/crypto, which has the vectors of RFC 9106.
func TestHashes(t *testing.T) {
	cost := Cost{MemoryKiB: 64, Passes: 1}
	salt, hash, err := cost.Hash("1234")
	if err != nil || !Sized(salt, hash) {
		t.Fatalf("%x %x %v", salt, hash, err)
	}
	other, _, err := cost.Hash("1234")
	if err != nil || string(other) == string(salt) {
		t.Errorf("the same salt twice: %v", err)
	}
	if cost.Compare("1234", salt, hash) != 1 || cost.Compare("1235", salt, hash) != 0 || cost.Compare("1234", other, hash) != 0 {
		t.Error("a secret is not told from another one")
	}
	if Sized(salt, hash[1:]) || Sized(salt[1:], hash) {
		t.Error("half a hash is one")
	}
}

func TestReadOfAFileThatIsOpen(t *testing.T) {
	tooOpen := errors.New("too open")
	path := filepath.Join(t.TempDir(), "hashes")
	for mode, private := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: false} {
		if err := errors.Join(os.WriteFile(path, []byte("longer"), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		if data, err := Read(path, private, 4, tooOpen); err != nil || string(data) != "long" {
			t.Errorf("%v: %q %v", mode, data, err)
		}
		if _, err := Read(path, true, 4, tooOpen); errors.Is(err, tooOpen) == private {
			t.Errorf("%v: %v", mode, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Read(path, true, 4, tooOpen); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
