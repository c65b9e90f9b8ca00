package clickhouse

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// january is what Dundee sends: two partners, two months, one credit with its
// replacement, a reject, a claim that differs, two tax rates, a repeat and a
// conflict, and amounts without VAT.
const january = `
	GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00   priced   10.00/12.00     VAT:20=2.00
	GB*DUN NL*EXW c2 2019-01-20 GBP 5.00/6.00     rejected unknown_tariff  -
	GB*DUN NL*EXW c3 2019-01-31 GBP 7.50/9.00     priced   7.00/8.40       VAT:20=1.40
	GB*DUN NL*EXW k1 2019-01-31 GBP -7.50/-9.00   credit   c3              -
	GB*DUN NL*EXW c4 2019-01-31 GBP 7.00/8.40     priced   7.00/8.40       VAT:20=1.40
	GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00   priced   10.00/12.00     VAT:20=2.00
	GB*DUN NL*EXW c2 2019-01-20 GBP 500.00/600.00 priced   500.00/600.00   VAT:20=100.00  #dearer
	GB*DUN DE*TNM d1 2019-01-02 GBP 3.00/3.60     priced   3.00/3.60       VAT:20=0.30,VAT:20=0.20,VAT:5=0.10,Levy:-=0.01
	GB*DUN DE*TNM d2 2019-01-03 GBP 4.00/-        priced   4.00/-          -
	GB*DUN DE*TNM d3 2019-01-03 GBP 0.01/0.01     priced   0.0000/0.0000   VAT:0=0.00
	GB*DUN NL*EXW f1 2019-02-01 GBP 1.00/1.20     priced   1.00/1.20       VAT:20=0.20
	GB*DUN NL*EXW e1 2019-01-09 EUR 2.00/-        rejected no_zone         -
`

const januarySettled = `2019-01 GB*DUN DE*TNM GBP: 3 CDRs, 0 credits
  claimed  7.01/- (1 missing)
  credits  0/0
  net      7.01/- (1 missing)
  computed 7/- (1 missing)
  unpriced 0/0 in 0 CDRs; 1 claims differ
  tax      Levy no rate: 0.01
  tax      VAT 0%: 0
  tax      VAT 5%: 0.1
  tax      VAT 20%: 0.5
2019-01 GB*DUN NL*EXW EUR: 1 CDRs, 0 credits
  claimed  2/- (1 missing)
  credits  0/0
  net      2/- (1 missing)
  computed 0/0
  unpriced 2/- (1 missing) in 1 CDRs; 0 claims differ
2019-01 GB*DUN NL*EXW GBP: 4 CDRs, 1 credits
  claimed  29.5/35.4
  credits  -7.5/-9
  net      22/26.4
  computed 24/28.8
  unpriced 5/6 in 1 CDRs; 1 claims differ
  tax      VAT 20%: 4.8
`

const februarySettled = `2019-02 GB*DUN NL*EXW GBP: 1 CDRs, 0 credits
  claimed  1/1.2
  credits  0/0
  net      1/1.2
  computed 1/1.2
  unpriced 0/0 in 0 CDRs; 0 claims differ
  tax      VAT 20%: 0.2
`

func month(y int, m time.Month) ocpi.Month { return ocpi.MonthOf(y, m) }

