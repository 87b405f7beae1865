package settings

import (
	"slices"
	"strings"
)

// Household is what SIP Core's settings say of the telephones of a house, for a person to choose from. No password is in it.
type Household struct {
	// People are the users of SIP Core's settings, and backup_user last.
	People []Person
	// Door is the one the door would be with the token of the user asked for, nil when that is none.
	Door *Person
	// Openers are the popup's buttons that send digits. A lock whose codes have a button's digits opens by it.
	Openers []DTMFButton
	// Video says whether calls carry video (sip_video). SIP popups show no picture of the door's without it.
	Video bool
	// PBX is how the door would reach the exchange.
	PBX PBX
	// Problems are what is wrong in SIP Core's settings.
	Problems []Problem
}

// Person is a telephone of the household.
type Person struct {
	Extension string
	// Name is the popup's name for the extension, else the entry's display_name; it may be empty.
	Name string
	// HAUsername is the id or the name of a Home Assistant user.
	HAUsername string
	// Backup says that it is backup_user, which whoever has no entry of its own shares.
	Backup bool
	// HasPassword says whether there is a password at all.
	HasPassword bool
	// CameraEntity is what the popup shows while this one rings without a picture of its own.
	CameraEntity string
}

// Usable says whether a button's digits can be a code of the local file's lock.
func (b DTMFButton) Usable() bool { return isDigits(strings.ToUpper(b.Digits)) }

// DescribeSIPCore makes a Household of SIP Core's settings as served, for a token that belongs to who. The error is ErrNotAnObject.
func DescribeSIPCore(raw []byte, who Identity) (Household, error) {
	c, problems, err := ParseSIPCore(raw)
	if err != nil {
		return Household{}, err
	}
	h := Household{Openers: c.Popup.DTMF, Video: c.SIPVideo, Problems: problems}
	for _, u := range c.Users {
		h.People = append(h.People, person(u, c, false))
	}
	if c.BackupUser != nil {
		h.People = append(h.People, person(*c.BackupUser, c, true))
	}
	if u, backup, pickErr := pick(Local{}, c, who); pickErr == nil {
		door := person(u, c, backup)
		h.Door = &door
	}
	if pbx, reachErr := reach(SIP{}, c); reachErr == nil {
		h.PBX = pbx
	}
	return h, nil
}

func person(u User, c SIPCore, backup bool) Person {
	p := Person{
		Extension: u.Extension, Name: u.DisplayName, HAUsername: printable(u.HAUsername), Backup: backup, HasPassword: u.Password != "",
	}
	if e, ok := c.Popup.Extensions[u.Extension]; ok {
		p.CameraEntity = printable(e.CameraEntity)
		if e.Name != "" {
			p.Name = e.Name
		}
	}
	return p
}

// Callable are those the door can call: everybody but the door itself, each extension once. own is the door's extension; it may be
// empty.
func (h Household) Callable(own string) []Person {
	var all []Person
	for _, p := range h.People {
		if p.Extension != own && !slices.ContainsFunc(all, func(q Person) bool { return q.Extension == p.Extension }) {
			all = append(all, p)
		}
	}
	return all
}

// Taken are the extensions that are somebody's.
func (h Household) Taken() []string {
	var all []string
	for _, p := range h.People {
		all = append(all, p.Extension)
	}
	return all
}
