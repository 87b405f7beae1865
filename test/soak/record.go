package main

import (
	"fmt"
	"io"

	"doorstation/test/house"
)

// What a thousand calls may leave behind. A leaked call is at least a goroutine or two, a socket, and the hundred and more
// kilobytes of a peer connection with its buffers; a leaked Opus codec, which only the resident size shows, is 40 kB. The floors are
// how far these figures scatter from one look to the next, and what decides a short run.
const (
	heapPerCall     = 4.0 // kB
	heapFloor       = 2048.0
	residentPerCall = 8.0 // kB
	residentFloor   = 24 * 1024.0
)

// row is what was held after so many calls.
type row struct {
	calls int
	held  house.Held
}

// record is the table of a soak.
type record []row

func (r *record) add(calls int, h house.Held) { *r = append(*r, row{calls, h}) }

func (r *record) head(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%8s %12s %8s %10s %12s\n", "calls", "goroutines", "files", "heap kB", "resident kB")
}

// line prints the newest row.
func (r *record) line(w io.Writer) {
	l := (*r)[len(*r)-1]
	_, _ = fmt.Fprintf(w, "%8d %12d %8d %10d %12d\n", l.calls, l.held.Goroutines, l.held.Files, l.held.HeapKB, l.held.ResidentKB)
}

// complaints are what has grown.
func (r *record) complaints() (out []string) {
	rows := *r
	first, last := rows[0].held, rows[len(rows)-1].held
	if last.Goroutines > first.Goroutines+house.GoroutinesMore {
		out = append(out, fmt.Sprintf("%d goroutines have become %d", first.Goroutines, last.Goroutines))
	}
	if last.Files > first.Files+house.FilesMore {
		out = append(out, fmt.Sprintf("%d files and sockets have become %d", first.Files, last.Files))
	}
	calls := float64(rows[len(rows)-1].calls)
	for _, m := range []struct {
		name           string
		of             func(house.Held) int
		perCall, floor float64
	}{
		{"the heap", func(h house.Held) int { return h.HeapKB }, heapPerCall, heapFloor},
		{"the resident memory", func(h house.Held) int { return h.ResidentKB }, residentPerCall, residentFloor},
	} {
		if per := r.slope(m.of); per*calls > max(m.perCall*calls, m.floor) {
			out = append(out, fmt.Sprintf("%s grows by %.1f kB a call", m.name, per))
		}
	}
	return out
}

// slope is the least-squares growth a call.
func (r *record) slope(of func(house.Held) int) float64 {
	var n, sx, sy, sxx, sxy float64
	for _, l := range *r {
		x, y := float64(l.calls), float64(of(l.held))
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if d := n*sxx - sx*sx; d != 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}
