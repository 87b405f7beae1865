package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"doorstation/internal/control"
)

var errLent = errors.New("the hardware is lent already, or the agent is just being stopped")

// lettingGo bounds how long the service manager's watchdog is content while the rooms stop for a loan: as long as it waits when it stops the agent.
const lettingGo = 45 * time.Second

// loans is whom the hardware is lent to.
type loans struct {
	mu     sync.Mutex
	to     *control.Loan
	closed bool // the rooms stop: it is too late for another one
}

var _ control.Lender = (*App)(nil)

// Lend lets go of all hardware as soon as no call is up, by stopping every room. When the borrower is gone, whatever became of it, the agent ends,
// and the service manager starts it again: so nobody can leave the door dead by dying.
func (a *App) Lend(take func() (*control.Loan, error)) error {
	if a.opt.Service.Notify == nil {
		return errNobodyRestarts
	}
	a.loans.mu.Lock()
	defer a.loans.mu.Unlock()
	if a.loans.closed || a.loans.to != nil {
		return errLent
	}
	to, err := take()
	if err != nil {
		return err
	}
	a.loans.to = to
	a.opt.Log.Info("the hardware is to be lent", "waits_for_call", !a.idle())
	select {
	case a.leave <- struct{}{}:
	default: // it leaves already
	}
	return nil
}

// lends tells whether somebody waits for the hardware, or has it.
func (l *loans) lends() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to != nil
}

// last is whom the hardware is lent to once the rooms have stopped, nil for nobody; from now on it is settled.
func (l *loans) last() *control.Loan {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.to
}

// lend hands the hardware over and waits until it is given back. The rooms have stopped.
func (a *App) lend(ctx context.Context, to *control.Loan) {
	log := a.opt.Log
	if ctx.Err() == nil {
		log.Warn("the hardware is lent: the bell is dead until it is given back")
		defer a.feed(0)()
		if err := to.Begin(); err != nil {
			log.Info("nobody takes it", "error", err)
		} else {
			a.tellLent(ctx, to)
		}
		log.Info("the hardware is given back: doorstation ends, to be started again")
		a.opt.Service.notify("STOPPING=1")
	}
	_ = to.Close() // it is over in any case
}

// tellLent waits until the loan is over, and tells whoever asks the agent meanwhile what has become of it.
func (a *App) tellLent(ctx context.Context, to *control.Loan) {
	telling, stop := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() {
		if err := control.ServeLent(telling, a.opt.Socket, a.opt.Log); err != nil {
			a.opt.Log.Warn("nobody is told that the hardware is lent", "error", err)
		}
	})
	to.Wait(ctx)
	stop()
	told.Wait()
}

// feed keeps the service manager's watchdog content until it is told to stop, or for as long as limit (0: no limit).
func (a *App) feed(limit time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if limit > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), limit)
	}
	var feeding sync.WaitGroup
	if every := a.opt.Service.Watchdog / 3; every > 0 {
		feeding.Go(func() {
			ticker := time.NewTicker(every)
			defer ticker.Stop()
			for {
				a.opt.Service.notify("WATCHDOG=1")
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return func() {
		cancel()
		feeding.Wait()
	}
}
