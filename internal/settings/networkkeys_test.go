package settings

import (
	"strings"
	"testing"
)

// TestHostsAreNamesOrAddresses, of a length that the name system knows.
func TestHostsAreNamesOrAddresses(t *testing.T) {
	for host, want := range map[string]bool{
		"a": true, "homeassistant.local": true, "home_1.example.com.": true, "192.0.2.7": true, "2001:db8::7": true, "[2001:db8::7]": true,
		strings.Repeat("a", 252): true, strings.Repeat("a", 253): true, strings.Repeat("a", 254): false,
		"": false, "-a": false, "a-": false, "a b": false, "a/b": false, "[a]": false, "a\n": false, "a:b": false,
	} {
		if got := isHost(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
