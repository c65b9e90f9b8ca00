package reference

import (
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Of superseded versions the oldest that are stored go when there are too many;
// what is not stored yet stays, and so does the last of each Tariff.
func TestReleaseLetsGoOfWhatIsStored(t *testing.T) {
	x := NewIndex(nil)
	x.tariffs.limit = 20 * 700
	fold := tariffs{x}
	id := func(offset int64) ingest.Identity {
		return ingest.Identity{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", fmt.Sprintf("T%d", offset%3))}
	}
	const n = 90
	for offset := range int64(n) {
		fold.Folded(&ingest.ObjectState{Object: ingest.ObjectTariff, Key: id(offset).Key, Version: ocpi.V221, Position: ingest.Position{Epoch: 1, Offset: offset},
			Body: []byte(`{"country_code":"GB","party_id":"DUN","id":"` + id(offset).Key.ID + `","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.1,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`)})
	}
	for _, c := range []struct{ stored, gone, full int64 }{{30, 30, 0}, {30, 30, 0}, {n, 0, 0}} {
		if c.stored < n && !fold.Full() && c.gone == 0 {
			t.Fatal("not full")
		}
		fold.Release(c.stored)
		for offset := range int64(n) {
			held := fold.At(id(offset), ingest.Position{Epoch: 1, Offset: offset}) != nil
			if c.stored < n && held != (offset >= c.gone) {
				t.Errorf("%d are stored: the version at %d is held %t", c.stored, offset, held)
			}
			if offset >= n-3 && !held {
				t.Errorf("the last version of %s is gone", id(offset).Key)
			}
		}
	}
	if x.tariffs.bytes > x.tariffs.limit || fold.Full() {
		t.Errorf("%d bytes are held, at most %d should be", x.tariffs.bytes, x.tariffs.limit)
	}
	for i := range int64(3) {
		if got, err := x.Versions(t.Context(), id(i).Key); err != nil || got != n/3 {
			t.Errorf("%s has %d versions, %v, want %d", id(i).Key, got, err, n/3)
		}
	}
}
