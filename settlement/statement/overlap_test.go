package statement_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
	"pgregory.net/rapid"
)

// overlapping are the CDRs of drafts of a house that are told to overlap others: "C1 with C2".
func overlapping(t *testing.T, list []settlement.BookedCDR, decided map[string]clearing.Act, period ocpi.Month) (told []string) {
	t.Helper()
	h := house(list...)
	for id, act := range decided {
		h.Decide(ocpi.NewKey("NL", "TNM", id), &clearing.Decision{Act: act})
	}
	return toldToOverlap(t, h, h.Books, period)
}

// toldToOverlap are those of a house's drafts, drawn from some books.
func toldToOverlap(t *testing.T, h *statementtest.House, books statement.Books, period ocpi.Month) (told []string) {
	t.Helper()
	d := statement.Drawer{Books: books, Agreed: h.Agreed(h.Next)}
	err := d.Draw(t.Context(), statement.Query{Period: period, Below: h.Ends(), Debtless: true}, func(d *statement.Draft) error {
		for i := range d.Settled {
			for _, g := range d.Settled[i].Grounds {
				if g.Code == string(settlement.ConnectorOverlap) {
					told = append(told, d.Settled[i].Key.ID+" with "+strings.TrimPrefix(g.Measured, "NL*TNM*"))
				}
			}
		}
		return d.Err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	return told
}

// Two charges were at one connector at once, whoever pays them: both are told so.
func TestTwoAtOneConnector(t *testing.T) {
	cdr := func(id, connector, begins, ends string, more ...string) settlement.BookedCDR {
		return booked(append([]string{"cdr", id, "connector", connector, "ends", "2019-" + ends + ":00Z", "begins", "2019-" + begins + ":00Z", "claims", "7"}, more...)...)
	}
	first := cdr("C1", "5", "06-05T09:00", "06-05T11:00")
	for _, c := range []struct {
		what    string
		cdrs    []settlement.BookedCDR
		decided map[string]clearing.Act
		want    string
	}{
		{"one after the other", []settlement.BookedCDR{cdr("C2", "5", "06-05T11:00", "06-05T12:00")}, nil, ""},
		{"an hour of both", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00")}, nil, "C1 with C2, C2 with C1"},
		{"at another connector", []settlement.BookedCDR{cdr("C2", "6", "06-05T10:00", "06-05T12:00")}, nil, ""},
		{"another eMSP pays", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00", "emsp", "AT*EMP")}, nil, "C1 with C2, C2 with C1"},
		{"in another currency", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00", "currency", "SEK")}, nil, "C1 with C2, C2 with C1"},
		{"nobody is known to pay", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00", "emsp", "")}, nil, "C1 with C2, C2 with C1"},
		{"the other comes to a later period", []settlement.BookedCDR{cdr("C3", "6", "06-29T09:00", "06-29T11:00"), cdr("C2", "6", "06-29T10:00", "07-01T12:00")}, nil, "C2 with C3, C3 with C2"},
		{"the other was before settlement began", []settlement.BookedCDR{cdr("C0", "6", "05-31T22:00", "05-31T23:59"), cdr("C2", "6", "05-31T23:00", "06-01T00:30")}, nil, "C2 with C0"},
		{"it lasted for a week", []settlement.BookedCDR{cdr("C2", "5", "05-30T12:00", "06-06T12:00")}, nil, "C1 with C2, C2 with C1"},
		{"it is said to have lasted longer", []settlement.BookedCDR{cdr("C2", "5", "05-30T12:00", "06-06T12:01")}, nil, ""},
		{"a minute of both", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:59", "06-05T12:00")}, nil, ""},
		{"a credit takes one back", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00"), cdr("K2", "5", "06-05T10:00", "06-05T12:00", "claims", "-7", "credits", "C2")}, nil, ""},
		{"a credit takes one back that another eMSP pays", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00", "emsp", "AT*EMP"), cdr("K2", "5", "06-05T10:00", "06-05T12:00", "emsp", "AT*EMP", "claims", "-7", "credits", "C2")}, nil, ""},
		{"a credit takes a part of it back", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00"), cdr("K2", "5", "06-05T10:00", "06-05T12:00", "claims", "-6.99", "credits", "C2")}, nil, "C1 with C2, C2 with C1"},
		{"a credit of another eMSP takes nothing back", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00"), cdr("K2", "5", "06-05T10:00", "06-05T12:00", "emsp", "AT*EMP", "claims", "-7", "credits", "C2")}, nil, "C1 with C2, C2 with C1"},
		{"a person rejected one", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00", "emsp", "AT*EMP")}, map[string]clearing.Act{"C2": clearing.RejectIt}, ""},
		{"a person rejected the credit", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00"), cdr("K2", "5", "06-05T10:00", "06-05T12:00", "claims", "-7", "credits", "C2")}, map[string]clearing.Act{"K2": clearing.RejectIt}, "C1 with C2, C2 with C1"},
		{"a person accepted one", []settlement.BookedCDR{cdr("C2", "5", "06-05T10:00", "06-05T12:00")}, map[string]clearing.Act{"C2": clearing.Accept}, "C1 with C2, C2 with C1"},
	} {
		told := strings.Join(overlapping(t, append([]settlement.BookedCDR{first}, c.cdrs...), c.decided, 201906), ", ")
		if told != c.want {
			t.Errorf("%s: %s, want %s", c.what, told, c.want)
		}
	}
}

// asking are books that note how they were asked for charges at connectors.
type asking struct {
	statement.Books
	asked []string
}

func (b *asking) ConnectorCharges(ctx context.Context, q statement.ConnectorQuery, below settlement.Ends, fn func(*settlement.ConnectorCharge) error) error {
	at := "all connectors"
	if q.Connectors != nil {
		at = fmt.Sprintf("%d connectors", len(q.Connectors))
	}
	b.asked = append(b.asked, fmt.Sprintf("%s %d", at, len(q.Within)))
	return b.Books.ConnectorCharges(ctx, q, below, fn)
}

// Who else was at a connector is told the same however it is asked for: of the groups that come
// last at their connectors, of those before them at all connectors and each month once, and where
// too many charges overlap to be held at theirs again. Of one connector after the other it is
// looked up which charges stand.
func TestConnectorsOfManyPairs(t *testing.T) {
	var list []settlement.BookedCDR
	var want []string
	for i := range 3000 {
		month := 7 - i/2%2
		c := booked("cdr", fmt.Sprintf("C%04d", i), "connector", fmt.Sprint(1+i/2), "ends", fmt.Sprintf("2019-%02d-%02dT11:00:00Z", month, 1+i/2%28), "claims", "7", "emsp", fmt.Sprintf("DE*%03d", i%1000))
		list = append(list, c)
		want = append(want, fmt.Sprintf("C%04d with C%04d", i, i^1))
	}
	for _, c := range []struct {
		what                     string
		waiting, atOnce, overlap int
		want                     []string
	}{
		{"all wait together", 50_000, 20_000, 200_000, []string{"1500 connectors 1"}},
		{"some at a time", 2_000, 20_000, 200_000, []string{"all connectors 1"}},
		{"stands is looked up in parts", 2_000, 7, 200_000, []string{"all connectors 1"}},
		{"too many overlap", 2_000, 20_000, 2_999, []string{"all connectors 1", "1002 connectors 1", "501 connectors 1"}},
		{"too many, in parts", 2_000, 7, 10, []string{"all connectors 1", "1002 connectors 1", "501 connectors 1"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			statement.SetBounds(t, c.waiting, c.atOnce, c.overlap)
			h := house(list...)
			books := &asking{Books: h.Books}
			if diff := gocmp.Diff(want, toldToOverlap(t, h, books, 201907)); diff != "" {
				t.Error(diff)
			}
			if diff := gocmp.Diff(c.want, books.asked); diff != "" {
				t.Errorf("asked for charges at connectors:\n%s", diff)
			}
		})
	}
}

// Of a connector at which there cannot be so many, some charges are not looked at, and those that
// are told say so.
func TestACrowdAtOneConnector(t *testing.T) {
	var list []settlement.BookedCDR
	for i := range 5_010 {
		list = append(list, booked("cdr", fmt.Sprintf("C%04d", i), "connector", "5", "ends", "2019-06-05T11:00:00Z", "claims", "7"))
	}
	list = append(list, booked("cdr", "D1", "connector", "6", "ends", "2019-06-05T11:00:00Z", "claims", "7"), booked("cdr", "D2", "connector", "6", "ends", "2019-06-05T11:00:00Z", "claims", "7"))
	told := overlapping(t, list, nil, 201906)
	if n := len(told); n != 5_002 || told[0] != "C0000 with C0001 (there are so many that some were not looked at)" || told[n-1] != "D2 with D1" {
		t.Errorf("%d are told, the first one: %s, the last one: %s", n, told[0], told[n-1])
	}
}

// overlaps holds what drafts tell of connectors against each CDR held against each other one.
func (w *world) overlaps(t *rapid.T) {
	h := w.ours
	rejected := map[ocpi.Key]bool{}
	for _, d := range h.Books.Decisions {
		rejected[d.Key] = d.Decision != nil && d.Decision.Act == clearing.RejectIt
	}
	stands := func(c *settlement.BookedCDR) bool {
		if c.Credit || rejected[c.Key] || c.Measures.ConnectorHash == 0 || c.Start >= c.End || c.End-c.Start > 7*24*3600e9 {
			return false
		}
		taken, any := dec("0"), false
		for i := range h.Books.CDRs {
			if k := &h.Books.CDRs[i]; k.Credit && k.Original() == c.Key && k.EMSP == c.EMSP && k.Currency == c.Currency && !rejected[k.Key] {
				taken, any = taken.Add(k.Claimed.Excl.Decimal().Abs()), true
			}
		}
		return !any || taken.LessThan(c.Claimed.Excl.Decimal().Abs())
	}
	want := map[string]bool{}
	for i := range h.Books.CDRs {
		for j := range h.Books.CDRs {
			a, b := &h.Books.CDRs[i], &h.Books.CDRs[j]
			if i != j && a.Key.Party == b.Key.Party && a.Measures.ConnectorHash == b.Measures.ConnectorHash && min(a.End, b.End)-max(a.Start, b.Start) > 60e9 && stands(a) && stands(b) {
				want[a.Key.ID] = true
			}
		}
	}
	for name, d := range drawn(t, h, true, statement.Query{Period: 203001}) {
		for i := range d.Settled {
			s := &d.Settled[i]
			told := slices.ContainsFunc(s.Grounds, func(g clearing.Ground) bool { return g.Code == string(settlement.ConnectorOverlap) })
			if told != (want[s.Key.ID] && !s.Elsewhere && !s.Before && s.Issued == nil) {
				t.Fatalf("%s: %s is told to overlap another charge: %t", name, s.Key, told)
			}
		}
	}
}

// toldOf is what the drafts of June say of CDRs.
func toldOf(t *testing.T, list ...settlement.BookedCDR) (told []string) {
	t.Helper()
	h := house(list...)
	d := statement.Drawer{Books: h.Books, Agreed: h.Agreed(h.Next)}
	err := d.Draw(t.Context(), statement.Query{Period: 201906, Below: h.Ends()}, func(d *statement.Draft) error {
		for i := range d.Settled {
			for _, g := range d.Settled[i].Grounds {
				told = append(told, g.Code+": "+g.Sentence())
			}
		}
		return d.Err
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// Power above what the connector could give, and energy above what it gives in the time; where
// that is not known, nothing is found.
func TestMoreThanTheConnectorCanGive(t *testing.T) {
	for _, c := range []struct {
		what           string
		connector      string // kW
		peak, kwh, sec string
		want           []string
	}{
		{"as much as it can", "22", "22", "44", "7200", nil},
		{"rounded up a little", "22", "24.2", "52.8", "7200", nil},
		{"more power", "22", "24.201", "44", "7200", []string{"peak_power: Its power of 24.201 kW is above 24.2 kW, what its connector can give."}},
		{"more energy", "22", "22", "52.801", "7200", []string{"energy_above_power: Its energy of 52.801 kWh is above 120 % of 22 kW × 2 h, what its connector can give in that time."}},
		{"the connector is not known", "", "350", "500", "7200", nil},
		{"the CDR tells of no power", "22", "", "44", "7200", nil},
	} {
		cdr := booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7")
		if c.peak != "" {
			cdr.Measures.PeakPower = ocpi.MustNumber(c.peak)
		}
		if c.connector != "" {
			cdr.ConnectorPower = ocpi.MustNumber(c.connector)
		}
		cdr.EnergyKWh, cdr.Measures.Duration = ocpi.MustNumber(c.kwh), ocpi.MustNumber(c.sec)
		if diff := gocmp.Diff(c.want, toldOf(t, cdr)); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
	}
}

// A CDR is in another currency than its tariff: it is told so, whatever others of its pair are in.
func TestOtherCurrencyThanItsTariff(t *testing.T) {
	cdr := func(id, currency, reason string) settlement.BookedCDR {
		c := booked("cdr", id, "ends", "2019-06-05T11:00:00Z", "claims", "7", "currency", currency)
		if reason != "" {
			c.Status, c.Reason, c.Computed = pricing.Rejected, reason, tariff.Money{}
		}
		return c
	}
	told := slices.DeleteFunc(toldOf(t, cdr("C1", "SEK", ""), cdr("C2", "SEK", "mixed_currency"), cdr("C3", "SEK", "unknown_tariff"), cdr("C4", "EUR", "mixed_currency")),
		func(g string) bool { return !strings.HasPrefix(g, "other_currency") })
	want := []string{"other_currency: It is in EUR, and its tariff in another currency.", "other_currency: It is in SEK, and its tariff in another currency."}
	if diff := gocmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}
