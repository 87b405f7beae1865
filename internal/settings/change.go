package settings

import "reflect"

// Change says what of the door is another one between two settings. Nothing of it set: the door works on as it is.
type Change struct {
	// Registration: who the door is at the PBX, or the way there. A new registration is needed.
	Registration bool
	// Offers: what calls are made of, ICE and video. New warm offers are needed.
	Offers bool
	// Incoming: who may call the door and what becomes of it.
	Incoming bool
	// Station: whom a button calls, how long, and what opens the door.
	Station bool
	// Keys are the settings that differ, for the log. None of their values.
	Keys []string
}

// None says that nothing has to be done.
func (c Change) None() bool { return !c.Registration && !c.Offers && !c.Incoming && !c.Station }

// Diff compares two settings.
func Diff(before, after Settings) Change {
	var c Change
	row := func(key string, differ bool, part *bool) {
		if !differ {
			return
		}
		c.Keys = append(c.Keys, key)
		if part != nil {
			*part = true
		}
	}
	a, b := before.Local, after.Local
	row("extension", before.Extension != after.Extension, &c.Registration)
	row("password", before.Password != after.Password, &c.Registration)
	row("display_name", before.DisplayName != after.DisplayName, &c.Registration)
	row("domain", before.Domain != after.Domain, &c.Registration)
	row("pbx", before.PBX != after.PBX, &c.Registration)
	row("sip", a.SIP != b.SIP, &c.Registration)
	row("home_assistant", a.HomeAssistant != b.HomeAssistant, &c.Registration)
	row("backup_user", before.BackupUser != after.BackupUser, nil) // with the same extension it is the same door
	row("ice_config", !reflect.DeepEqual(before.ICE, after.ICE), &c.Offers)
	row("sip_video", before.Video != after.Video, &c.Offers)
	row("incoming", !reflect.DeepEqual(before.Incoming, after.Incoming), &c.Incoming)
	row("buttons", !reflect.DeepEqual(a.Buttons, b.Buttons), &c.Station)
	row("lock", !reflect.DeepEqual(a.Lock, b.Lock), &c.Station)
	row("call.max_talk", a.Call.MaxTalk != b.Call.MaxTalk, &c.Station)
	row("popup_config", !reflect.DeepEqual(before.Popup, after.Popup), nil)
	return c
}

// WithoutRegistration is after with the registration of before: what may change while a visit keeps the registration.
func WithoutRegistration(before, after Settings) Settings {
	after.Extension, after.Password, after.DisplayName, after.BackupUser = before.Extension, before.Password, before.DisplayName, before.BackupUser
	after.Domain, after.PBX = before.Domain, before.PBX
	after.Local.SIP, after.Local.HomeAssistant = before.Local.SIP, before.Local.HomeAssistant
	return after
}
