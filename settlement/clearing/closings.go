package clearing

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.Closings = (*Agreements)(nil)

// ClosedBelow implements settlement.Closings: a charge belongs to a period by the zone of its
// pair. Errors as in [control.Machine.WaitNext].
func (d *Agreements) ClosedBelow(ctx context.Context, cpo, emsp ocpi.Party, booked ocpi.Time, below int64) (bool, error) {
	if err := d.machine.WaitNext(ctx, below); err != nil {
		return false, fmt.Errorf("wait for the control log up to %d: %w", below, err)
	}
	pair := control.Pair{CPO: cpo, EMSP: emsp}
	through := d.closes.ClosedThroughAt(pair, below)
	if through.IsZero() || !booked.IsSet() {
		return false, nil
	}
	return Belongs(booked, d.state.Current().zoneAt(ScopeOf(pair), booked, below)) <= through, nil
}

// zoneAt returns the zone that was agreed for a pair in the month of an instant, by UTC.
func (s *agreements) zoneAt(pair Scope, at ocpi.Time, below int64) *tariff.Zone {
	if of := s.set.narrowest(pair, zoneKey, at.Month(), below); of != nil {
		return of.value.(*tariff.Zone)
	}
	return tariff.UTC
}
