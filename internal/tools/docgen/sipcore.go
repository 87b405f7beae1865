package main

import (
	"strings"

	"doorstation/internal/provision"
)

const sipCorePage = "docs/sip-core.md"

// addSIPCore puts what setup would print for a new extension into the page that explains it.
func addSIPCore(root string, pages map[string]string) error {
	door := provision.Extension{Number: "8001", Name: "Front door", Password: "putAPasswordOfYourOwnHere"}
	stanza, err := provision.Stanza(door)
	if err != nil {
		return err
	}
	entry, err := provision.SIPCoreEntry(door, "Front door")
	if err != nil {
		return err
	}
	popup, err := provision.PopupEntry(door, "camera.front_door")
	if err != nil {
		return err
	}
	popup = "popup_config:\n  buttons:\n    - label: Open door\n      icon: mdi:door-open\n      type: dtmf\n      data: \"1\"\n" +
		"  extensions:\n" + indented(popup, "    ")
	page, err := read(root, sipCorePage, "")
	for _, part := range []struct{ name, language, text string }{
		{"stanza", "ini", stanza}, {"entry", "yaml", "users:\n" + indented(entry, "  ")}, {"popup", "yaml", popup},
	} {
		if err != nil {
			return err
		}
		page, err = splice(page, part.name, "\n```"+part.language+"\n"+part.text+"```\n\n")
	}
	pages[sipCorePage] = page
	return err
}

func indented(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}
