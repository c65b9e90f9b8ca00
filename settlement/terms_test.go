package settlement

import (
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// A result is computed again as of the part of the log that it names; one from
// before that was kept, from the very inputs it names.
func TestTermsOfAStoredResult(t *testing.T) {
	log := ingesttest.NewLog(1)
	key := ocpi.NewKey("GB", "DUN", "T1")
	for _, price := range []string{"0.10", "0.20"} {
		body := `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":` + price + `,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
		e := &ingest.Envelope{Object: ingest.ObjectTariff, Method: ingest.MethodPut, Version: ocpi.V221, Key: key}
		if _, err := log.Append(t.Context(), ingest.TopicReference, e, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	store := objectstest.NewStore()
	x := reference.NewIndex(referencetest.Of(store))
	objectstest.Follow(t, log, store, x.Folds()...)
	start := ocpi.Time(1_550_000_000 * ocpi.Second)
	first, _ := x.View().Tariff(key, ocpi.Party{}, start, 1)
	exw := ocpi.NewParty("NL", "EXW")
	for _, c := range []struct {
		name   string
		side   ChangeSide
		offset int64 // of the version, -1 for none
		zone   string
		owner  bool
	}{
		{"as of the first", ChangeSide{AsOf: pricing.AsOf{Reference: 1}, TimeZone: "Asia/Tokyo", EMSP: exw}, 0, "Europe/London", false},
		{"as of both", ChangeSide{AsOf: pricing.AsOf{Reference: 2}, TariffHash: first.Hash()}, 1, "Europe/London", false},
		{"as of none", ChangeSide{TariffHash: first.Hash()}, -1, "Europe/London", false},
		{"not kept: the one it names", ChangeSide{AsOf: pricing.AsOfUnkept, TariffHash: "beside," + first.Hash(), TimeZone: "Asia/Tokyo", EMSP: exw}, 0, "Asia/Tokyo", true},
		{"not kept: it names another", ChangeSide{AsOf: pricing.AsOfUnkept, TariffHash: "gone"}, -1, "", false},
	} {
		terms := terms{inputs: x.View()}
		terms.of(&c.side)
		v, _ := terms.Tariff(key, ocpi.Party{}, start, c.side.AsOf.Reference)
		if v == nil && c.offset >= 0 || v != nil && v.Position.Offset != c.offset {
			t.Errorf("%s: version %v, want the one at offset %d", c.name, v, c.offset)
		}
		if zone, _ := terms.Zone(ocpi.Key{}, "GBR", start, c.side.AsOf.Reference); zone != c.zone {
			t.Errorf("%s: zone %q, want %q", c.name, zone, c.zone)
		}
		if party, ok := terms.Payer("C", start, c.side.AsOf.Reference); ok != c.owner || ok && party != exw {
			t.Errorf("%s: owner %s (%t)", c.name, party, ok)
		}
		// Settings say whose the contracts of a provider are: what stands stays, where it
		// does not name the list.
		if party, ok := terms.Payer("NL-TNM-C00000001", start, c.side.AsOf.Reference); party != c.side.EMSP || ok == c.side.EMSP.IsZero() {
			t.Errorf("%s: %s pays for a contract of NL*TNM, want %s", c.name, party, c.side.EMSP)
		}
	}
}
