package homeassistant

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
)

const configPath = "/api/sip-core/config"

// Mark recognises an answer of SIP Core's settings. The zero Mark is none's.
type Mark struct {
	etag string
	sum  [sha256.Size]byte
}

// SIPCoreConfig returns SIP Core's settings as they are served. The errors are ErrTokenRefused, ErrNotInstalled,
// ErrNotSetUp and ErrUnreachable.
func (c *Client) SIPCoreConfig(ctx context.Context) (json.RawMessage, error) {
	raw, _, err := c.PollSIPCoreConfig(ctx, Mark{})
	return raw, err
}

// PollSIPCoreConfig returns SIP Core's settings unless they are those that since recognises: then it returns nil and the same
// mark. It is one GET on a connection that is kept alive, answered without a body where the server knows ETags. The errors are
// SIPCoreConfig's.
func (c *Client) PollSIPCoreConfig(ctx context.Context, since Mark) (json.RawMessage, Mark, error) {
	got, err := c.get(ctx, configPath, since.etag)
	if err != nil {
		return nil, Mark{}, err
	}
	switch {
	case got.status == http.StatusNotModified && since.etag != "":
		return nil, since, nil
	case got.status == http.StatusInternalServerError && strings.Contains(errorText(got.body), "No configuration"):
		return nil, Mark{}, ErrNotSetUp
	case got.status != http.StatusOK:
		return nil, Mark{}, got.refusal()
	}
	now := Mark{etag: got.etag, sum: sha256.Sum256(got.body)}
	if now.sum == since.sum {
		return nil, now, nil
	}
	if err = got.json(configPath); err != nil {
		return nil, Mark{}, err
	}
	return got.body, now, nil
}
