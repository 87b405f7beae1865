package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/discover"
	"doorstation/test/lab"
)

// find looks for Home Assistants from a network until enough is known of them, or for longer than that can take.
func find(t *testing.T, from *lab.Network, enough func(map[string]discover.Instance) bool) map[string]discover.Instance {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	found := map[string]discover.Instance{}
	look := func() error {
		return discover.Find(ctx, discover.Options{}, func(i discover.Instance) {
			if found[i.Key] = i; enough(found) {
				cancel()
			}
		})
	}
	var err error
	if from == nil {
		err = look()
	} else {
		err = from.Do(look)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestHomesAreFound: the door finds the Home Assistants that avahi announces, over each network that it is on, each once, with
// the addresses to try: what they say of themselves for inside the house, where they were found, and last the one for outside.
func TestHomesAreFound(t *testing.T) {
	door := lab.NewNetwork(t, "door")
	lab.AnnounceHome(t, nil,
		lab.Announcement{Name: "Home", Port: 8123, UUID: "u-home", Version: "2026.10.1", InternalURL: "http://10.9.8.7:8123"},
		lab.Announcement{Name: `St. John's 5. – "Süd" <&> \`, Port: 443, UUID: "u-john", ExternalURL: "https://john.example.org"},
		lab.Announcement{Name: "Old", Port: 8123, UUID: "u-old", InternalURL: "http://no/path/here"},
	)
	for name, from := range map[string]*lab.Network{"from another network": door, "from the same machine, on many networks": nil} {
		t.Run(name, func(t *testing.T) {
			address := lab.Addr
			if from != nil {
				address = from.Gateway
			}
			found := find(t, from, func(f map[string]discover.Instance) bool {
				return len(f) == 3 && slices.Contains(f["u-home"].URLs, "http://"+address+":8123") &&
					slices.Contains(f["u-john"].URLs, "https://"+address+":443") && len(f["u-old"].URLs) > 0
			})
			home, john, old := found["u-home"], found["u-john"], found["u-old"]
			if len(found) != 3 || home.Name != "Home" || home.Version != "2026.10.1" || old.Name != "Old" {
				t.Errorf("found %+v", found)
			}
			if john.Name != `St. John's 5. – "Süd" <&> \` {
				t.Errorf("the name is %q", john.Name)
			}
			if home.URLs[0] != "http://10.9.8.7:8123" || !slices.Contains(home.URLs, "http://"+address+":8123") {
				t.Errorf("the home is at %q", home.URLs)
			}
			if !slices.Contains(john.URLs, "https://"+address+":443") || john.URLs[len(john.URLs)-1] != "https://john.example.org" {
				t.Errorf("the other is at %q", john.URLs)
			}
			if !strings.HasPrefix(old.URLs[0], "http://") || strings.Contains(strings.Join(old.URLs, " "), "no/path") {
				t.Errorf("the old one is at %q", old.URLs)
			}
		})
	}
}

// TestNoHomeIsFound: where none is announced the search ends when its time is over, and finds nothing.
func TestNoHomeIsFound(t *testing.T) {
	door := lab.NewNetwork(t, "lonely")
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	err := door.Do(func() error {
		return discover.Find(ctx, discover.Options{}, func(i discover.Instance) { t.Errorf("found %+v", i) })
	})
	if err != nil {
		t.Error(err)
	}
}
