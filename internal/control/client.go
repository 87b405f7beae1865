package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	clientLimit = 10 * time.Second
	maxAnswer   = 1 << 20
)

// Client speaks to the agent on its socket. It keeps no connection.
type Client struct {
	path string
	http *http.Client
}

// NewClient makes a client for the socket at path.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: &http.Client{
		Timeout:   clientLimit,
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}}
}

// Press presses a button by its name; an empty name is the first button.
func (c *Client) Press(ctx context.Context, button string) (PressReply, error) {
	var reply PressReply
	body, err := json.Marshal(pressRequest{Button: button})
	if err != nil {
		return reply, fmt.Errorf("control: %w", err)
	}
	err = c.do(ctx, http.MethodPost, "/v1/press", body, &reply)
	return reply, err
}

// Status asks for everything.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	err := c.do(ctx, http.MethodGet, "/v1/status", nil, &status)
	return status, err
}

// Restart asks the agent to end, and to be started again, as soon as no call is up.
func (c *Client) Restart(ctx context.Context) (RestartReply, error) {
	var reply RestartReply
	err := c.do(ctx, http.MethodPost, "/v1/restart", nil, &reply)
	return reply, err
}

// ChangeSound changes the sound of the call that is up and tells what it is then. The error is ErrNoCall when there is none.
func (c *Client) ChangeSound(ctx context.Context, change SoundChange) (CallSound, error) {
	var now CallSound
	body, err := json.Marshal(change)
	if err != nil {
		return now, fmt.Errorf("control: %w", err)
	}
	err = c.do(ctx, http.MethodPost, "/v1/sound", body, &now)
	return now, err
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, into any) error {
	return c.doFor(ctx, clientLimit, method, path, body, jsonInto(into))
}

// jsonInto takes an answer that is JSON.
func jsonInto(into any) func(*http.Response) error {
	return func(resp *http.Response) error {
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if err = json.Unmarshal(data, into); err != nil {
			return fmt.Errorf("the answer makes no sense: %w", err)
		}
		return nil
	}
}

// doFor asks, and lets take read the answer if it is no refusal, all within limit.
func (c *Client) doFor(ctx context.Context, limit time.Duration, method, path string, body []byte, take func(*http.Response) error) (err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://door"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	client := *c.http
	client.Timeout = limit
	resp, err := client.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode == http.StatusOK {
		if err = take(resp); err != nil {
			return fmt.Errorf("control: %w", err)
		}
		return nil
	}
	return refused(resp)
}

// refusedError says the agent's own words and is one of the sentinels.
type refusedError struct {
	text string
	is   error
}

func (e *refusedError) Error() string { return e.text }
func (e *refusedError) Unwrap() error { return e.is }
