package clickhouse

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// What an owner has is that which stands, however often it was changed, of the one
// kind, for everybody or for the one recipient, made before the instant.
func TestHeld(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicReference)
	for range 2 {
		o.change(t, object(ingest.ObjectTariff, "NLTNM", "T1", ""), 1, nil)
		o.change(t, object(ingest.ObjectTariff, "NLTNM", "T2", ""), 1, nil)
		o.change(t, object(ingest.ObjectTariff, "NLTNM", "T1", "DE*EMP"), 1, nil)
		o.change(t, object(ingest.ObjectTariff, "NLTNM", "T3", "DE*VOL"), 1, nil)
		o.change(t, object(ingest.ObjectTariff, "BETNM", "T4", ""), 1, nil)
		o.change(t, object(ingest.ObjectLocation, "NLTNM", "L1", ""), 1, nil)
		o.change(t, object(ingest.ObjectToken, "NLTNM", "U1", "RFID"), 1, nil)
		o.change(t, object(ingest.ObjectToken, "NLTNM", "U1", "APP_USER"), 1, nil)
	}
	o.change(t, object(ingest.ObjectTariff, "NLTNM", "T2", ""), 1, func(s *ingest.ObjectState) { s.Deleted = true })
	then := received.Add(time.Duration(o.next) * time.Second)
	o.change(t, object(ingest.ObjectTariff, "NLTNM", "T9", ""), 1, nil)
	tnm, emp := ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP")
	for _, c := range []struct {
		kind             ingest.Object
		owner, recipient ocpi.Party
		before           time.Time
		want             []string
	}{
		{ingest.ObjectTariff, tnm, ocpi.Party{}, then, []string{"tariff NL*TNM*T1"}},
		{ingest.ObjectTariff, tnm, ocpi.Party{}, then.Add(time.Hour), []string{"tariff NL*TNM*T1", "tariff NL*TNM*T9"}},
		{ingest.ObjectTariff, tnm, emp, then, []string{"tariff NL*TNM*T1 DE*EMP"}},
		{ingest.ObjectLocation, tnm, ocpi.Party{}, then, []string{"location NL*TNM*L1"}},
		{ingest.ObjectToken, tnm, ocpi.Party{}, then, []string{"token NL*TNM*U1 APP_USER", "token NL*TNM*U1 RFID"}},
		{ingest.ObjectToken, emp, ocpi.Party{}, then, nil},
	} {
		var got []string
		err := s.Held(t.Context(), c.kind, c.owner, c.recipient, c.before, func(id ingest.Identity) error {
			got = append(got, id.String())
			return nil
		})
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%ss of %s for %q: %v %s", c.kind, c.owner, c.recipient, err, diff)
		}
	}
}
