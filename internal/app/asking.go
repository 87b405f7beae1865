package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
)

const (
	// fetchLimit bounds one look at Home Assistant.
	fetchLimit = 15 * time.Second
	// firstLimit bounds the first one when there are kept settings to go on with.
	firstLimit = 3 * time.Second
	// whoEvery is how often it is asked whose the token is, which takes a WebSocket of its own; whoAgain after a failure.
	whoEvery = 10 * time.Minute
	whoAgain = time.Minute
)

var errFirstLimit = fmt.Errorf("no answer within %s", firstLimit)

// asking remembers what Home Assistant has answered, so that each question is asked no more often than needed.
type asking struct {
	clients *clients
	now     func() time.Time

	token  int                // of the last look, by clients' number
	mark   homeassistant.Mark // of the settings that were taken
	raw    json.RawMessage    // these settings
	who    settings.Identity
	askWho time.Time // when to ask whose the token is
	known  bool      // who is the present token's user
}

// answer is what one look gave.
type answer struct {
	raw     json.RawMessage
	who     settings.Identity
	mark    homeassistant.Mark
	changed bool // since what was taken
}

// look asks Home Assistant for SIP Core's settings, and who the door is if that may have changed.
func (a *asking) look(ctx context.Context) (answer, error) {
	client, token, err := a.clients.get()
	if err != nil {
		return answer{}, err
	}
	if token != a.token {
		a.token, a.mark, a.askWho, a.known = token, homeassistant.Mark{}, time.Time{}, false
	}
	got, err := a.ask(ctx, client)
	a.clients.heard(token, err)
	if err != nil {
		if errors.Is(err, homeassistant.ErrTokenRefused) {
			a.known = false
		}
		a.askWho = time.Time{}
		if errors.Is(err, homeassistant.ErrUnreachable) {
			a.clients.drop()
		}
		return answer{}, fmt.Errorf("ask Home Assistant: %w", err)
	}
	return got, nil
}

// ask asks both at the same time; when the settings fail the other question is given up. With a token that is not known to be good it is
// asked whose it is first, so that one that is refused is shown once.
func (a *asking) ask(ctx context.Context, client *homeassistant.Client) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	now := a.now()
	before := a.who
	var whoErr error
	var asked sync.WaitGroup
	askWho := func() {
		var user homeassistant.User
		if user, whoErr = client.CurrentUser(ctx); whoErr == nil {
			a.who, a.known = settings.Identity{ID: user.ID, Name: user.Name}, true
			a.askWho = now.Add(whoEvery)
		}
	}
	if !a.known {
		if askWho(); errors.Is(whoErr, homeassistant.ErrTokenRefused) {
			return answer{}, whoErr
		}
	} else if !now.Before(a.askWho) {
		asked.Go(askWho)
	}
	raw, mark, err := client.PollSIPCoreConfig(ctx, a.mark)
	if err != nil {
		cancel()
	}
	asked.Wait()
	if err != nil {
		return answer{}, err
	}
	if whoErr != nil {
		// Who it was is as good as ever unless it is another token; a refused token is no matter of the moment.
		if !a.known || errors.Is(whoErr, homeassistant.ErrTokenRefused) {
			return answer{}, whoErr
		}
		a.askWho = now.Add(whoAgain)
	}
	got := answer{raw: raw, who: a.who, mark: mark, changed: raw != nil || a.who != before}
	if raw == nil {
		got.raw = a.raw
	}
	return got, nil
}

// taken remembers an answer as dealt with: only another one is looked at again.
func (a *asking) taken(got answer) { a.mark, a.raw = got.mark, got.raw }

// again has the next answer looked at, whether it is another one or not.
func (a *asking) again() { a.mark = homeassistant.Mark{} }
