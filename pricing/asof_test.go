package pricing_test

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// pushTariff appends a version of T1.
func pushTariff(t *testing.T, log *ingesttest.Log, price, updated string, received int64) {
	t.Helper()
	body := strings.NewReplacer("0.25", price, "2019-01-01T00:00:00Z", updated).Replace(tariff)
	e := &ingest.Envelope{Object: ingest.ObjectTariff, Method: ingest.MethodPut, Version: ocpi.V221, Key: ocpi.NewKey("GB", "DUN", "T1"), Received: ocpi.Time(received)}
	if _, err := log.Append(t.Context(), ingest.TopicReference, e, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

// A driver pays the price that stood when the charge began, whatever is pushed
// while it goes on or stamped later; a price as of an end of the log stays as
// it is, whatever comes after that end.
func TestThePriceThatWasPromised(t *testing.T) {
	log := ingesttest.NewLog(1)
	pushTariff(t, log, "0.10", "2019-01-01T00:00:00Z", 50) // 2.00 for the 20 kWh
	pushTariff(t, log, "0.99", "2019-01-05T10:30:00Z", 60) // 19.80, during the charge
	pushTariff(t, log, "0.20", "2019-01-05T09:00:00Z", 10) // in force before it: stamped first, appended last, and overtaken
	pushTariff(t, log, "0.30", "2019-01-05T10:30:00Z", 20) // as old as the second
	store := objectstest.NewStore()
	x := reference.NewIndex(referencetest.Of(store))
	objectstest.Follow(t, log, store, x.Folds()...)
	during := strings.ReplaceAll(cdr("a", "EXW", "", `{"excl_vat":2.00}`), "2019-01-05T10:00:00Z", "2018-12-31T10:00:00Z")
	for _, c := range []struct {
		name, body string
		below      int64
		want       string
		finding    string
	}{
		{"pushed during the charge", cdr("a", "EXW", "", `{"excl_vat":2.00}`), 9, "2.0000/2.4000 agrees", ""},
		{"as of before that", cdr("a", "EXW", "", `{"excl_vat":2.00}`), 1, "2.0000/2.4000 agrees", ""},
		{"as of before any", cdr("a", "EXW", "", `{"excl_vat":2.00}`), 0, "rejected unknown_tariff", ""},
		{"none in force: the first after", during, 9, "2.0000/2.4000 agrees", "tariff_after_start"},
		{"a charge after both", strings.ReplaceAll(cdr("a", "EXW", "", `{"excl_vat":6.00}`), "2019-01-05T1", "2019-01-06T1"), 9, "6.0000/7.2000 agrees", ""},
	} {
		rec := records(c.body)[0]
		var row pricing.Row
		at := pricing.AsOf{Reference: c.below, Control: 5}
		pricing.NewPricer(x.View(), policies{}).Price(&rec, &row, at)
		if got := totals(&row.Outcome); got != c.want || row.Outcome.AsOf != at {
			t.Errorf("%s: %s (%s) as of %v, want %s", c.name, got, row.Outcome.Detail, row.Outcome.AsOf, c.want)
		}
		found := ""
		for _, f := range row.Outcome.Findings {
			if f.Code == "tariff_after_start" {
				found = f.Code
			}
		}
		if found != c.finding {
			t.Errorf("%s: finding %q, want %q", c.name, found, c.finding)
		}
	}
}