func TestSettlement(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, january))
	exw, tnm := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "TNM")
	jan, feb := month(2019, time.January), month(2019, time.February)
	for name, tc := range map[string]struct {
		q    settlement.SettlementQuery
		want string
	}{
		"everything":         {settlement.SettlementQuery{}, januarySettled + februarySettled},
		"months inclusive":   {settlement.SettlementQuery{From: jan, To: feb}, januarySettled + februarySettled},
		"one month":          {settlement.SettlementQuery{From: jan, To: jan}, januarySettled},
		"next month":         {settlement.SettlementQuery{From: feb, To: feb}, februarySettled},
		"a month without":    {settlement.SettlementQuery{From: month(2019, time.March)}, ""},
		"party as CPO":       {settlement.SettlementQuery{Party: ocpi.NewParty("GB", "DUN"), To: jan}, januarySettled},
		"party as eMSP":      {settlement.SettlementQuery{Party: exw, From: feb}, februarySettled},
		"eMSP and currency":  {settlement.SettlementQuery{EMSP: tnm, Currency: "EUR"}, ""},
		"CPO that is no CPO": {settlement.SettlementQuery{CPO: exw}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, settle(t, s, tc.q)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	months, err := s.Months(t.Context(), tnm)
	if err != nil || !slices.Equal(months, []ocpi.Month{jan}) {
		t.Errorf("months %v, %v", months, err)
	}
}

// k1 credits c3 in full: its claim and its price no longer stand against each
// other, and its tax is not computed tax. A credit of a part changes nothing.
func TestSettlementLeavesOutWhatIsCredited(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, january), batchOf(t, 1, 0, `
		GB*DUN NL*EXW k2 2019-02-28 GBP -1.00/-1.20 credit c1 -
		GB*DUN NL*EXW k3 2019-02-28 GBP -5.00/-6.00 credit c2 -`))
	q := settlement.SettlementQuery{To: month(2019, time.January), Currency: "GBP", EMSP: ocpi.NewParty("NL", "EXW")}
	relate(t, relater(s))
	const want = `2019-01 GB*DUN NL*EXW GBP: 4 CDRs, 1 credits
  claimed  29.5/35.4
  credits  -7.5/-9
  net      22/26.4
  computed 17/20.4
  unpriced 5/6 in 1 CDRs; 0 claims differ
  credited 7.5/9 in 1 CDRs; difference 0/0
  tax      VAT 20%: 3.4
`
	if diff := cmp.Diff(want, settle(t, s, q)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for credited, want := range map[bool]string{true: "C2 C3", false: "C1 K1 C4"} {
		page, err := s.CDRs(t.Context(), settlement.CDRQuery{To: q.To, Currency: q.Currency, EMSP: q.EMSP, Credited: &credited})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for i := range page.CDRs {
			ids = append(ids, page.CDRs[i].Key.ID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("credited %t: %s, want %s", credited, got, want)
		}
	}
}

// Whatever the batches were cut into, however often and in whatever order they
// were written: the figures are the same, and so is the winner of each CDR.
func TestReplayChangesNothing(t *testing.T) {
	s := newStore(t)
	whole := batchOf(t, 0, 0, january)
	for _, n := range []int{12, 5, 1, 7} {
		parts := cut(whole, n)
		slices.Reverse(parts)
		write(t, s, parts...)
		write(t, s, parts[0])
		if diff := cmp.Diff(januarySettled+februarySettled, settle(t, s, settlement.SettlementQuery{})); diff != "" {
			t.Fatalf("cut into %d, -want +got:\n%s", n, diff)
		}
	}
	if n := count(t, s, "SELECT count() FROM records FINAL"); n != 12 {
		t.Errorf("%d records, want 12", n)
	}
	if n := count(t, s, "SELECT count() FROM duplicates FINAL"); n != 4 {
		t.Errorf("%d copies of CDRs that came more than once, want 4", n)
	}
	next, err := s.Checkpoint(t.Context(), whole.Partition)
	if err != nil || next != 12 {
		t.Errorf("checkpoint %d, %v; want 12", next, err)
	}
	if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE results FINAL"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(januarySettled+februarySettled, settle(t, s, settlement.SettlementQuery{})); diff != "" {
		t.Errorf("merged, -want +got:\n%s", diff)
	}
}

// A replay prices by what is known by then. What stands was priced by what was
// known before, may have been reported, and stays, with its debtor; what a crash
// left without a result gets one.
func TestAReplayLeavesTheResultsThatStand(t *testing.T) {
	s := newStore(t)
	before := batchOf(t, 0, 0, `
		GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 priced   10.00/12.00    VAT:20=2.00
		GB*DUN NL*EXW c2 2019-01-20 GBP 5.00/6.00   rejected unknown_tariff -`)
	after := batchOf(t, 0, 0, `
		GB*DUN DE*TNM c1 2019-01-15 GBP 10.00/12.00 priced   11.00/13.20    VAT:20=2.20
		GB*DUN NL*EXW c2 2019-01-20 GBP 5.00/6.00   priced   5.00/6.00      VAT:20=1.00
		GB*DUN NL*EXW c3 2019-01-31 GBP 7.00/8.40   priced   7.00/8.40      VAT:20=1.40`)
	write(t, s, before)
	want := settle(t, s, settlement.SettlementQuery{})
	first := *after
	first.Rows, first.Next, first.Again = first.Rows[:2], 2, true
	write(t, s, &first)
	if diff := cmp.Diff(want, settle(t, s, settlement.SettlementQuery{})); diff != "" {
		t.Errorf("replayed, -before +after:\n%s", diff)
	}
	if n := count(t, s, "SELECT count() FROM cdrs FINAL WHERE emsp_party != 'EXW'"); n != 0 {
		t.Error("the CDR names another debtor than its result")
	}
	if next, err := s.Priced(t.Context(), after.Partition); next != 2 || err != nil {
		t.Errorf("priced up to %d, %v; want 2", next, err)
	}
	after.Again = true
	write(t, s, after)
	if n := count(t, s, "SELECT count() FROM results FINAL WHERE id = 'C3' AND computed_excl = 7"); n != 1 {
		t.Error("the CDR without a result has none after the replay")
	}
}

