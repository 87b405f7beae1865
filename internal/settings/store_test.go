package settings

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const homeURL = "http://ha.local:8123"

func someKept() Kept {
	return Kept{
		HomeAssistant: homeURL, Raw: []byte(`{"users": [{"extension": "1", "password": "s3cret"}] }`),
		Who: Identity{ID: "a", Name: "door"}, Fetched: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	}
}

func kept(t *testing.T) (dir string, k Kept) {
	t.Helper()
	dir, k = filepath.Join(t.TempDir(), "state"), someKept()
	if wrote, err := NewStore(dir).Save(k); err != nil || !wrote {
		t.Fatal(wrote, err)
	}
	return dir, k
}

func TestWhatIsKeptIsReadAgain(t *testing.T) {
	dir, k := kept(t)
	got, err := NewStore(dir).Load(homeURL)
	if err != nil || !got.same(k) || !got.Fetched.Equal(k.Fetched) || !bytes.Equal(got.Raw, k.Raw) {
		t.Errorf("%v, %v", got, err)
	}
	for path, mode := range map[string]fs.FileMode{dir: 0o700, NewStore(dir).Path(): 0o600} {
		info, statErr := os.Stat(path)
		if statErr != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), statErr)
		}
	}
	if _, err = NewStore(dir).Load("http://another"); !errors.Is(err, ErrKeptElsewhere) {
		t.Errorf("for another Home Assistant: %v", err)
	}
	if _, err = NewStore(t.TempDir()).Load(homeURL); !errors.Is(err, ErrNothingKept) {
		t.Errorf("of an empty directory: %v", err)
	}
}

// TestTheSDCardIsWrittenOnlyForAChange: the file is not even touched for the same settings.
func TestTheSDCardIsWrittenOnlyForAChange(t *testing.T) {
	dir, k := kept(t)
	before, err := os.Stat(NewStore(dir).Path())
	if err != nil {
		t.Fatal(err)
	}
	s := NewStore(dir)
	if _, err = s.Load(homeURL); err != nil {
		t.Fatal(err)
	}
	k.Fetched = k.Fetched.Add(time.Hour)
	if wrote, saveErr := s.Save(k); saveErr != nil || wrote {
		t.Errorf("the same was written again: %v", saveErr)
	}
	if after, statErr := os.Stat(s.Path()); statErr != nil || !os.SameFile(before, after) {
		t.Errorf("it is another file: %v", statErr)
	}
	k.Raw = []byte(`{}`)
	if wrote, saveErr := s.Save(k); saveErr != nil || !wrote {
		t.Errorf("a change was not written: %v", saveErr)
	}
	if got, loadErr := NewStore(dir).Load(homeURL); loadErr != nil || string(got.Raw) != "{}" {
		t.Errorf("%s, %v", got.Raw, loadErr)
	}
}

// TestAFileThatWasTakenAwayIsWrittenAgain: whoever cleans up the directory of a running agent takes nothing from its next start.
func TestAFileThatWasTakenAwayIsWrittenAgain(t *testing.T) {
	dir, k := kept(t)
	s := NewStore(dir)
	if _, err := s.Load(homeURL); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if wrote, err := s.Save(k); err != nil || !wrote {
		t.Errorf("it was not written again: %v", err)
	}
	if _, err := NewStore(dir).Load(homeURL); err != nil {
		t.Error(err)
	}
}

// TestADamagedFileIsSetAside, wherever the damage is: each byte changed, each length torn.
func TestADamagedFileIsSetAside(t *testing.T) {
	dir, _ := kept(t)
	path := NewStore(dir).Path()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{
		"empty": {}, "too long": append(bytes.Clone(whole), bytes.Repeat([]byte(" "), maxKept)...), "zeros": make([]byte, len(whole)),
		"another program's": []byte("hello 1 2\n{}"), "an older version": bytes.Replace(whole, []byte(" 1 "), []byte(" 0 "), 1),
	}
	for i := range whole {
		bent := bytes.Clone(whole)
		bent[i] ^= 0x20
		damaged["bent at "+string(rune('a'+i%26))+strings.Repeat("'", i/26)] = bent
		damaged["torn at "+string(rune('a'+i%26))+strings.Repeat("'", i/26)] = whole[:i]
	}
	for name, data := range damaged {
		write(t, path, string(data))
		_, err = NewStore(dir).Load(homeURL)
		if !errors.Is(err, ErrKeptCorrupt) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "s3cret") {
			t.Fatalf("%s: %v", name, err)
		}
		aside, readErr := os.ReadFile(path + ".corrupt")
		if readErr != nil || !bytes.Equal(aside, data) {
			t.Fatalf("%s was not set aside: %v", name, readErr)
		}
		if _, err = NewStore(dir).Load(homeURL); !errors.Is(err, ErrNothingKept) {
			t.Fatalf("%s: then %v", name, err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files are left, want the last one set aside", len(files))
	}
}

func TestALaterVersionsFileIsLeftAlone(t *testing.T) {
	dir, k := kept(t)
	s := NewStore(dir)
	whole, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.Path(), strings.Replace(string(whole), " 1 ", " 2 ", 1))
	if _, err = s.Load(homeURL); !errors.Is(err, ErrKeptNewer) {
		t.Errorf("got %v", err)
	}
	if wrote, saveErr := s.Save(k); saveErr != nil || !wrote {
		t.Errorf("and replaced when there is something to keep: %v", saveErr)
	}
}

