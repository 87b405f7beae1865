package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// Where the settings in use come from.
const (
	originNone  = "none"
	originFresh = "fresh"
	originKept  = "kept"
)

// keepAgain is the pause before a disk that did not take the settings is tried again.
const keepAgain = time.Minute

// loadKept reads what was kept before the start.
func (h *home) loadKept() {
	kept, err := h.store.Load(h.opt.Local.HomeAssistant.URL)
	switch {
	case err == nil:
		h.kept = kept
		h.asking.who = kept.Who
	case errors.Is(err, settings.ErrNothingKept):
	case errors.Is(err, settings.ErrKeptElsewhere), errors.Is(err, settings.ErrKeptNewer):
		h.opt.Log.Info("the kept settings are not used", "reason", err)
	case errors.Is(err, settings.ErrKeptCorrupt):
		h.faults.Raise(health.CodeSettingsCorrupt, err.Error())
	default:
		h.faults.Raise(health.CodeSettingsNotKept, err.Error())
	}
}

// useKept puts the kept settings to use, for as long as Home Assistant has given none since the start, or broken ones. So does a token that is
// refused or missing: whether the door may register is the PBX's to say, and the bell should ring.
func (h *home) useKept() {
	if h.inUse != nil || h.waiting != nil || len(h.kept.Raw) == 0 {
		return
	}
	c, err := settings.Read(h.opt.Local, h.kept.Raw, h.kept.Who)
	if err == nil {
		err = h.adopt(c)
	}
	if err != nil {
		h.opt.Log.Warn("the kept settings cannot be used", "error", err)
		return
	}
	h.origin = originKept
	h.tell(func(s *control.Settings) { s.Origin, s.Fetched = originKept, timeOrNil(h.kept.Fetched) })
	h.heldAge()
	// What is wrong in them is told as if they were fresh: they are what the door works with.
	h.faults.problems(c.Problems, nil)
	h.faults.merge(c.Notices, nil)
}

// heldAge says of what age the kept settings in use are.
func (h *home) heldAge() {
	if h.origin == originKept && !h.heard {
		h.faults.Raise(health.CodeSettingsKept, fmt.Sprintf("as they were on %s%s",
			h.kept.Fetched.Local().Format("2006-01-02 15:04"), age(h.opt.Now().Sub(h.kept.Fetched))))
	}
}

// age is a length of time for people, coarse so that it does not change with every look; nothing when the clock is wrong.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return ""
	case d < 2*time.Hour:
		return ", less than 2 hours ago"
	case d < 2*day:
		return fmt.Sprintf(", %d hours ago", d/time.Hour)
	default:
		return fmt.Sprintf(", %d days ago", d/day)
	}
}

// keep writes down the settings in use for a start without Home Assistant, if they are others than the ones written down.
func (h *home) keep(got answer) {
	h.checkCorrupt()
	now := h.opt.Now()
	if h.status().Refused || now.Before(h.saveAgain) {
		return
	}
	_, err := h.store.Save(settings.Kept{HomeAssistant: h.opt.Local.HomeAssistant.URL, Raw: got.raw, Who: got.who, Fetched: now})
	if err != nil {
		h.saveAgain = now.Add(keepAgain)
		h.faults.Raise(health.CodeSettingsNotKept, err.Error())
		return
	}
	h.faults.Clear(health.CodeSettingsNotKept)
}

// checkCorrupt takes the fault of a damaged file back once a person has taken the file away.
func (h *home) checkCorrupt() {
	if !h.faults.Has(health.CodeSettingsCorrupt) {
		return
	}
	if _, err := os.Lstat(h.store.CorruptPath()); errors.Is(err, fs.ErrNotExist) {
		h.faults.Clear(health.CodeSettingsCorrupt)
	}
}
