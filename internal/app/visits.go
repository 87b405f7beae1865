package app

import (
	"slices"
	"sync"

	"doorstation/internal/control"
	"doorstation/internal/station"
)

// mostVisits is how many visits are remembered. They are in memory alone: who rang when is nothing to be found on a stolen card.
const mostVisits = 50

// visits remembers the visits that have ended. The zero value remembers none yet.
type visits struct {
	mu  sync.Mutex
	all []control.PastVisit // the newest first
}

// add takes a visit that has ended.
func (v *visits) add(r station.Record) {
	rang := r.Ended.Sub(r.At)
	if !r.Talked.IsZero() {
		rang = r.Talked.Sub(r.At)
	}
	past := control.PastVisit{
		Number: uint64(r.Visit), Button: r.Button, At: r.At, Ended: r.Ended, Called: slices.Clone(r.Called),
		Outcome: string(r.Outcome), AnsweredBy: r.Answered, RingSeconds: max(0, rang.Seconds()), TalkSeconds: r.Talk.Seconds(),
		Openings: []control.Opening{},
	}
	if past.Called == nil {
		past.Called = []string{}
	}
	for _, o := range r.Openings {
		past.Openings = append(past.Openings, control.Opening{At: o.At, By: o.By, Person: o.Person})
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = slices.Insert(v.all, 0, past)
	v.all = v.all[:min(len(v.all), mostVisits)]
}

// newest are those that are remembered, the newest first.
func (v *visits) newest() []control.PastVisit {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.all)
}