func TestSettlementAtOnePosition(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, january), batchOf(t, 3, 100, `
		FR*BEL FR*IZI p1 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 VAT:20=0.40
		FR*BEL FR*IZI p2 2019-01-09 EUR 3.00/3.60 priced 3.00/3.60 VAT:20=0.60`))
	at := func(next map[ingest.Partition]int64) string {
		rows, err := s.SettlementAt(t.Context(), settlement.SettlementQuery{To: month(2019, time.January)}, next, nil)
		if err != nil {
			t.Fatal(err)
		}
		return rowsText(rows)
	}
	paris := `2019-01 FR*BEL FR*IZI EUR: 1 CDRs, 0 credits
  claimed  2/2.4
  credits  0/0
  net      2/2.4
  computed 2/2.4
  unpriced 0/0 in 0 CDRs; 0 claims differ
  tax      VAT 20%: 0.4
`
	if diff := cmp.Diff(paris+januarySettled, at(map[ingest.Partition]int64{cdrsOf(0): 12, cdrsOf(3): 101})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := at(map[ingest.Partition]int64{cdrsOf(0): 0, cdrsOf(3): 100}) + at(nil); got != "" {
		t.Errorf("before the first record: %s", got)
	}
}

func TestRepricing(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 2, 7, `
		GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 rejected unknown_tariff -
		GB*DUN NL*EXW c2 2019-01-15 GBP 20.00/24.00 rejected no_zone -
		GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 rejected unknown_tariff -`)
	write(t, s, b)
	rejects, next, err := s.Rejects(t.Context(), cdrsOf(2), nil, "", 10)
	if err != nil || next != "" || len(rejects) != 2 {
		t.Fatalf("rejects %v, next %q, %v", rejects, next, err)
	}
	if diff := cmp.Diff(b.Rows[0].Record, rejects[0].Record); diff != "" {
		t.Errorf("record of a reject, -want +got:\n%s", diff)
	}
	rejects, _, err = s.Rejects(t.Context(), cdrsOf(2), []string{"no_zone", "other"}, "", 10)
	if err != nil || len(rejects) != 1 || rejects[0].Outcome.Reason != "no_zone" {
		t.Fatalf("rejects for one reason: %v, %v", rejects, err)
	}

	outcome := func(step, want string) {
		t.Helper()
		d, err := s.CDR(t.Context(), b.Rows[0].Record.Key)
		if err != nil {
			t.Fatal(err)
		}
		got := d.Status.String() + " " + d.Reason
		if d.ComputedExcl != nil {
			got += d.ComputedExcl.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", step, got, want)
		}
	}
	price := func(offset int, excl string, generation uint16) {
		t.Helper()
		row := b.Rows[offset]
		row.Generation = generation
		row.Outcome = pricing.Outcome{Status: pricing.Priced, Computed: tariff.Money{Excl: ocpi.MustNumber(excl)}}
		if excl == "0" {
			row.Outcome = pricing.Outcome{Status: pricing.Rejected, Reason: "gone"}
		}
		if err := s.WriteResults(t.Context(), cdrsOf(2), []pricing.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	outcome("first", "rejected unknown_tariff")
	price(0, "11", 0)
	outcome("priced wins over rejected", "priced 11")
	write(t, s, b)
	outcome("a replay of the reject changes nothing", "priced 11")
	price(2, "99", 5)
	outcome("another copy never counts", "priced 11")
	price(0, "12", 1)
	outcome("a later re-pricing wins", "priced 12")
	price(0, "11", 0)
	outcome("an earlier one written late does not", "priced 12")
	price(0, "0", 2)
	outcome("a later re-pricing wins even with a reject", "rejected gone")
}
