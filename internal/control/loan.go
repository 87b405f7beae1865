package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Lender is an agent that lends its hardware; a [Station] that is one serves the route.
type Lender interface {
	// Lend begins to let go of the hardware, as soon as no call is up. When it agrees it takes the loan, and returns at once.
	Lend(take func() (*Loan, error)) error
}

// Loan is a borrower, as the agent sees it. It is a connection: it ends with the borrower's process, whatever ends that.
type Loan struct {
	conn net.Conn
	in   *bufio.Reader
}

// Begin tells the borrower that the hardware is free.
func (l *Loan) Begin() error {
	_, err := io.WriteString(l.conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
	if err != nil {
		return fmt.Errorf("control: the loan: %w", err)
	}
	return nil
}

// Wait waits for the loan's end, or that of ctx.
func (l *Loan) Wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) }) // what can't be woken is closed already
	defer stop()
	_, _ = io.Copy(io.Discard, l.in) // how it ended does not matter
}

// Close ends the loan.
func (l *Loan) Close() error { return l.conn.Close() }

// loanRoute adds what concerns a loan.
func loanRoute(mux *http.ServeMux, s Lender, log *slog.Logger) {
	mux.HandleFunc("POST /v1/lend", func(w http.ResponseWriter, _ *http.Request) {
		err := s.Lend(func() (*Loan, error) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return nil, fmt.Errorf("control: the loan: %w", err)
			}
			return &Loan{conn: conn, in: buffered.Reader}, nil
		})
		if err != nil {
			reply(w, http.StatusServiceUnavailable, errorReply{Error: err.Error(), Code: codeFailed}, log)
		}
	})
}

// ServeLent is [Serve] for an agent whose hardware is lent: whoever asks is told so.
func ServeLent(ctx context.Context, path string, log *slog.Logger) error {
	return listenAndServe(ctx, path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusServiceUnavailable, errorReply{Error: lentText, Code: codeLent}, log)
	}), log)
}

const lentText = "the hardware is lent, most likely to a doorstation setup that is not finished: the bell is dead until that ends, and then starts again by itself"

// Borrowed is the agent's hardware, as the borrower sees it: nobody has it open until Close, or until the borrower's process ends. The agent is
// started again then.
type Borrowed struct{ conn net.Conn }

// Close gives it back.
func (b *Borrowed) Close() error { return b.conn.Close() }

// Borrow asks the agent for its hardware and waits until it is free: a call that is up is waited for.
func (c *Client) Borrow(ctx context.Context) (borrowed *Borrowed, err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", c.path)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, conn.Close())
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // what can't be woken is closed already
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://door/v1/lend", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	var resp *http.Response
	if err = req.Write(conn); err == nil {
		resp, err = http.ReadResponse(bufio.NewReader(conn), req)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("control: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("control: %w", err)
	case resp.StatusCode == http.StatusOK:
		if !stop() { // at that very moment
			return nil, fmt.Errorf("control: %w", ctx.Err())
		}
		return &Borrowed{conn: conn}, nil
	}
	return nil, errors.Join(refused(resp), resp.Body.Close())
}

// unreachable is why nobody was asked.
func (c *Client) unreachable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w (%s)", ErrNotRunning, c.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (%s)", ErrNotAllowed, c.path)
	}
	return fmt.Errorf("control: %w", err)
}

// refused is the agent's refusal.
func refused(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("control: reading the answer: %w", err)
	}
	var refusal errorReply
	if err = json.Unmarshal(data, &refusal); err != nil || refusal.Error == "" {
		return fmt.Errorf("%w: %s", ErrRefused, resp.Status)
	}
	switch refusal.Code {
	case codeNoSuchButton:
		return &refusedError{refusal.Error, ErrNoSuchButton}
	case codeLent:
		return &refusedError{refusal.Error, ErrLent}
	case codeNoCall:
		return &refusedError{refusal.Error, ErrNoCall}
	case codeSoundInUse:
		return &refusedError{refusal.Error, ErrSoundInUse}
	}
	return &refusedError{refusal.Error, ErrRefused}
}
