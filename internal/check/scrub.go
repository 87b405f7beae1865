package check

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Hidden stands where a secret was.
const Hidden = "***"

const (
	// leastSecret is the shortest text that is looked for wherever it may stand: shorter ones would take harmless figures with them, and are
	// left out by where they stand.
	leastSecret = 4
	// leastEncoded is the shortest of its encodings, in characters.
	leastEncoded = 6
)

// Scrubber takes secrets out of texts, in whatever clothes they come: as they are, in JSON, Go or HTML escapes, percent-encoded, in
// hexadecimal, and in Base64, also within something longer. The zero value knows the forms of secrets only (web tokens, passwords in URLs,
// authorization headers).
type Scrubber struct {
	forms [][]byte // longest first
}

// Add makes texts known as secrets.
func (s *Scrubber) Add(secrets ...string) {
	for _, secret := range secrets {
		secret = strings.TrimSpace(secret)
		if len(secret) < leastSecret {
			continue
		}
		for _, form := range forms(secret) {
			if !slices.ContainsFunc(s.forms, func(known []byte) bool { return string(known) == form }) {
				s.forms = append(s.forms, []byte(form))
			}
		}
	}
	slices.SortFunc(s.forms, func(a, b []byte) int { return cmp.Compare(len(b), len(a)) })
}

// forms are the clothes that a secret may come in.
func forms(secret string) []string {
	all := []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), percent(secret, true), percent(secret, false), html.EscapeString(secret),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), strings.Trim(strconv.Quote(secret), `"`),
	}
	if quoted, err := json.Marshal(secret); err == nil { // a string can be marshalled
		all = append(all, strings.Trim(string(quoted), `"`))
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			all = append(all, inBase64(alphabet, secret, before))
		}
	}
	return slices.DeleteFunc(all, func(form string) bool {
		return len(form) < leastSecret || form != secret && len(form) < leastEncoded
	})
}

// percent escapes every byte, in capitals or not.
func percent(secret string, capitals bool) string {
	const upper, lower = "0123456789ABCDEF", "0123456789abcdef"
	digits := lower
	if capitals {
		digits = upper
	}
	var b strings.Builder
	for _, c := range []byte(secret) {
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// inBase64 is what is always the same of a secret's encoding when so many bytes, modulo three, stand before it and anything behind it.
func inBase64(alphabet *base64.Encoding, secret string, before int) string {
	encoded := alphabet.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
	first := (before*4 + 2) / 3 // the character that the byte before it reaches into is left out
	last := len(encoded)
	if (before+len(secret))%3 != 0 {
		last-- // what stands behind reaches into it
	}
	return encoded[min(first, last):last]
}

// Of things that are secret whatever they say.
var (
	webTokens   = regexp.MustCompile(`eyJ[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_=-]*)*`)
	urlUsers    = regexp.MustCompile(`(://)[^/\s"'@]+@`)
	queryKeys   = regexp.MustCompile(`(?i)([?&;](?:[a-z_]*token|pass(?:word|wd|phrase)?|pwd|secret|credential|api_?key|auth|session)=)[^&;\s"'<>]+`)
	headers     = regexp.MustCompile(`(?i)((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:bearer|basic|digest)\s+)[^\r\n"']+`)
	cookies     = regexp.MustCompile(`(?i)((?:set-)?cookie["']?\s*[:=]\s*["']?)[^\r\n"']+`)
	ingressPath = regexp.MustCompile(`(/api/hassio_ingress/)[A-Za-z0-9_.~-]+`)
	argonHashes = regexp.MustCompile(`\$argon2[a-z]*\$[^\s"']+`)
)

// Scrub returns a text without secrets.
func (s *Scrubber) Scrub(text []byte) []byte {
	for _, form := range s.forms {
		text = bytes.ReplaceAll(text, form, []byte(Hidden))
	}
	text = webTokens.ReplaceAll(text, []byte(Hidden))
	text = urlUsers.ReplaceAll(text, []byte("${1}"+Hidden+"@"))
	text = queryKeys.ReplaceAll(text, []byte("${1}"+Hidden))
	text = headers.ReplaceAll(text, []byte("${1}"+Hidden))
	text = cookies.ReplaceAll(text, []byte("${1}"+Hidden))
	text = ingressPath.ReplaceAll(text, []byte("${1}"+Hidden))
	return argonHashes.ReplaceAll(text, []byte(Hidden))
}

// secretKeys are keys of JSON whose value nobody should see.
var secretKeys = regexp.MustCompile(`(?i)^(?:.*token|pass(?:word|wd|phrase)?|pwd|.*secret|credential|api_?key|codes?|pin)$`)

// HideJSON returns a document without the values of secret keys, and what these were. Of a button of SIP Core's popup its data is one, too:
// it opens doors. What is no JSON comes back as nothing.
func HideJSON(document []byte) (hidden []byte, secrets []string) {
	var value any
	if json.Unmarshal(document, &value) != nil {
		return nil, nil
	}
	value = hideValue(value, &secrets)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(value) != nil { // it came from JSON
		return nil, secrets
	}
	return out.Bytes(), secrets
}

func hideValue(value any, secrets *[]string) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if secretKeys.MatchString(key) || key == "data" && v["type"] == "dtmf" {
				*secrets = append(*secrets, textsOf(inner)...)
				v[key] = Hidden
				continue
			}
			v[key] = hideValue(inner, secrets)
		}
	case []any:
		for i, inner := range v {
			v[i] = hideValue(inner, secrets)
		}
	}
	return value
}

// textsOf are the texts inside a value.
func textsOf(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, textsOf(inner)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, inner := range v {
			all = append(all, textsOf(inner)...)
		}
		return all
	default:
		return nil
	}
}
