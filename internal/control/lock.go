package control

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
)

// lockRequest is the body of POST /v1/lock.
type lockRequest struct {
	// Order is open, hold, release or block.
	Order string `json:"order"`
}

// done is the answer to what has nothing else to tell.
type done struct {
	Done bool `json:"done"`
}

// Lock gives an order for the lock: open, hold, release or block.
func (c *Client) Lock(ctx context.Context, order string) error {
	body, err := json.Marshal(lockRequest{Order: order})
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	return c.do(ctx, http.MethodPost, "/v1/lock", body, &done{})
}

// ClearAlarms ends the alarms that stand.
func (c *Client) ClearAlarms(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/alarms/clear", nil, &done{})
}

// lockRoutes adds what concerns lock and alarms.
func lockRoutes(mux *http.ServeMux, s Station, log *slog.Logger) {
	answer := func(w http.ResponseWriter, err error) {
		if err != nil {
			reply(w, http.StatusServiceUnavailable, errorReply{Error: err.Error(), Code: codeFailed}, log)
			return
		}
		reply(w, http.StatusOK, done{Done: true}, log)
	}
	mux.HandleFunc("POST /v1/lock", func(w http.ResponseWriter, r *http.Request) {
		var req lockRequest
		if status, err := readBody(w, r, &req, `{"order": "open"}`); err != nil {
			reply(w, status, errorReply{Error: err.Error(), Code: codeBadRequest}, log)
			return
		}
		if !slices.Contains([]string{"open", "hold", "release", "block"}, req.Order) {
			reply(w, http.StatusBadRequest, errorReply{Error: "order is open, hold, release or block", Code: codeBadRequest}, log)
			return
		}
		answer(w, s.Lock(r.Context(), req.Order))
	})
	mux.HandleFunc("POST /v1/alarms/clear", func(w http.ResponseWriter, r *http.Request) {
		answer(w, s.ClearAlarms(r.Context()))
	})
}
