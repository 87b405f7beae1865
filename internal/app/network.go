package app

import (
	"context"
	"time"

	"doorstation/internal/network"
)

// watchAgain is the pause before the kernel is asked again to tell of changes.
const watchAgain = 30 * time.Second

// watchNetwork tells the rooms when the machine's addresses or links have changed. Where it can't watch, the rooms notice by
// themselves, only later.
func (a *App) watchNetwork(ctx context.Context) error {
	for {
		err := network.Watch(ctx, a.networkChanged)
		if ctx.Err() != nil {
			return nil
		}
		a.opt.Log.Warn("changes of the network are not seen at once", "error", err, "again_in", watchAgain)
		if !sleep(ctx, watchAgain) {
			return nil
		}
	}
}

// networkChanged passes the news on.
func (a *App) networkChanged() {
	a.opt.Log.Debug("the network changed", "addresses", network.Addresses())
	a.home.Nudge()
	if l := a.home.lines.current(); l != nil {
		l.agent.Nudge()
		l.offers.AddressesChanged()
	}
}
