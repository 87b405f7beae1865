package peer

import (
	"encoding/hex"
	"strings"
)

// fingerprint is one a=fingerprint value (RFC 8122).
type fingerprint struct {
	hash string // "sha-256"
	sum  string // raw bytes
}

// parseFingerprint reads "sha-256 AB:CD:…"; hash functions that are broken or unknown give ok == false.
func parseFingerprint(value string) (f fingerprint, ok bool) {
	fields := strings.Fields(value)
	if len(fields) != 2 {
		return f, false
	}
	size := map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64}
	hash := strings.ToLower(fields[0])
	sum, err := hex.DecodeString(strings.ReplaceAll(fields[1], ":", ""))
	if err != nil || len(sum) == 0 || len(sum) != size[hash] {
		return f, false
	}
	return fingerprint{hash: hash, sum: string(sum)}, true
}

// String writes it as RFC 8122 section 5 has it.
func (f fingerprint) String() string {
	text := strings.ToUpper(hex.EncodeToString([]byte(f.sum)))
	var s strings.Builder
	s.WriteString(f.hash)
	for i := 0; i+1 < len(text); i += 2 {
		s.WriteByte(" :"[min(i, 1)])
		s.WriteString(text[i : i+2])
	}
	return s.String()
}
