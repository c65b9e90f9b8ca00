package pricing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	rules "github.com/roamclear/roamclear/pricing/tariff" // tariff is a text here
)

// cdr211 is a CDR as OCPI 2.1.1 has it, with a time zone of its own.
func cdr211(zone string) string {
	return `{"id":"x","start_date_time":"2019-01-05T10:00:00Z","stop_date_time":"2019-01-05T11:00:00Z","auth_id":"C","auth_method":"WHITELIST",
"location":{"id":"L1","type":"ON_STREET","address":"a","city":"c","postal_code":"p","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"time_zone":"` + zone + `",
"evses":[{"uid":"E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","voltage":230,"amperage":32,"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"},
"currency":"GBP","tariffs":[{"id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}],
"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}]}],
"total_cost":5,"total_energy":20,"total_time":1,"last_updated":"2019-01-05T11:05:00Z"}`
}

// billed knows who pays for every contract.
type billed struct{ inputs }

func (billed) Payer(string, ocpi.Time, int64) (ocpi.Party, bool) {
	return ocpi.Party{Country: "NL", ID: "EXW"}, true
}

// A batch's rows are stored together, so pricing one must not write into the
// strings of another: what was sent with escapes lives in the decoder's arena.
func TestRowsOfABatchShareNothing(t *testing.T) {
	escaped := func(id string) string {
		return strings.ReplaceAll(cdr("a", "EXW", tariff, `{"excl_vat":5}`), `"T1"`, `"`+id+`"`)
	}
	recs := records(escaped(`\u0041\u0041`), escaped(`\u0042\u0042`), cdr211(`Europe\/London`), cdr211(`America\/Denver`))
	recs[2].Version, recs[3].Version = ocpi.V211, ocpi.V211
	p := pricing.NewPricer(billed{}, policies{})
	rows := make([]pricing.Row, len(recs))
	for i := range recs {
		p.Price(&recs[i], &rows[i], pricing.AsOf{})
	}
	for i, want := range []string{"AA Europe/London", "BB Europe/London", "T1 Europe/London", "T1 America/Denver"} {
		o := &rows[i].Outcome
		if got := o.TariffIDs + " " + o.TimeZone; got != want || o.Status != pricing.Priced {
			t.Errorf("row %d was priced with %q (%s %s), want %q", i, got, o.Status, o.Detail, want)
		}
	}
}

// agreed notes whose profile is asked for.
type agreed struct {
	policies
	asked *[]string
}

func (a agreed) Profile(cpo, emsp ocpi.Party, booked ocpi.Time, below int64) string {
	*a.asked = append(*a.asked, fmt.Sprint(cpo, " ", emsp, " ", booked, " ", below))
	return "STEP_NONE"
}

// The profile is that of the two parties, for when the charge is booked and by the control
// records that its price rests on; one that is given goes before it.
func TestTheProfileIsThatOfThePairAndTheCharge(t *testing.T) {
	recs := records(cdr("a", "EXW", tariff, `{"excl_vat":5}`))
	var asked []string
	p := pricing.NewPricer(billed{}, agreed{asked: &asked})
	var row pricing.Row
	p.Price(&recs[0], &row, pricing.AsOf{Control: 7})
	if row.Outcome.Profile != "STEP_NONE" || len(asked) != 1 || asked[0] != "GB*DUN NL*EXW 2019-01-05T11:00:00Z 7" {
		t.Errorf("priced by %q, asked %q", row.Outcome.Profile, asked)
	}
	p.PriceWith(&recs[0], &row, pricing.AsOf{Control: 7}, "STEP_PER_DIM", nil)
	if row.Outcome.Profile != "STEP_PER_DIM" || len(asked) != 1 {
		t.Errorf("priced by %q, asked %q", row.Outcome.Profile, asked)
	}
}

// Whether a price is explained is decided inside the call that computes it, so
// that no explanation can be of another row; asking costs no allocation.
func TestExplainedOnRequest(t *testing.T) {
	recs := records(cdr("a", "EXW", tariff, `{"excl_vat":5}`), cdr("b", "EXW", tariff, `{"excl_vat":6}`), cdr("c", "XXX", tariff, `{"excl_vat":6}`))
	p := pricing.NewPricer(billed{}, policies{})
	var row pricing.Row
	var seen []string
	differs := func(r *pricing.Row) bool {
		seen = append(seen, r.ID)
		return r.Outcome.Claim == rules.ClaimDiffers
	}
	for i, want := range []struct{ explained, cause bool }{{false, false}, {true, true}, {false, false}} {
		p.PriceWith(&recs[i], &row, pricing.AsOf{}, "", differs)
		if o := &row.Outcome; (o.Explanation != nil) != want.explained || (o.Cause != "") != want.cause {
			t.Errorf("row %d (%s, claim %s): explanation %s, cause %q", i, o.Status, o.Claim, o.Explanation, o.Cause)
		}
	}
	if got := strings.Join(seen, ""); got != "ab" {
		t.Errorf("asked about %q, want the priced ones, ab", got)
	}
	asked := 0
	bare := testing.AllocsPerRun(50, func() { p.PriceWith(&recs[0], &row, pricing.AsOf{}, "", nil) })
	with := testing.AllocsPerRun(50, func() {
		p.PriceWith(&recs[0], &row, pricing.AsOf{}, "", func(r *pricing.Row) bool { asked += len(r.ID); return false })
	})
	if with != bare {
		t.Errorf("%v allocations where an explanation is asked about, %v without", with, bare)
	}
}

// contracts knows who pays for contracts whose ids say so.
type contracts struct{ inputs }

func (contracts) Payer(contractID string, _ ocpi.Time, _ int64) (ocpi.Party, bool) {
	return ocpi.Issuers{ocpi.NewParty("DE", "8AC"): ocpi.NewParty("DE", "EMP")}.Of(contractID)
}

// The debtor of a CDR is its token's party, else whose contract it is; a reject says how
// it was found, since a provider id need not be a party id.
func TestDebtorOfAContract(t *testing.T) {
	p := pricing.NewPricer(contracts{}, policies{})
	for _, c := range []struct{ contract, debtor, detail string }{
		{"NL-EXW-C00000001", "NL*EXW", ""},
		{"de8acc12e46l89", "DE*EMP", ""},
		{"NL-XXX-C00000001", "NL*XXX", "no eMSP NL*XXX is registered here: add the partner, and the CDR is priced by itself; its contract id names it, and the setting roaming.issuers may name another party"},
		{"C1", "*", "the CDR does not say whose token was used, its contract id does not either, and no Token with it is known"},
	} {
		recs := records(strings.ReplaceAll(cdr211("Europe/London"), `"auth_id":"C"`, `"auth_id":"`+c.contract+`"`))
		recs[0].Version = ocpi.V211
		var row pricing.Row
		p.Price(&recs[0], &row, pricing.AsOf{})
		if row.Debtor.String() != c.debtor || row.Outcome.Detail != c.detail {
			t.Errorf("%s: %s pays, %q; want %s, %q", c.contract, row.Debtor, row.Outcome.Detail, c.debtor, c.detail)
		}
	}
	var row pricing.Row
	recs := records(strings.ReplaceAll(cdr("a", "EXW", tariff, `{"excl_vat":5}`), `"contract_id":"`, `"contract_id":"NL-XXX-C00000001`))
	if p.Price(&recs[0], &row, pricing.AsOf{}); row.Debtor.String() != "NL*EXW" {
		t.Errorf("the token's party is NL*EXW, %s pays", row.Debtor)
	}
}
