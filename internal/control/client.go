package control

import "context"

// Client speaks to the agent.
type Client struct{ path string }

// NewClient makes a client for the socket at path.
func NewClient(path string) *Client { return &Client{path: path} }

// Press presses a button.
func (c *Client) Press(ctx context.Context, button string) (PressReply, error) {
	return PressReply{}, ErrNotRunning
}

// Status asks for the status.
func (c *Client) Status(ctx context.Context) (Status, error) { return Status{}, ErrNotRunning }
