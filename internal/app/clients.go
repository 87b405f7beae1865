package app

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

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
	now    func() time.Time
	rhythm rhythm

	mu          sync.Mutex
	token       string
	tokens      int // how many there have been
	client      *homeassistant.Client
	tokenWarned bool
	// refused is how often the token was refused in a row, waitUntil until when it is not shown again.
	refused   int
	waitUntil time.Time
}

// errNotYet says when a refused token is shown again.
var errNotYet = errors.New("not asked with it before")

// get returns the client for the token as it is now, and a number that is another one for each token. The errors wrap
// settings.ErrNoToken, errHomeOptions or, while a token that was refused is not to be shown, homeassistant.ErrTokenRefused.
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
		c.refused, c.waitUntil = 0, time.Time{}
	}
	if c.now().Before(c.waitUntil) {
		return nil, c.tokens, fmt.Errorf("%w; it is %w %s unless it is another one, as Home Assistant counts wrong logins",
			homeassistant.ErrTokenRefused, errNotYet, c.waitUntil.Format(time.DateTime))
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

// heard takes what a question with a token gave. After a refusal that token is not shown again for a while; a ban is none, as the end
// of it shows in no other way.
func (c *clients) heard(tokenNumber int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tokenNumber != c.tokens {
		return
	}
	if errors.Is(err, homeassistant.ErrTokenRefused) && !errors.Is(err, homeassistant.ErrForbidden) {
		now := c.now()
		if now.Before(c.waitUntil) { // another question, asked at the same time
			return
		}
		wait := c.rhythm.refusedFirst
		for range c.refused {
			wait = min(2*wait, c.rhythm.refusedMost)
		}
		c.refused, c.waitUntil = min(c.refused+1, mostRefused), now.Add(wait)
		return
	}
	if err == nil {
		c.refused = 0
	}
}

// mostRefused bounds the count; the wait is at its longest before.
const mostRefused = 30

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
