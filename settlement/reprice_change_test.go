package settlement

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// result reads a result from members such as "priced 7.00/8.40 profile=STEP_LAST
// tariff=aa zone=Europe/London db=2026a engine=1 emsp=NL*EXW claim=1 energy=5 tax=1.40".
func result(t *testing.T, text string) pricing.Row {
	t.Helper()
	var r pricing.Row
	o := &r.Outcome
	o.Profile, o.TariffHash, o.TimeZone, o.ZoneDB, o.EngineVersion = "STEP_LAST", "aa", "Europe/London", "2026a", "1"
	r.Debtor = ocpi.Party{Country: "NL", ID: "EXW"}
	for i, f := range strings.Fields(text) {
		name, value, _ := strings.Cut(f, "=")
		switch {
		case i == 0 && f == "priced":
			o.Status = pricing.Priced
		case i == 0 && f == "rejected":
			o.Status, o.Profile, o.TariffHash, o.TimeZone = pricing.Rejected, "", "", ""
		case i == 0 && f == "credit":
			o.Status = pricing.Credited
		case i == 1 && o.Status == pricing.Priced:
			excl, incl, _ := strings.Cut(f, "/")
			o.Computed.Excl = ocpi.MustNumber(excl)
			if incl != "" {
				o.Computed.Incl = ocpi.MustNumber(incl)
			}
		case i == 1:
			o.Reason = f
		case name == "profile":
			o.Profile = value
		case name == "tariff":
			o.TariffHash = value
		case name == "zone":
			o.TimeZone = value
		case name == "db":
			o.ZoneDB = value
		case name == "engine":
			o.EngineVersion = value
		case name == "emsp":
			r.Debtor, _ = ocpi.ParseParty(value)
		case name == "claim":
			o.Claim = tariff.ClaimDiffers
		case name == "energy":
			o.Energy.Excl = ocpi.MustNumber(value)
		case name == "tax":
			o.Taxes = []tariff.Tax{{Name: "VAT", Percentage: ocpi.MustNumber("20"), Amount: ocpi.MustNumber(value)}}
		default:
			t.Fatalf("member %q", f)
		}
	}
	return r
}

func TestChangesAndTheirCauses(t *testing.T) {
	for _, c := range []struct{ name, old, fresh, want string }{
		{"nothing", "priced 7.00/8.40", "priced 7/8.4", ""},
		{"only what it was computed from", "priced 7/8.4", "priced 7/8.4 profile=X tariff=bb engine=2 zone=UTC", ""},
		{"still rejected", "rejected unknown_tariff", "rejected unknown_tariff engine=2", ""},
		{"still a credit", "credit -", "credit -", ""},
		{"profile", "priced 7.00/8.40", "priced 6.8333/8.20 profile=STEP_NONE", "amount profile"},
		{"engine", "priced 7/8.4", "priced 6/7.2 engine=2", "amount engine"},
		{"tariff version", "priced 7/8.4", "priced 6/7.2 tariff=bb", "amount tariff"},
		{"time zone", "priced 7/8.4", "priced 6/7.2 zone=Europe/Lisbon", "amount time_zone"},
		{"a time zone at last", "priced 7/8.4 zone=", "priced 6/7.2", "amount time_zone"},
		{"time-zone database", "priced 7/8.4", "priced 6/7.2 db=2026b", "amount zone_db"},
		{"a database that was not asked", "priced 7/8.4 zone=", "priced 6/7.2 zone= db=2026b", "amount rule"},
		{"nothing recorded", "priced 7/8.4", "priced 6/7.2", "amount rule"},
		{"several", "priced 7/8.4", "priced 6/7.2 profile=X tariff=bb engine=2", "amount profile+tariff+engine"},
		{"tax alone", "priced 7/8.4", "priced 7/8.5", "amount rule"},
		{"tax known at last", "priced 7/", "priced 7/8.4 tariff=bb", "amount tariff"},
		{"the tariff came", "rejected unknown_tariff", "priced 7/8.4", "now_priced tariff"},
		{"the zone came", "rejected no_time_zone tariff=aa profile=STEP_LAST", "priced 7/8.4", "now_priced time_zone"},
		{"the partner came", "rejected debtor_unknown emsp=", "priced 7/8.4", "now_priced partner"},
		{"the partner of a credit came", "rejected debtor_unknown", "credit -", "now_credit partner"},
		{"a newer engine can", "rejected unpriceable_tariff", "priced 7/8.4 engine=2", "now_priced engine"},
		{"the engine can", "rejected internal_error", "priced 7/8.4", "now_priced rule"},
		{"the tariff went", "priced 7/8.4", "rejected unknown_tariff", "now_rejected tariff"},
		{"the partner went", "priced 7/8.4", "rejected debtor_unknown", "now_rejected partner"},
		{"another engine cannot", "priced 7/8.4", "rejected end_before_start engine=2", "now_rejected engine"},
		{"another reason", "rejected debtor_unknown", "rejected unknown_tariff", "reason partner+tariff"},
		{"another debtor", "priced 7/8.4", "priced 7/8.4 emsp=DE*TNM", "debtor partner"},
		{"another verdict", "priced 7/8.4", "priced 7/8.4 claim=differs profile=X", "details profile"},
		{"another sub-total", "priced 7/8.4 energy=5", "priced 7/8.4 energy=4 tariff=bb", "details tariff"},
		{"a sub-total gone", "priced 7/8.4 energy=0", "priced 7/8.4", "details rule"},
		{"another tax rate", "priced 7/8.4 tax=1.4", "priced 7/8.4 tariff=bb", "details tariff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, fresh := StoredResult{Row: result(t, c.old)}, result(t, c.fresh)
			got := ""
			if change, ok := compare(&old, &fresh); ok {
				got = string(change.Kind) + " " + change.Causes
			}
			if got != c.want {
				t.Errorf("%s -> %s is %q, want %q", c.old, c.fresh, got, c.want)
			}
		})
	}
}

