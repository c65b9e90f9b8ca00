package pricing_test

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// pushed has one tariff that its owner pushed, in whatever version.
type pushed struct {
	billed
	version ocpi.Version
	body    string
}

func (i pushed) Tariff(ocpi.Key, ocpi.Party, ocpi.Time, int64) (*reference.TariffVersion, bool) {
	return &reference.TariffVersion{ObjectState: ingest.ObjectState{Version: i.version, Body: []byte(i.body)}}, false
}

func totals(o *pricing.Outcome) string {
	if o.Status != pricing.Priced {
		return o.Status.String() + " " + o.Reason
	}
	return o.Computed.Excl.String() + "/" + o.Computed.Incl.String() + " " + o.Claim.String()
}

// The same text of a tariff means another price in another version of OCPI:
// which of two CDRs comes first must not decide.
func TestSameTariffTextInTwoVersions(t *testing.T) {
	included := strings.Replace(tariff, `"currency"`, `"tax_included":"YES","currency"`, 1)
	in221 := cdr("a", "EXW", included, `{"excl_vat":5,"incl_vat":6}`)
	in230 := cdr("a", "EXW", included, `{"before_taxes":4.1667,"taxes":[{"name":"VAT","amount":0.8333}]}`)
	for _, order := range [][]ocpi.Version{{ocpi.V221, ocpi.V230}, {ocpi.V230, ocpi.V221}} {
		p := pricing.NewPricer(billed{}, policies{})
		for _, v := range order {
			body, want := in221, "5.0000/6.0000 agrees"
			if v == ocpi.V230 {
				body, want = in230, "4.1667/5.0000 agrees"
			}
			// Another text for each order: the cache is the process's.
			rec := records(strings.ReplaceAll(body, `"id":"T1"`, `"id":"T1", "name":"`+order[0].String()+`"`))[0]
			rec.Version = v
			var row pricing.Row
			p.Price(&rec, &row, pricing.AsOf{})
			if got := totals(&row.Outcome); got != want {
				t.Errorf("%v first: a CDR of %s is %s, want %s", order[0], v, got, want)
			}
		}
	}
}

// A tariff that was pushed means what the version it was pushed in says,
// whatever the version of the CDR it prices.
func TestStoredTariffOfAnotherVersion(t *testing.T) {
	const (
		plain   = `{"id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
		gross   = `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":25,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
		noVAT   = `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
		fee     = `{"country_code":"GB","party_id":"DUN","id":"T2","currency":"GBP","elements":[{"price_components":[{"type":"FLAT","price":1,"vat":10,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
		second  = `{"start_date_time":"2019-01-05T10:30:00Z","dimensions":[{"type":"TIME","volume":0.5}],"tariff_id":"T2"}`
		claim   = `{"excl_vat":5,"incl_vat":6}`
		claim23 = `{"before_taxes":5,"taxes":[{"name":"VAT","amount":1}]}`
	)
	mixed := strings.NewReplacer(`"tariff_id":"T1"}]`, `"tariff_id":"T1"},`+second+`]`).Replace(cdr("a", "EXW", fee, claim))
	for _, c := range []struct {
		name   string
		tariff ocpi.Version
		body   string
		cdr    ocpi.Version
		record string
		want   string
	}{
		{"2.1.1 says nothing of tax, 2.2.1 asks for it", ocpi.V211, plain, ocpi.V221, cdr("a", "EXW", "", claim), "5.0000/ agrees"},
		{"2.2.1 without vat: none applies", ocpi.V221, noVAT, ocpi.V221, cdr("a", "EXW", "", `{"excl_vat":5,"incl_vat":5}`), "5.0000/5.0000 agrees"},
		{"2.2.1 without vat in 2.3.0: none applies", ocpi.V221, noVAT, ocpi.V230, cdr("a", "EXW", "", `{"before_taxes":5,"taxes":[]}`), "5.0000/5.0000 agrees"},
		{"2.2.1 in 2.3.0", ocpi.V221, tariff, ocpi.V230, cdr("a", "EXW", "", claim23), "5.0000/6.0000 agrees"},
		{"2.3.0 with tax in 2.2.1", ocpi.V230, gross, ocpi.V221, cdr("a", "EXW", "", `{"excl_vat":4,"incl_vat":5}`), "4.0000/5.0000 agrees"},
		{"2.1.1 beside one of 2.2.1 in the CDR", ocpi.V211, plain, ocpi.V221, mixed, "6.0000/ differs"},
		{"2.3.0 with tax beside one without", ocpi.V230, gross, ocpi.V221, mixed, "rejected mixed_taxes"},
	} {
		rec := records(c.record)[0]
		rec.Version = c.cdr
		var row pricing.Row
		pricing.NewPricer(pushed{version: c.tariff, body: c.body}, policies{}).Price(&rec, &row, pricing.AsOf{})
		if got := totals(&row.Outcome); got != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, got, row.Outcome.Detail, c.want)
		}
	}
}

// A result says where its tariff came from, and a reject for want of one does not.
func TestWhereTheTariffCameFrom(t *testing.T) {
	const total = `{"excl_vat":2.00,"incl_vat":2.40}`
	stored := pushed{billed{}, ocpi.V221, tariff}
	for _, tc := range []struct {
		name   string
		inputs pricing.Inputs
		body   string
		want   string
	}{
		{"carried", billed{}, cdr("a", "EXW", tariff, total), "cdr"},
		{"pushed before", stored, cdr("a", "EXW", "", total), "store"},
		{"found nowhere", billed{}, cdr("a", "EXW", "", total), ""},
		{"carried, and cannot be priced with", billed{}, cdr("a", "EXW", strings.Replace(tariff, "ENERGY", "WEATHER", 1), total), ""},
	} {
		rec := records(tc.body)[0]
		var row pricing.Row
		pricing.NewPricer(tc.inputs, policies{}).Price(&rec, &row, pricing.AsOf{})
		if o := &row.Outcome; o.TariffSource != tc.want || (o.TariffHash == "") != (tc.want == "") {
			t.Errorf("%s: %s from %q, hash %q; want from %q", tc.name, totals(o), o.TariffSource, o.TariffHash, tc.want)
		}
	}
}

// asked notes whose Tariff is asked for.
type asked struct {
	pushed
	debtor *ocpi.Party
}

func (a asked) Tariff(key ocpi.Key, debtor ocpi.Party, start ocpi.Time, below int64) (*reference.TariffVersion, bool) {
	*a.debtor = debtor
	return a.pushed.Tariff(key, debtor, start, below)
}

// What a CDR is priced with depends on who pays it.
func TestTheTariffIsTheDebtors(t *testing.T) {
	var debtor ocpi.Party
	p := pricing.NewPricer(asked{pushed{version: ocpi.V221, body: tariff}, &debtor}, policies{})
	rec := records(cdr("a", "EXW", "", `{"excl_vat":5,"incl_vat":6}`))[0]
	var row pricing.Row
	p.Price(&rec, &row, pricing.AsOf{})
	if debtor != ocpi.NewParty("NL", "EXW") || debtor != row.Debtor {
		t.Errorf("asked for the tariff of %s, want that of the debtor %s", debtor, row.Debtor)
	}
}
