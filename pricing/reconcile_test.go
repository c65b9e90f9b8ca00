package pricing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// A CDR that claims by a version its CPO has replaced, or not put in force yet,
// is told so, by that version's last_updated. Versions beyond
// the end that the CDR is priced as of do not count.
func TestReconcileNamesTheTariffVersion(t *testing.T) {
	log := ingesttest.NewLog(1)
	for minute, version := range []struct{ price, updated, validity string }{
		{"0.25", "2019-01-01T00:00:00Z", ""},
		{"0.31", "2019-01-02T00:00:00Z", ""},
		{"0.35", "2019-01-03T00:00:00Z", `"start_date_time":"2019-06-01T00:00:00Z",`},
		{"0.4037", "2019-01-04T00:00:00Z", ""}, // beyond the end they are priced as of
	} {
		body := strings.NewReplacer("0.25", version.price, "2019-01-01T00:00:00Z", version.updated, `"elements"`, version.validity+`"elements"`).Replace(tariff)
		e := &ingest.Envelope{Object: ingest.ObjectTariff, Method: ingest.MethodPut, Version: ocpi.V221, Sender: "gb-dun-cpo",
			Key: ocpi.NewKey("GB", "DUN", "T1"), Received: ocpi.Time(int64(minute+1) * 60 * ocpi.Second)}
		if _, err := log.Append(t.Context(), ingest.TopicReference, e, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	store := objectstest.NewStore()
	x := reference.NewIndex(referencetest.Of(store))
	objectstest.Follow(t, log, store, x.Folds()...)
	const other = "One other reading gives the partner's total to the cent: priced with the version of tariff T1 that was last updated "
	p := pricing.NewPricer(x.View(), policies{})
	for _, c := range []struct{ name, tariffs, claim, cause, sentence string }{
		{"the one in force", "", `{"excl_vat":6.20,"incl_vat":7.44}`, "", ""},
		{"the one before", "", `{"excl_vat":5.00,"incl_vat":6.00}`, "tariff_of_another_version", other + "2019-01-01T00:00:00Z."},
		{"the one to come", "", `{"excl_vat":7.00,"incl_vat":8.40}`, "tariff_of_another_version", other + "2019-01-03T00:00:00Z."},
		{"one not known yet", "", `{"excl_vat":8.07,"incl_vat":9.69}`, "none_found", "No known reading of the tariff gives the partner's total."},
		{"another than the CDR carries", tariff, `{"excl_vat":6.20,"incl_vat":7.44}`, "tariff_of_another_version", other + "2019-01-02T00:00:00Z."},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := records(cdr("a", "EXW", c.tariffs, c.claim))[0]
			var row pricing.Row
			p.Price(&rec, &row, pricing.AsOf{Reference: 3})
			if row.Outcome.Status != pricing.Priced || row.Outcome.Cause != c.cause {
				t.Fatalf("%s %s, cause %q: %s", row.Outcome.Status, row.Outcome.Detail, row.Outcome.Cause, row.Outcome.Reconciliation)
			}
			if c.cause == "" {
				return
			}
			var r pricing.Reconciliation
			if err := json.Unmarshal(row.Outcome.Reconciliation, &r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.sentence, r.Sentence()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Taxes that only the CDR states stand in the outcome, in its own memory, and are
// marked; the verdict is that of the amounts before tax.
func TestOutcomeOfStatedTaxes(t *testing.T) {
	own := strings.Replace(tariff, `"vat":20,`, "", 1)
	rec := records(cdr("a", "EXW", own, `{"before_taxes":5,"taxes":[{"name":"Sales tax","percentage":21,"amount":1.05}]}`))[0]
	rec.Version = ocpi.V230
	p := pricing.NewPricer(billed{}, policies{})
	var row, other pricing.Row
	p.Price(&rec, &row, pricing.AsOf{})
	next := records(cdr("b", "EXW", own, `{"before_taxes":5,"taxes":[{"name":"XXXXXXXXX","percentage":9,"amount":0.45}]}`))[0]
	next.Version = ocpi.V230
	p.Price(&next, &other, pricing.AsOf{})
	o := &row.Outcome
	if got := totals(o); got != "5.0000/6.0500 agrees" || !o.TaxesStated || len(o.Taxes) != 1 || o.Taxes[0].Name != "Sales tax" {
		t.Errorf("%s, %+v, stated %t (%s)", got, o.Taxes, o.TaxesStated, o.Detail)
	}
	if !strings.Contains(string(o.Explanation), `"taxes_stated":true`) {
		t.Errorf("not marked: %s", o.Explanation)
	}
}
