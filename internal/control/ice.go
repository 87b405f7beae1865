package control

import (
	"fmt"
	"strings"
)

// Addresses says which addresses a call would offer; empty while none are known.
func (i ICE) Addresses() string {
	if i.Host+i.Reflexive+i.Relay == 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("%d of the machine's own", i.Host)}
	if i.RelayOnly {
		parts = nil
	}
	if i.Reflexive > 0 {
		parts = append(parts, fmt.Sprintf("%d by STUN", i.Reflexive))
	}
	if i.Relay > 0 {
		parts = append(parts, fmt.Sprintf("%d by TURN", i.Relay))
	}
	return strings.Join(parts, ", ")
}
