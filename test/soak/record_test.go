package main

import (
	"strings"
	"testing"

	"doorstation/test/house"
)

// table is a soak of calls, with a row every tenth of it.
func table(calls int, held func(calls int) house.Held) *record {
	r := &record{}
	for i := range 11 {
		n := calls * i / 10
		r.add(n, held(n))
	}
	return r
}

func TestWhatScattersIsNoLeak(t *testing.T) {
	for _, calls := range []int{30, 1000} {
		r := table(calls, func(n int) house.Held {
			odd := n / 3 % 2
			return house.Held{Goroutines: 40 + 3*odd, Files: 16 + odd, HeapKB: 3000 + 900*odd, ResidentKB: 80_000 + 9000*odd}
		})
		if c := r.complaints(); c != nil {
			t.Errorf("%d calls: %v", calls, c)
		}
	}
}

func TestLeaksAreSeen(t *testing.T) {
	for _, c := range []struct {
		name string
		add  func(h *house.Held, calls int)
		of   int // calls
	}{
		{"goroutines", func(h *house.Held, n int) { h.Goroutines += n / 2 }, 30},
		{"goroutines", func(h *house.Held, n int) { h.Goroutines += n / 100 }, 1000},
		{"files", func(h *house.Held, n int) { h.Files += n }, 30},
		{"heap", func(h *house.Held, n int) { h.HeapKB += 100 * n }, 30},
		{"heap", func(h *house.Held, n int) { h.HeapKB += 5 * n }, 1000},
		{"resident", func(h *house.Held, n int) { h.ResidentKB += 40 * n }, 1000},
	} {
		r := table(c.of, func(n int) house.Held {
			h := house.Held{Goroutines: 40, Files: 16, HeapKB: 3000, ResidentKB: 80_000}
			c.add(&h, n)
			return h
		})
		if got := r.complaints(); len(got) != 1 || !strings.Contains(got[0], c.name) {
			t.Errorf("%s leaked in %d calls: %v", c.name, c.of, got)
		}
	}
}
