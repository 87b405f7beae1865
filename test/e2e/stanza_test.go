package e2e

import (
	"slices"
	"testing"

	"github.com/goccy/go-yaml"

	"doorstation/internal/control"
	"doorstation/internal/provision"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// TestTheStanzaThatIsPasted: a household whose Asterisk has no extension for the door gets one by the stanza that setup shows, and
// SIP Core the entry: pasted as they are, the door registers, rings with picture and sound both ways, is called, and opens.
func TestTheStanzaThatIsPasted(t *testing.T) {
	extension := provision.Extension{
		Number: "8002", Name: `Tür "Süd"; [vorn] <8002>`, Password: provision.Password(),
	}
	stanza, err := provision.Stanza(extension)
	if err != nil {
		t.Fatal(err)
	}
	text, err := provision.SIPCoreEntry(extension, house.UserID)
	if err != nil {
		t.Fatal(err)
	}
	popup, err := provision.PopupEntry(extension, "")
	if err != nil {
		t.Fatal(err)
	}
	var entry []any
	if err = yaml.Unmarshal([]byte(text), &entry); err != nil {
		t.Fatalf("the entry is not YAML: %v\n%s", err, text)
	}
	var shown map[string]any
	if err = yaml.Unmarshal([]byte(popup), &shown); err != nil {
		t.Fatalf("the popup's entry is not YAML: %v\n%s", err, popup)
	}
	others := slices.DeleteFunc(lab.DefaultExtensions(), func(e lab.Extension) bool { return e.Number == lab.DoorExtension })
	h, kitchen := evening(t, house.Options{
		Asterisk: lab.AsteriskOptions{Extensions: others, Pasted: stanza},
		Secrets:  []string{extension.Password},
		SIPCore: func(c map[string]any) {
			users := slices.DeleteFunc(c["users"].([]any), func(u any) bool {
				return u.(map[string]any)["ha_username"] == house.UserID
			})
			c["users"] = append(users, entry...)
			c["popup_config"].(map[string]any)["extensions"] = shown
		},
	}, lab.PopupOptions{SIPVideo: true})
	if !h.PBX.Registered(t, extension.Number) {
		t.Error("Asterisk has no registration of the pasted extension")
	}

	h.Door.Press("Front door")
	if call := kitchen.WaitRinging(patience); call.Number != extension.Number || call.Name != "Tür Süd vorn 8002" {
		t.Errorf("the popup says %q <%s> calls", call.Name, call.Number)
	}
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	assertPicture(t, kitchen)
	assertHears(t, kitchen)
	assertDoorHears(t, h.Door, kitchenHz)
	kitchen.SendDigit(house.Code, lab.DigitByINFO)
	h.Door.Wait(patience, "the lock open", func(s control.Status) bool { return s.GPIO.Lock == "on" })
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}
