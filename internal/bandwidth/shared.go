package bandwidth

const (
	// spoils is how many times more the best viewer must be able to take for another to be left behind, returns for it to be followed
	// again.
	spoils  = 4
	returns = 3
)

// Viewer is one of those who watch the same stream.
type Viewer struct {
	// Target is what its way can take, in bit/s.
	Target int
	// Behind says that the stream is more than that: it loses pictures. Shared keeps it.
	Behind bool
}

// Shared is the rate of a stream that several watch: what the slowest can take. A viewer that can take less than a quarter of what
// the best can would spoil the picture of all; it is left behind until it can take a third. No viewers give 0.
func Shared(viewers []*Viewer) int {
	best := 0
	for _, v := range viewers {
		best = max(best, v.Target)
	}
	least := best
	for _, v := range viewers {
		if v.Behind {
			v.Behind = v.Target*returns < best
		} else {
			v.Behind = v.Target*spoils < best
		}
		if !v.Behind {
			least = min(least, v.Target)
		}
	}
	return least
}
