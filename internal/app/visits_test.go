package app

import (
	"testing"

	"doorstation/internal/station"
)

func TestOnlyTheNewestVisitsAreRemembered(t *testing.T) {
	var v visits
	for i := range 2 * mostVisits {
		v.add(station.Record{Visit: station.VisitID(i + 1)})
	}
	all := v.newest()
	if len(all) != mostVisits || all[0].Number != 2*mostVisits || all[mostVisits-1].Number != mostVisits+1 {
		t.Errorf("%d visits, from %d to %d", len(all), all[0].Number, all[len(all)-1].Number)
	}
}