// TestWhatIsNoFileIsNotWaitedForNorFollowed: a pipe, a link, a directory in the file's place.
func TestWhatIsNoFileIsNotWaitedForNorFollowed(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"pipe":      func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"link":      func(p string) error { return os.Symlink("/etc/passwd", p) },
		"directory": func(p string) error { return os.MkdirAll(filepath.Join(p, "inside"), 0o700) },
	} {
		dir := t.TempDir()
		s := NewStore(dir)
		for range 2 { // the second one takes the place of the first
			if err := put(s.Path()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Load(homeURL); !errors.Is(err, ErrKeptCorrupt) {
				t.Errorf("%s: %v", name, err)
			}
			if wrote, err := s.Save(someKept()); err != nil || !wrote {
				t.Errorf("%s: %v", name, err)
			}
			if err := os.Remove(s.Path()); err != nil {
				t.Error(err)
			}
			s = NewStore(dir)
		}
	}
}

func TestWhatCannotBeWrittenLeavesTheOldOne(t *testing.T) {
	dir, k := kept(t)
	s := NewStore(dir)
	other := k
	other.Raw = bytes.Repeat([]byte(" "), maxKept)
	if _, err := s.Save(other); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	// A directory in the way of the file beside: as when nothing can be made there.
	if err := os.MkdirAll(filepath.Join(s.Path()+newEnd, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	other.Raw = []byte("{}")
	if _, err := s.Save(other); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("in the way: %v", err)
	}
	if got, err := NewStore(dir).Load(homeURL); err != nil || !got.same(k) {
		t.Errorf("the old one is gone: %v", err)
	}
	write(t, filepath.Join(t.TempDir(), "file"), "")
	if _, err := NewStore("/dev/null/state").Save(k); err == nil {
		t.Error("written below a file")
	}
	if _, err := NewStore("").Save(k); !errors.Is(err, ErrNoStateDir) {
		t.Errorf("nowhere: %v", err)
	}
	if _, err := NewStore("").Load(homeURL); !errors.Is(err, ErrNothingKept) {
		t.Errorf("nowhere: %v", err)
	}
}

// TestAFullDiskLeavesTheOldOne on a device that is always full, which takes the place of the file beside.
func TestAFullDiskLeavesTheOldOne(t *testing.T) {
	dir, k := kept(t)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = 64 // what is longer cannot be written, as on a full disk (EFBIG in the place of ENOSPC)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	other := k
	other.Raw = []byte(`{"pbx_server": "` + strings.Repeat("x", 5000) + `"}`)
	_, err := NewStore(dir).Save(other)
	if limitErr := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); limitErr != nil {
		t.Fatal(limitErr)
	}
	if err == nil {
		t.Error("it says that it has written")
	}
	if got, loadErr := NewStore(dir).Load(homeURL); loadErr != nil || !got.same(k) {
		t.Errorf("the old one is gone: %v", loadErr)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
}

func TestTheStateDirectory(t *testing.T) {
	for _, tt := range []struct {
		env      map[string]string
		writable bool
		want     string
	}{
		{map[string]string{"STATE_DIRECTORY": "/var/lib/door:/var/lib/other", "HOME": "/root"}, true, "/var/lib/door"},
		{map[string]string{"HOME": "/home/a"}, true, "/var/lib/doorstation"},
		{map[string]string{"HOME": "/home/a"}, false, "/home/a/.local/state/doorstation"},
		{map[string]string{"HOME": "/home/a", "XDG_STATE_HOME": "/x"}, false, "/x/doorstation"},
		{map[string]string{"HOME": "/home/a", "XDG_STATE_HOME": "x"}, false, "/home/a/.local/state/doorstation"},
		{map[string]string{}, false, ""},
	} {
		got := defaultStateDir(func(k string) string { return tt.env[k] }, func(string) bool { return tt.writable })
		if got != tt.want {
			t.Errorf("%v: %q, want %q", tt.env, got, tt.want)
		}
	}
	dir := t.TempDir()
	if !writable(dir) || !writable(filepath.Join(dir, "new")) || writable(filepath.Join(dir, "no", "such")) || writable("/dev/null") {
		t.Error("what can be written to is told wrongly")
	}
}

// FuzzKept: whatever lies in the file is read without a panic, and what is accepted makes the same file again.
func FuzzKept(f *testing.F) {
	whole, err := encodeKept(someKept())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(whole), "", "\n", "doorstation-settings", "doorstation-settings 1", "doorstation-settings 1 \n", "doorstation-settings 2 x\n{}",
		"doorstation-settings 999999999999 x\n{}", "doorstation-settings 1 " + strings.Repeat("0", 64) + "\n{}\n{}", "\x00\x00\x00",
		string(whole[:len(whole)/2]), strings.Replace(string(whole), "http", "HTTP", 1), string(whole) + "\n", "\ufeff" + string(whole),
		strings.ReplaceAll(string(whole), "\n", "\r\n"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, decodeErr := decodeKept(data)
		if decodeErr != nil {
			if !errors.Is(decodeErr, ErrKeptCorrupt) && !errors.Is(decodeErr, ErrKeptNewer) {
				t.Errorf("%v", decodeErr)
			}
			return
		}
		again, encodeErr := encodeKept(k)
		if encodeErr != nil {
			return
		}
		if back, backErr := decodeKept(again); backErr != nil || !back.same(k) {
			t.Errorf("not read again: %v", backErr)
		}
	})
}
