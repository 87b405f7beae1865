package provision_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"

	"doorstation/internal/provision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestPasswords: long, different each time, of characters that nobody mistakes and no file format takes amiss.
func TestPasswords(t *testing.T) {
	seen := map[string]bool{}
	count := map[rune]int{}
	const n = 2000
	for range n {
		p := provision.Password()
		if len(p) < 24 || seen[p] || strings.ContainsAny(p, "0O1lI") {
			t.Fatalf("a password of %d characters, seen before: %t", len(p), seen[p])
		}
		seen[p] = true
		for _, c := range p {
			count[c]++
		}
	}
	// Each of the 56 or so characters comes 857 times; one that comes half as often or twice is no chance.
	for c, times := range count {
		if times < 400 || times > 1700 {
			t.Errorf("%c comes %d times in %d passwords", c, times, n)
		}
	}
	if len(count) < 50 {
		t.Errorf("only %d characters are used", len(count))
	}
}

// TestWhatIsPasted: whatever the name, the texts have the form that Asterisk and YAML want, and say the same.
func TestWhatIsPasted(t *testing.T) {
	for name, shown := range map[string]string{
		"Front door":                  "Front door",
		`a "b" \ c; d`:                "a b  c d",
		"x\n[9999]\ntype=endpoint":    "x9999type=endpoint",
		"yes":                         "yes",
		"  Tür: {süd} #1 - & * ! %  ": "Tür: {süd} #1 - & * ! %",
		strings.Repeat("ä", 100):      strings.Repeat("ä", 64),
	} {
		e := provision.Extension{Number: "0101", Name: name, Password: "abcdefgh2345"}
		stanza, err := provision.Stanza(e)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if n := strings.Count(stanza, "\n["); n != 3 || !strings.Contains(stanza, `callerid="`+shown+`" <0101>`+"\n") {
			t.Errorf("%q: %d sections in\n%s", name, n, stanza)
		}
		text, err := provision.SIPCoreEntry(e, "0123abcd")
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		var got []map[string]any
		if err = yaml.Unmarshal([]byte(text), &got); err != nil || len(got) != 1 {
			t.Fatalf("%q: %v\n%s", name, err, text)
		}
		want := map[string]any{"ha_username": "0123abcd", "display_name": shown, "extension": "0101", "password": "abcdefgh2345"}
		if fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("%q: the entry says %v, expected %v", name, got[0], want)
		}
		popup, err := provision.PopupEntry(e, "camera.door")
		if err != nil {
			t.Fatal(err)
		}
		var extensions map[string]map[string]string
		if err = yaml.Unmarshal([]byte(popup), &extensions); err != nil || extensions["0101"]["name"] != shown ||
			extensions["0101"]["camera_entity"] != "camera.door" {
			t.Errorf("%q: %v, the popup's entry says %v", name, err, extensions)
		}
	}
}

// TestWhatIsNoExtension is refused, and the password is in no error and no log.
func TestWhatIsNoExtension(t *testing.T) {
	good := provision.Extension{Number: "8001", Name: "Door", Password: "abcdefgh2345"}
	for what, c := range map[string]struct {
		edit func(*provision.Extension)
		want error
	}{
		"no number":      {func(e *provision.Extension) { e.Number = "" }, provision.ErrNumber},
		"a word":         {func(e *provision.Extension) { e.Number = "door]" }, provision.ErrNumber},
		"no name":        {func(e *provision.Extension) { e.Name = " \x1b;" }, provision.ErrName},
		"a short secret": {func(e *provision.Extension) { e.Password = "abc" }, provision.ErrPassword},
		"a hard secret":  {func(e *provision.Extension) { e.Password = "abc;def\nghi" }, provision.ErrPassword},
	} {
		e := good
		c.edit(&e)
		_, stanzaErr := provision.Stanza(e)
		_, entryErr := provision.SIPCoreEntry(e, "u")
		_, popupErr := provision.PopupEntry(e, "")
		for _, err := range []error{stanzaErr, entryErr, popupErr} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if _, err := provision.SIPCoreEntry(good, ""); !errors.Is(err, provision.ErrUser) {
		t.Errorf("no user: %v", err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", good, good, &good, good); strings.Contains(shown, good.Password) {
		t.Errorf("the password is shown: %s", shown)
	}
}

// TestFreeExtensions: the first from 8001 on that nobody has.
func TestFreeExtensions(t *testing.T) {
	for want, taken := range map[string][]string{
		"8001": nil, "8002": {"101", "8001"}, "8004": {"8003", "8001 ", "8002", "9000"},
	} {
		if got := provision.Free(taken); got != want {
			t.Errorf("beside %v %s is free, expected %s", taken, got, want)
		}
	}
}
