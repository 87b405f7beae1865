package settings

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// The types that hold secrets print, log and marshal as a sentence without them, whatever the verb: a Formatter also
// answers %d and %#v, which would go around a Stringer.

// String describes the user without the password.
func (u User) String() string {
	return fmt.Sprintf("user{ha_username: %q, display_name: %q, extension: %q, password: %s}",
		u.HAUsername, u.DisplayName, u.Extension, veil(u.Password))
}

// Format implements fmt.Formatter.
func (u User) Format(f fmt.State, _ rune) { fmt.Fprint(f, u.String()) }

// LogValue implements slog.LogValuer.
func (u User) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalJSON implements json.Marshaler.
func (u User) MarshalJSON() ([]byte, error) { return json.Marshal(u.String()) }

// String describes the server without the credential.
func (s ICEServer) String() string {
	return fmt.Sprintf("ice server{urls: %s, username: %s, credential: %s}",
		strings.Join(s.URLs, " "), veil(s.Username), veil(s.Credential))
}

// Format implements fmt.Formatter.
func (s ICEServer) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s ICEServer) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON implements json.Marshaler.
func (s ICEServer) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// String describes the popup without what its buttons send.
func (p Popup) String() string {
	return fmt.Sprintf("popup{extensions: %d, dtmf buttons: %d}", len(p.Extensions), len(p.DTMF))
}

// Format implements fmt.Formatter.
func (p Popup) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// LogValue implements slog.LogValuer.
func (p Popup) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalJSON implements json.Marshaler.
func (p Popup) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// String describes the button without what it sends.
func (b DTMFButton) String() string {
	return fmt.Sprintf("dtmf button{label: %q, digits: %s}", b.Label, veil(b.Digits))
}

// Format implements fmt.Formatter.
func (b DTMFButton) Format(f fmt.State, _ rune) { fmt.Fprint(f, b.String()) }

// LogValue implements slog.LogValuer.
func (b DTMFButton) LogValue() slog.Value { return slog.StringValue(b.String()) }

// MarshalJSON implements json.Marshaler.
func (b DTMFButton) MarshalJSON() ([]byte, error) { return json.Marshal(b.String()) }

// String describes the lock without its codes.
func (l Lock) String() string {
	return fmt.Sprintf("lock{pin: %v, active: %s, pulse: %s, max_open: %s, codes: %d, codes_file: %s}",
		l.Pin, l.Active, l.Pulse, l.MaxOpen, len(l.Codes), l.CodesFile)
}

// Format implements fmt.Formatter.
func (l Lock) Format(f fmt.State, _ rune) { fmt.Fprint(f, l.String()) }

// LogValue implements slog.LogValuer.
func (l Lock) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalJSON implements json.Marshaler.
func (l Lock) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// String describes the PBX without what a URL may carry in its query.
func (p PBX) String() string {
	address, _, hasQuery := strings.Cut(p.URL, "?")
	if hasQuery {
		address += "?" + hidden
	}
	return strings.TrimSpace(p.Kind + " " + address)
}

// Format implements fmt.Formatter.
func (p PBX) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// LogValue implements slog.LogValuer.
func (p PBX) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalJSON implements json.Marshaler.
func (p PBX) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// String describes SIP Core's settings without any secret.
func (c SIPCore) String() string {
	return fmt.Sprintf("sip core{users: %v, backup_user: %v, pbx_server: %q, pbx: %v, ice: %v, sip_video: %t, auto_answer: %t, popup: %v}",
		c.Users, c.BackupUser != nil, c.PBXServer, PBX{Kind: PBXCustomWSSURL, URL: c.CustomWSSURL}, c.ICE, c.SIPVideo, c.AutoAnswer, c.Popup)
}

// Format implements fmt.Formatter.
func (c SIPCore) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c SIPCore) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON implements json.Marshaler.
func (c SIPCore) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// String describes the settings without any secret.
func (s Settings) String() string {
	return fmt.Sprintf("settings{extension: %q, display_name: %q, password: %s, backup_user: %t, domain: %q, pbx: %v, ice: %v, video: %t, popup: %v, callers: %v}",
		s.Extension, s.DisplayName, veil(s.Password), s.BackupUser, s.Domain, s.PBX, s.ICE, s.Video, s.Popup, s.Incoming.Callers)
}

// Format implements fmt.Formatter.
func (s Settings) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Settings) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON implements json.Marshaler.
func (s Settings) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// String describes what is kept without any of it.
func (k Kept) String() string {
	return fmt.Sprintf("kept{home_assistant: %q, user: %q, fetched: %s, bytes: %d}", k.HomeAssistant, k.Who.Name, k.Fetched.Format(time.RFC3339), len(k.Raw))
}

// Format implements fmt.Formatter.
func (k Kept) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue implements slog.LogValuer.
func (k Kept) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON implements json.Marshaler.
func (k Kept) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// veil says of a secret only whether there is one.
func veil(secret string) string {
	if secret == "" {
		return "none"
	}
	return hidden
}
