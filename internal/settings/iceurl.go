package settings

import (
	"errors"
	"fmt"
	"strings"
)

var errICEURL = errors.New("expected an address such as stun:stun.example.com:3478 or turn:turn.example.com:3478?transport=udp")

// checkICEURL accepts the URIs of STUN (RFC 7064) and TURN (RFC 7065) servers, and says of others what is wrong without
// repeating them.
func checkICEURL(s string) error {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return errICEURL
	}
	address, query, hasQuery := strings.Cut(rest, "?")
	switch strings.ToLower(scheme) {
	case "stun", "stuns":
		if hasQuery {
			return fmt.Errorf("expected no ?transport after a %s address", strings.ToLower(scheme))
		}
	case "turn", "turns":
		if hasQuery && query != "transport=udp" && query != "transport=tcp" {
			return errors.New("expected ?transport=udp or ?transport=tcp after a turn address")
		}
	default:
		return errICEURL
	}
	if strings.HasPrefix(address, "//") {
		return errors.New("expected the host right after stun: or turn:, without //")
	}
	if !isHostPort(address) {
		return errICEURL
	}
	return nil
}
