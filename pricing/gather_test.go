package pricing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// CDRs of charges under versions that only the store has are priced as all
// others are, and ask it together: a few times for all of them. Those whose
// version is in memory ask nothing.
func TestGatherReadsWhatIsMissedTogether(t *testing.T) {
	const versions = 200
	began := time.Date(2019, 1, 5, 10, 0, 0, 0, time.UTC)
	log, store := ingesttest.NewLog(1), objectstest.NewStore()
	var late []ingest.ObjectState // came after the start
	for i := range versions {     // one a minute: 0.01 a kWh, 0.02, …
		since := began.Add(time.Duration(i) * time.Minute)
		body := strings.NewReplacer("0.25", fmt.Sprintf("%d.%02d", (i+1)/100, (i+1)%100), "2019-01-01T00:00:00Z", since.Format(time.RFC3339)).Replace(tariff)
		state := ingest.ObjectState{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T1"), Version: ocpi.V221,
			Position: ingest.Position{Epoch: 1, Offset: int64(i)}, LastUpdated: ocpi.TimeOf(since), Body: []byte(body)}
		if i < versions-40 {
			store.Put(log.Partitions(ingest.TopicReference)[0], 0, state)
		} else {
			late = append(late, state)
		}
	}
	counted := referencetest.Of(store)
	x := reference.NewIndex(counted)
	objectstest.Follow(t, log, store, x.Folds()...)
	for i := range late {
		store.Put(log.Partitions(ingest.TopicReference)[0], 0, late[i])
		for _, fold := range x.Folds() {
			if fold.Kind() == ingest.ObjectTariff {
				fold.Folded(&late[i])
			}
		}
	}
	var recs []ingest.Record
	for i := range versions {
		start := began.Add(time.Duration(i)*time.Minute + 30*time.Second).Format(time.RFC3339)
		body := cdr(fmt.Sprintf("c%d", i), "EXW", "", `{"excl_vat":1}`)
		recs = append(recs, records(strings.NewReplacer("2019-01-05T10:00:00Z", start, "2019-01-05T11:00:00Z", "2019-01-05T23:00:00Z").Replace(body))...)
	}
	price := func(recs []ingest.Record) []pricing.Row {
		rows := make([]pricing.Row, len(recs))
		inputs := pricing.Own(x.View())
		p := pricing.NewPricer(inputs, policies{})
		err := pricing.Gather(t.Context(), inputs, len(recs), func(i int) bool {
			p.Price(&recs[i], &rows[i], pricing.AsOf{Reference: versions})
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	price(recs[versions-1:]) // finds out that no older version is as late
	counted.Asked.Store(0)
	price(recs[versions-20:])
	if n := counted.Asked.Load(); n != 0 {
		t.Errorf("versions in memory asked the store %d times", n)
	}
	for i, row := range price(recs) {
		if got, want := row.Outcome.Computed.Excl.String(), ocpi.NewNumber(int64(20*(i+1)), 2); row.Outcome.Status != pricing.Priced || row.Outcome.Computed.Excl.Cmp(want) != 0 {
			t.Errorf("charge %d: %s %s %s, want 20 kWh at 0.%02d", i, row.Outcome.Status, row.Outcome.Detail, got, i+1)
		}
	}
	if n := counted.Asked.Load(); n == 0 || n > 12 {
		t.Errorf("%d CDRs asked the store %d times", len(recs), n)
	}
	store.Fail(errAway)
	inputs := pricing.Own(x.View())
	p := pricing.NewPricer(inputs, policies{})
	var row pricing.Row
	err := pricing.Gather(t.Context(), inputs, 1, func(int) bool { p.Price(&recs[0], &row, pricing.AsOf{Reference: versions}); return true })
	if !errors.Is(err, errAway) {
		t.Errorf("with the store away: %v, %s %s; want its error, and no reject that counts", err, row.Outcome.Status, row.Outcome.Reason)
	}
}

var errAway = errors.New("the store is away")
