package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/phone"
	"doorstation/internal/settings"
)

const (
	// settingsPoll is how often SIP Core's settings are looked at again: a door has no page changes to do it on.
	settingsPoll = 30 * time.Second
	// fetchLimit bounds one look at Home Assistant.
	fetchLimit = 15 * time.Second
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)

// home follows Home Assistant: it fetches SIP Core's settings, makes a line of them, and replaces the line
// when they change. It never gives up: everything it meets can be mended by a person while it runs.
type home struct {
	opt    Options
	health *health.Register
	phone  *phone.Phone
	lines  lineHolder
}

func newHome(o Options, h *health.Register, p *phone.Phone) *home {
	return &home{opt: o, health: h, phone: p}
}

// Run works until ctx ends and then takes the line down: the door is unregistered when it returns.
func (h *home) Run(ctx context.Context) error {
	defer func() {
		h.phone.SetLine(nil)
		h.lines.replace(nil)
	}()
	var current settings.Settings
	have := false
	wait := retryFirst
	for {
		next, client, err := h.fetch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		pause := settingsPoll
		if err != nil {
			h.opt.Log.Warn("settings not fetched", "error", err, "again_in", wait.Round(time.Millisecond))
			pause = wait/2 + rand.N(wait/2)
			wait = min(2*wait, retryMost)
		} else {
			wait = retryFirst
			changed := !have || !next.Equal(current)
			switch {
			case changed && h.phone.Idle():
				if err := h.apply(next, client); err != nil {
					h.opt.Log.Error("settings can't be used", "error", err)
				}
				current, have = next, true
			case changed:
				// A call is up: the change waits for its end.
				pause = retryFirst
				client.Close()
			default:
				client.Close()
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// fetch asks Home Assistant for SIP Core's settings and for the token's user, and merges them with the local file.
func (h *home) fetch(ctx context.Context) (settings.Settings, *homeassistant.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	var none settings.Settings
	client, err := h.client()
	if err != nil {
		return none, nil, err
	}
	var who homeassistant.User
	whoErr := make(chan error, 1)
	go func() {
		var err error
		who, err = client.CurrentUser(ctx)
		whoErr <- err
	}()
	raw, err := client.SIPCoreConfig(ctx)
	userErr := <-whoErr
	if err == nil {
		err = userErr
	}
	if h.fetchFault(err); err != nil {
		client.Close()
		return none, nil, fmt.Errorf("ask Home Assistant: %w", err)
	}
	core, problems, err := settings.ParseSIPCore(raw)
	h.reportProblems(problems, err)
	if err != nil {
		client.Close()
		return none, nil, fmt.Errorf("read SIP Core's settings: %w", err)
	}
	merged, notices, err := settings.Merge(h.opt.Local, core, settings.Identity{ID: who.ID, Name: who.Name})
	if h.mergeFault(notices, err); err != nil {
		client.Close()
		return none, nil, fmt.Errorf("choose the door's SIP user: %w", err)
	}
	return merged, client, nil
}

// client makes a Home Assistant client with the token as it is now: a person may just have put it there.
func (h *home) client() (*homeassistant.Client, error) {
	token, err := settings.ReadToken(h.opt.Local, h.opt.Getenv)
	if err != nil {
		h.health.Raise(health.CodeTokenMissing, err.Error())
		return nil, fmt.Errorf("read the token: %w", err)
	}
	h.health.Clear(health.CodeTokenMissing)
	tlsConf, err := h.opt.Local.HomeAssistant.TLS.Config()
	if err != nil {
		h.health.Raise(health.CodeHomeAssistantUnreachable, err.Error())
		return nil, err
	}
	client, err := homeassistant.New(homeassistant.Options{
		URL: h.opt.Local.HomeAssistant.URL, Token: token, TLS: tlsConf, Log: h.opt.Log.With("room", "homeassistant"),
	})
	if err != nil {
		h.health.Raise(health.CodeHomeAssistantUnreachable, err.Error())
		return nil, fmt.Errorf("home_assistant.url: %w", err)
	}
	return client, nil
}

// fetchFault keeps the faults of asking Home Assistant: of these at most one stands.
func (h *home) fetchFault(err error) {
	table := []struct {
		is   error
		code health.Code
	}{
		{homeassistant.ErrTokenRefused, health.CodeTokenRefused},
		{homeassistant.ErrNotInstalled, health.CodeIntegrationMissing},
		{homeassistant.ErrNotSetUp, health.CodeNotSetUp},
		{nil, health.CodeHomeAssistantUnreachable},
	}
	raised := err == nil
	for _, row := range table {
		if !raised && (row.is == nil || errors.Is(err, row.is)) {
			raised = true
			h.health.Raise(row.code, err.Error())
			continue
		}
		h.health.Clear(row.code)
	}
}

func (h *home) reportProblems(problems []settings.Problem, err error) {
	if err != nil {
		h.health.Raise(health.CodeSettingsInvalid, err.Error())
		return
	}
	text := map[health.Code]string{health.CodeSettingsInvalid: "", health.CodeICEServerInvalid: ""}
	for _, p := range problems {
		code := health.CodeSettingsInvalid
		if p.AboutICEServer() {
			code = health.CodeICEServerInvalid
		}
		if text[code] != "" {
			text[code] += "; "
		}
		text[code] += p.Path + ": " + p.Message
	}
	for code, t := range text {
		if t == "" {
			h.health.Clear(code)
		} else {
			h.health.Raise(code, t)
		}
	}
}

// mergeFault keeps the faults and standing warnings of choosing the door's user and of what it offers.
func (h *home) mergeFault(notices []settings.Notice, err error) {
	switch {
	case errors.Is(err, settings.ErrNoPBXAddress):
		h.health.Raise(health.CodeNoPBXAddress, err.Error())
		return
	case err != nil:
		h.health.Raise(health.CodeNoUser, err.Error())
		return
	}
	h.health.Clear(health.CodeNoUser)
	for notice, code := range map[settings.Notice]health.Code{
		settings.NoticeBackupUser: health.CodeBackupUser,
		settings.NoticeNoPicture:  health.CodeNoPicture,
		settings.NoticeNoTargets:  health.CodeNoTargets,
	} {
		standing := false
		for _, n := range notices {
			standing = standing || n == notice
		}
		if standing {
			h.health.Raise(code, "")
		} else {
			h.health.Clear(code)
		}
	}
}

// apply replaces the line by one made of s.
func (h *home) apply(s settings.Settings, client *homeassistant.Client) error {
	l, err := newLine(h.opt, s, client, h.health)
	if err != nil {
		return err
	}
	h.phone.SetLine(nil)
	h.lines.replace(l)
	h.phone.SetLine(l.forPhone())
	h.opt.Log.Info("settings applied", "extension", s.Extension, "domain", s.Domain, "pbx", s.PBX.Kind, "video", s.Video)
	return nil
}
