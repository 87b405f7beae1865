package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	oldText = "home_assistant: {url: http://old:8123}\nbuttons: [{name: a, pin: GPIO1, call: [101]}]\n"
	newText = "home_assistant: {url: http://new:8123}\nbuttons: [{name: a, pin: GPIO1, call: [101]}]\n"
)

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBothFilesOrNeither: wherever the writing of settings and token is cut off, the state is the old one or the new one once the
// setup is run again, and nothing is left beside it.
func TestBothFilesOrNeither(t *testing.T) {
	type powerCut struct{}
	for cut := 0; ; cut++ {
		dir := t.TempDir()
		path, token := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "token")
		put(t, path, oldText)
		put(t, token, "old-token")
		steps, at := 0, ""
		in := installer{do: func(step string, f func() error) error {
			if steps == cut {
				at = step
				panic(powerCut{})
			}
			steps++
			return f()
		}}
		whole := func() (whole bool) {
			defer func() {
				if p := recover(); p != nil {
					if _, ok := p.(powerCut); !ok {
						panic(p)
					}
				}
			}()
			if err := in.write(Install{Path: path, Text: []byte(newText), TokenFile: token, Token: "new-token"}); err != nil {
				t.Fatal(err)
			}
			return true
		}()
		if _, err := Recover(path, token); err != nil {
			t.Fatalf("cut off before %q: %v", at, err)
		}
		config, secret := content(t, path)+"\n", content(t, token)
		isOld, isNew := config == oldText && secret == "old-token", config == newText && secret == "new-token"
		if !isOld && !isNew || whole && !isNew {
			t.Errorf("cut off before %q: the file says\n%s and the token is %s", at, config, secret)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if name := filepath.Base(f); name != "config.yaml" && name != "token" && name != "config.yaml.bak" {
				t.Errorf("cut off before %q: %s is left", at, name)
			}
		}
		if whole {
			if got := content(t, path+".bak") + "\n"; got != oldText {
				t.Errorf("the file as it was says\n%s", got)
			}
			if cut < 6 {
				t.Errorf("only %d steps could be cut off", cut)
			}
			return
		}
		// Run again, it ends well.
		if err = (Install{Path: path, Text: []byte(newText), TokenFile: token, Token: "new-token"}).Write(); err != nil {
			t.Fatalf("cut off before %q, and again: %v", at, err)
		}
		if content(t, path)+"\n" != newText || content(t, token) != "new-token" {
			t.Errorf("cut off before %q: the second time leaves the old state", at)
		}
	}
}

// TestAFailureLeavesTheOldState: a disk that is full, or a directory that may not be written to, changes nothing.
func TestAFailureLeavesTheOldState(t *testing.T) {
	full := errors.New("no space left on device")
	for bad := 0; ; bad++ {
		dir := t.TempDir()
		path, token := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "token")
		put(t, path, oldText)
		put(t, token, "old-token")
		steps, failed := 0, ""
		err := installer{do: func(step string, f func() error) error {
			steps++
			if steps == bad+1 && !strings.HasPrefix(step, "move") && step != "end" {
				failed = step
				return full
			}
			return f()
		}}.write(Install{Path: path, Text: []byte(newText), TokenFile: token, Token: "new-token"})
		if failed == "" {
			if err != nil || bad < 4 {
				t.Errorf("after %d failures: %v", bad, err)
			}
			return
		}
		if !errors.Is(err, full) || content(t, path)+"\n" != oldText || content(t, token) != "old-token" {
			t.Errorf("a failure at %q: %v; the file says\n%s", failed, err, content(t, path))
		}
		if _, statErr := os.Stat(path + newEnd); statErr == nil {
			t.Errorf("a failure at %q leaves a file", failed)
		}
	}
}

// TestNobodyElseReadsThem: a user's own files are that user's alone, whatever the umask; the directory is made.
func TestNobodyElseReadsThem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "etc")
	i := Install{Path: filepath.Join(dir, "config.yaml"), Text: []byte(newText), TokenFile: filepath.Join(dir, "token"), Token: "secret"}
	if err := i.Write(); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{"": "drwx------", "config.yaml": "-rw-------", "token": "-rw-------"}
	if serviceGroup() >= 0 {
		wanted = map[string]string{"": "drwxr-x---", "config.yaml": "-rw-r-----", "token": "-rw-------"}
	}
	for name, mode := range wanted {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().String(); got != mode {
			t.Errorf("%q is %s, expected %s", name, got, mode)
		}
	}
	if l, err := LoadLocal(i.Path); err != nil || l.HomeAssistant.URL != "http://new:8123" {
		t.Errorf("what was written reads %+v, %v", l.HomeAssistant, err)
	}
	// Without a token the one that is there stays.
	i.Token = ""
	if err := i.Write(); err != nil || content(t, i.TokenFile) != "secret" {
		t.Errorf("a second time, without a token: %v, the token is %q", err, content(t, i.TokenFile))
	}
}

// TestNothingWrongIsInstalled: neither a text that the reader refuses nor what is no token, and no error shows the token.
func TestNothingWrongIsInstalled(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	for name, i := range map[string]Install{
		"text":  {Path: path, Text: []byte("buttons: []\n")},
		"token": {Path: path, Text: []byte(newText), TokenFile: path + "x", Token: "sesame\nsesame"},
		"place": {Path: path, Text: []byte(newText), TokenFile: path, Token: "sesame"},
		"none":  {Path: path, Text: []byte(newText), Token: "sesame"},
	} {
		err := i.Write()
		if !errors.Is(err, ErrNotInstalled) || strings.Contains(fmt.Sprint(err), "sesame") {
			t.Errorf("%s: %v", name, err)
		}
		if files, globErr := filepath.Glob(dir + "/*"); globErr != nil || len(files) > 0 {
			t.Errorf("%s leaves %v (%v)", name, files, globErr)
		}
	}
}

// TestAPlanIsFinishedFromAnywhere: setup was started beside the local file and killed, and is started elsewhere now.
func TestAPlanIsFinishedFromAnywhere(t *testing.T) {
	dir := t.TempDir()
	path, token := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "token")
	put(t, path, oldText)
	t.Chdir(dir)
	broken := errors.New("killed")
	in := installer{do: func(step string, f func() error) error {
		if strings.HasPrefix(step, "move") {
			return broken
		}
		return f()
	}}
	if err := in.write(Install{Path: "config.yaml", Text: []byte(newText), TokenFile: "token", Token: "new-token"}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if finished, err := Recover(path, token); err != nil || !finished {
		t.Fatalf("finished %v, %v", finished, err)
	}
	if content(t, path) != strings.TrimSpace(newText) || content(t, token) != "new-token" {
		t.Errorf("%q and %q", content(t, path), content(t, token))
	}
}

// TestAForeignPlanMovesNothing: who may write beside the local file has root move no other file.
func TestAForeignPlanMovesNothing(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	put(t, filepath.Join(other, "file"), "old")
	put(t, filepath.Join(other, "file"+newEnd), "new")
	put(t, path+planEnd, fmt.Sprintf(`[{"From":%q,"To":%q}]`, filepath.Join(other, "file"+newEnd), filepath.Join(other, "file")))
	if finished, err := Recover(path, filepath.Join(dir, "token")); err != nil || finished {
		t.Fatalf("finished %v, %v", finished, err)
	}
	if got := content(t, filepath.Join(other, "file")); got != "old" {
		t.Errorf("it was moved: %q", got)
	}
}
