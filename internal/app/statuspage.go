package app

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"doorstation/internal/health"
	"doorstation/internal/monitor"
	"doorstation/internal/page"
	"doorstation/internal/settings"
)

const (
	// pageCredential is the systemd credential that may hold the status page's hashed password.
	pageCredential = "page_password"
	// helpDir is where the package puts the faults' pages.
	helpDir = "/usr/share/doc/doorstation/faults"
)

var _ page.Station = (*App)(nil)

// servePage serves the status page. What keeps it from being served is a fault, never an end: the bell does not need it.
func (a *App) servePage(ctx context.Context) error {
	local := a.opt.Local.Page
	told := func(err error) { faults{a.health}.standing(health.CodePageUnavailable, err != nil, errorText(err)) }
	if local.Listen == "" {
		return nil
	}
	password, err := a.pagePassword()
	if err != nil {
		told(err)
		<-ctx.Done()
		return nil
	}
	figures, err := monitor.Metrics(a)
	if err != nil {
		return err
	}
	defer a.watchers.close()
	return page.Serve(ctx, page.Options{
		Address: local.Listen, Names: local.Names, Password: password, Station: a, Buttons: pageButtons(a.opt.Local), Metrics: figures,
		Help: helpDir, Log: a.opt.Log.With("room", "page"), Now: a.opt.Now, OnFault: told, OnAddress: a.watchers.at,
	})
}

// pagePassword is nil where the local file names none.
func (a *App) pagePassword() (*page.Password, error) {
	switch file := a.opt.Local.Page.PasswordFile; file {
	case "":
		return nil, nil
	case settings.PageCredential:
		dir := a.opt.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return nil, fmt.Errorf("page.password_file is %s, and systemd has given none (LoadCredential=%s:…)", settings.PageCredential, pageCredential)
		}
		return page.ReadPassword(filepath.Join(dir, pageCredential), false)
	default:
		return page.ReadPassword(file, true)
	}
}

// pageButtons are the buttons and whom they call.
func pageButtons(l settings.Local) []page.Button {
	var all []page.Button
	for _, b := range l.Buttons {
		var calls []string
		for _, step := range b.Call {
			for _, target := range step {
				if !slices.Contains(calls, target) {
					calls = append(calls, target)
				}
			}
		}
		all = append(all, page.Button{Name: b.Name, Calls: calls})
	}
	return all
}
