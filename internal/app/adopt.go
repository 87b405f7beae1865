package app

import (
	"fmt"

	"doorstation/internal/control"
	"doorstation/internal/settings"
)

// adopt puts settings to use: what can change beneath a call at once, a new registration once no visit needs the old one.
func (h *home) adopt(c settings.Candidate) error {
	began := h.opt.Now()
	if h.inUse == nil {
		h.waiting = &c
		h.tell(func(s *control.Settings) { s.Changed = timeOrNil(began) })
		return h.register()
	}
	sinceNewest := settings.Diff(h.newest().Settings, c.Settings)
	change := settings.Diff(h.inUse.Settings, c.Settings)
	if len(sinceNewest.Keys) > 0 {
		h.tell(func(s *control.Settings) { s.Changed = timeOrNil(began) })
		h.opt.Log.Info("settings changed", "keys", sinceNewest.Keys, "registration", change.Registration, "offers", change.Offers)
	}
	if change.Registration {
		now := c
		now.Settings = settings.WithoutRegistration(h.inUse.Settings, c.Settings)
		if err := h.reconfigure(now); err != nil {
			return err
		}
		h.waiting = &c
		return h.register()
	}
	h.waiting = nil
	if err := h.reconfigure(c); err != nil {
		return err
	}
	if len(sinceNewest.Keys) > 0 {
		h.applied(c.Settings)
	}
	return nil
}

// reconfigure changes what the line's next calls are made of. The registration stays, and so does every call.
func (h *home) reconfigure(c settings.Candidate) error {
	l := h.lines.current()
	change := settings.Diff(h.inUse.Settings, c.Settings)
	if change.Offers {
		if err := l.offers.Configure(peerConfig(h.opt, c.Settings), l.want); err != nil {
			return fmt.Errorf("warm offers: %w", err)
		}
	}
	l.use(c.Settings)
	if change.Incoming || change.Station {
		h.configured(c.Settings)
	}
	if change.Offers {
		h.phone.SetLine(l.forPhone()) // a visit keeps the one it has
	}
	h.inUse = &c
	return nil
}

// register replaces the line by one of the settings that wait for it, unless a visit uses the old one: then they go on waiting.
func (h *home) register() error {
	c := h.waiting
	if c == nil || !h.phone.ReleaseLine() {
		h.tell(func(s *control.Settings) { s.Waiting = c != nil })
		return nil
	}
	h.waiting = nil
	h.tell(func(s *control.Settings) { s.Waiting = false })
	l, err := newLine(h.opt, c.Settings, h.asking.clients, h.faults, h.phone.Incoming)
	if err != nil {
		if old := h.lines.current(); old != nil {
			h.phone.SetLine(old.forPhone())
		}
		h.asking.again()
		return fmt.Errorf("use the settings: %w", err)
	}
	h.lines.replace(nil)
	h.faults.noLineFault() // those of the old line
	h.configured(c.Settings)
	h.lines.replace(l)
	h.phone.SetLine(l.forPhone())
	h.inUse = c
	h.applied(c.Settings)
	return nil
}

// applied says that settings are in use. The bench reads the time from the status.
func (h *home) applied(s settings.Settings) {
	now := h.opt.Now()
	h.tell(func(r *control.Settings) { r.Applied = &now })
	h.opt.Log.Info("settings applied", "extension", s.Extension, "domain", s.Domain, "pbx", s.PBX.Kind, "video", s.Video)
}
