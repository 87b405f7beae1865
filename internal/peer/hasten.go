package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/pion/ice/v4"
)

// hastenAt are the moments after the answer at which ICE is made to look at its checks. Pion's agent does so every 200 ms
// only: the pair that was found after one round trip would be nominated 200 ms later, and the
// far side cannot begin DTLS before (from Asterisk's 200 to DTLS: 204 ms to 236 ms without this, 8 ms with it).
var hastenAt = [...]time.Duration{
	2 * time.Millisecond, 4 * time.Millisecond, 7 * time.Millisecond, 11 * time.Millisecond, 16 * time.Millisecond,
	25 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond, 90 * time.Millisecond, 130 * time.Millisecond,
	170 * time.Millisecond,
}

// hasten nudges ICE until it is connected or its own pace will do. The nudge is a remote candidate, for that makes the agent look
// at once; it is a passive TCP one, which can never be paired, as active TCP is switched off.
func (w *path) hasten(ctx context.Context) {
	begin := time.Now()
	for i, at := range hastenAt {
		if waitFor(ctx, w.up, time.Until(begin.Add(at))) != nil || isClosed(w.up) {
			return
		}
		inert, err := ice.UnmarshalCandidate(fmt.Sprintf("hasten 1 tcp 1 127.0.0.1 %d typ host tcptype passive", i+1))
		if err == nil {
			err = w.agent.AddRemoteCandidate(inert)
		}
		if err != nil {
			return // the path is closing; or ICE goes at its own pace
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