// The report adds up: what the accounts move by is what the currency moves by,
// whoever owes a CDR before and after.
func TestRepriceReportAddsUp(t *testing.T) {
	r := newRepriceReport(&Repricing{})
	for i, c := range []struct{ old, fresh string }{
		{"priced 7/8.4", "priced 6/7.2 profile=X"},
		{"rejected debtor_unknown emsp=", "priced 5/6"},
		{"priced 3/3.6", "priced 3/3.6 emsp=DE*TNM"},
		{"priced 9/10.8", "rejected unknown_tariff"},
		{"priced 2/", "priced 2.5/3 tariff=bb"},
		{"priced 1/1.2", "priced 1.1/1.32 profile=X"},
		{"priced 1/1.2", "priced 1.2/1.44 profile=X"},
		{"priced 1/1.2", "priced 1.3/1.56 profile=X"},
	} {
		old, fresh := StoredResult{Row: result(t, c.old)}, result(t, c.fresh)
		old.Creditor, old.Currency, old.Month = ocpi.Party{Country: "GB", ID: "DUN"}, "GBP", ocpi.MonthOf(2019, 1)
		old.Record.Key = ocpi.Key{Party: old.Creditor, ID: string(rune('A' + i))}
		change, ok := compare(&old, &fresh)
		if !ok {
			t.Fatalf("%s -> %s is no change", c.old, c.fresh)
		}
		if err := r.add(&change); err != nil {
			t.Fatal(err)
		}
	}
	r.finish()
	if len(r.Currencies) != 1 || r.Changed != 8 {
		t.Fatalf("%d changes in %d currencies", r.Changed, len(r.Currencies))
	}
	whole := r.Currencies[0].Delta()
	if whole.Excl.String() != "-3.9" || whole.Incl() != nil || whole.MissingIncl != 1 {
		t.Errorf("moves by %s, %s incl. VAT (%d missing), want -3.9 and unknown (1)", whole.Excl, text(whole.Incl()), whole.MissingIncl)
	}
	var accounts, causes Shift
	for i := range r.Accounts {
		accounts.New = accounts.New.Add(r.Accounts[i].Delta())
	}
	for i := range r.Causes {
		causes.New = causes.New.Add(r.Causes[i].Delta())
		causes.Changes += r.Causes[i].Changes
	}
	if !accounts.New.Excl.Equal(whole.Excl) || !causes.New.Equal(whole) || causes.Changes != 8 {
		t.Errorf("accounts move by %s, causes by %s (%d changes), the currency by %s (8)", accounts.New.Excl, causes.New.Excl, causes.Changes, whole.Excl)
	}
	if len(r.Accounts) != 3 { // unknown debtor, DE*TNM, NL*EXW
		t.Errorf("%d accounts, want 3", len(r.Accounts))
	}
	var ids []string
	for i := range r.Largest {
		ids = append(ids, r.Largest[i].Key.ID)
	}
	if got := strings.Join(ids, ""); got != "DBAEH" {
		t.Errorf("largest changes %s, want DBAEH", got)
	}
}
