package app

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
)

// errHomeOptions says that no client of Home Assistant can be made of the local file: its ca_file, for instance.
var errHomeOptions = errors.New("home_assistant")

// clients hands out the client of Home Assistant. There is one as long as the token stays the same, so that its connection is
// used again; a person may put another token there at any time, and whoever asks next gets it.
type clients struct {
	local  settings.Local
	getenv func(string) string
	log    *slog.Logger

	mu          sync.Mutex
	token       string
	tokens      int // how many there have been
	client      *homeassistant.Client
	tokenWarned bool
}

// get returns the client for the token as it is now, and a number that is another one for each token. The errors wrap settings.ErrNoToken or errHomeOptions.
func (c *clients) get() (client *homeassistant.Client, tokenNumber int, err error) {
	token, err := settings.ReadToken(c.local, c.getenv)
	if err != nil {
		return nil, 0, fmt.Errorf("read the token: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnOfOpenToken()
	if c.token != token {
		c.forget()
		c.token, c.tokens = token, c.tokens+1
	}
	if c.client != nil {
		return c.client, c.tokens, nil
	}
	tlsConf, err := c.local.HomeAssistant.TLS.Config()
	if err != nil {
		return nil, 0, fmt.Errorf("%w.tls: %w", errHomeOptions, err)
	}
	client, err = homeassistant.New(homeassistant.Options{
		URL: c.local.HomeAssistant.URL, Token: token, TLS: tlsConf, Log: c.log.With("room", "homeassistant"),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("%w.url: %w", errHomeOptions, err)
	}
	c.client = client
	return client, c.tokens, nil
}

// drop makes the next one a new client: a connection that went silent is not used again, and the ca_file is read anew.
func (c *clients) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
}

// forget closes the client there is. The caller holds mu.
func (c *clients) forget() {
	if c.client != nil {
		c.client.Close()
	}
	c.client = nil
}

// warnOfOpenToken says once that others on this machine may read the token. The caller holds mu.
func (c *clients) warnOfOpenToken() {
	file := c.local.HomeAssistant.TokenFile
	if c.tokenWarned || file == "" || !settings.TokenFileTooOpen(file) {
		return
	}
	c.tokenWarned = true
	c.log.Warn("the token file can be read by others on this machine: chmod 600 it", "file", file)
}
