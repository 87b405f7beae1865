package app

import (
	"fmt"
	"sync"
	"time"

	"doorstation/internal/health"
)

// refusals counts the calls to the door that were refused because the caller may not call it. One fault stands for all of them.
type refusals struct {
	faults faults
	now    func() time.Time

	mu    sync.Mutex
	count int
	told  time.Time
}

const (
	// tellEach refused calls are told of one by one, the rest at most once in tellAgain: a stranger who tries all day long fills
	// no log.
	tellEach  = 10
	tellAgain = time.Minute
)

// take is told of each refused call with the caller's extension as the PBX named it.
func (r *refusals) take(caller string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	now := r.now()
	if r.count > tellEach && now.Sub(r.told) < tellAgain {
		return
	}
	r.told = now
	const longest = 64
	if name := []rune(caller); len(name) > longest {
		caller = string(name[:longest]) + "…"
	}
	r.faults.Raise(health.CodeCallsRefused, fmt.Sprintf("%d since the start, the last one by %q", r.count, caller))
}
