package statement_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// shelf is a store of counted CDRs.
type shelf []settlement.BookedCDR

func (s shelf) read(below settlement.Ends, selects func(*settlement.BookedCDR) bool, fn func(*settlement.BookedCDR) error) error {
	sorted := slices.SortedFunc(slices.Values(s), func(a, b settlement.BookedCDR) int {
		return cmp.Or(cmp.Compare(a.Key.Party.String(), b.Key.Party.String()), cmp.Compare(a.EMSP.String(), b.EMSP.String()),
			cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Key.ID, b.Key.ID))
	})
	for i := range sorted {
		c := &sorted[i]
		if c.Position.Offset >= below[cdrs] || !selects(c) {
			continue
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}

func (s shelf) Booked(_ context.Context, q settlement.SettlementQuery, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	return s.read(below, func(c *settlement.BookedCDR) bool {
		return (q.From.IsZero() || c.Month >= q.From) && (q.To.IsZero() || c.Month <= q.To) && (q.CPO.IsZero() || c.Key.Party == q.CPO) &&
			(q.EMSP.IsZero() || c.EMSP == q.EMSP) && (q.Currency == "" || c.Currency == q.Currency)
	}, fn)
}

func (s shelf) BookedOf(_ context.Context, keys []ocpi.Key, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	return s.read(below, func(c *settlement.BookedCDR) bool { return slices.Contains(keys, c.Key) }, fn)
}

func (s shelf) BookedCredits(_ context.Context, of []ocpi.Key, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	return s.read(below, func(c *settlement.BookedCDR) bool { return c.Credit && slices.Contains(of, c.Original()) }, fn)
}

// agreed is one agreement for everybody.
type agreed struct {
	clearing.Terms
	closed ocpi.Month
}

type everybody struct{ agreed }

func (e everybody) Terms(_, _ ocpi.Party, _ ocpi.Month) clearing.Terms { return e.agreed.Terms }
func (e everybody) ClosedThrough(_, _ ocpi.Party) ocpi.Month           { return e.closed }
func (e everybody) BegunThrough(_, _ ocpi.Party) ocpi.Month            { return e.closed }
func (e everybody) Counted() []clearing.Counted                        { return nil }
func (e everybody) Below() int64                                       { return 0 }

func terms(zone string) agreed {
	z, err := tariff.LoadZone(zone)
	if err != nil {
		panic(err)
	}
	return agreed{Terms: clearing.Terms{Owed: clearing.OwedClaimed, Zone: z, Pack: clearing.DefaultPack, Tax: stated}}
}

var cdrs = ingest.Partition{Topic: ingest.TopicCDRs}

// all is a cut behind everything on the shelf.
var all = settlement.Ends{cdrs: 1 << 40}

// booked is a CDR of NL*TNM, in words: "C1 of DE*EMP ends 2019-06-05T11:40:00Z claims 7".
func booked(words ...string) settlement.BookedCDR {
	c := settlement.BookedCDR{EMSP: ocpi.NewParty("DE", "EMP"), Currency: "EUR", Status: pricing.Priced, EnergyKWh: ocpi.MustNumber("20"), Measures: pricing.Measures{Country: "NLD"}}
	for i := 0; i+1 < len(words); i += 2 {
		value := words[i+1]
		switch words[i] {
		case "cdr":
			c.Key = ocpi.NewKey("NL", "TNM", value)
		case "emsp":
			c.EMSP, _ = ocpi.ParseParty(value)
		case "currency":
			c.Currency = value
		case "ends":
			c.End = instant(value)
			c.Start, c.LastUpdated, c.Month = c.End-ocpi.Time(3600e9), c.End, c.End.Month()
		case "updated":
			c.LastUpdated = instant(value)
		case "claims":
			net, incl, _ := strings.Cut(value, "/")
			c.Claimed = tariff.Money{Excl: ocpi.MustNumber(net)}
			if incl != "" {
				c.Claimed.Incl = ocpi.MustNumber(incl)
			}
			c.Computed = c.Claimed
		case "session":
			c.SessionID = value
		case "charge":
			fmt.Sscan(value, &c.Measures.ChargeHash)
		case "credits":
			c.Credit, c.CreditOf, c.Status, c.Computed = true, value, pricing.Credited, tariff.Money{}
		case "offset":
			fmt.Sscan(value, &c.Position.Offset)
		default:
			panic(words[i])
		}
	}
	return c
}

// drafts are the lines of each draft: "DE*EMP EUR: cdr C1 7, credit K1 -7".
func drafts(t *testing.T, s shelf, a agreed, q statement.Query) (list []string) {
	t.Helper()
	d := statement.Drawer{Store: s, Agreed: everybody{a}}
	if q.Below == nil {
		q.Below = all
	}
	err := d.Draw(t.Context(), q, func(d *statement.Draft) error {
		var lines []string
		for i := range d.Lines {
			l := &d.Lines[i]
			lines = append(lines, fmt.Sprintf("%s %s %s", l.Kind, strings.TrimPrefix(l.CDR, "NL*TNM*"), l.Net))
		}
		for i := range d.Settled {
			if s := &d.Settled[i]; s.State == clearing.Held {
				lines = append(lines, "held "+s.Key.ID+" "+s.Grounds[len(s.Grounds)-1].Code)
			}
		}
		list = append(list, fmt.Sprintf("%s %s %s: %s", d.EMSP, d.Period, d.Currency, strings.Join(lines, ", ")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDrafts(t *testing.T) {
	june := statement.Query{Period: 201906}
	closed := terms("UTC")
	closed.closed = 201905
	cutOff := terms("UTC")
	cutOff.CutOffDay = 5
	strict := terms("UTC")
	strict.Pack = "strict"
	for _, c := range []struct {
		title  string
		shelf  shelf
		agreed agreed
		query  statement.Query
		want   []string
	}{
		{"what ends in the month, by pair and currency", shelf{
			booked("cdr", "C2", "ends", "2019-06-05T11:40:00Z", "claims", "7"), booked("cdr", "C1", "ends", "2019-06-30T23:59:59Z", "claims", "3"),
			booked("cdr", "C3", "ends", "2019-06-05T11:40:00Z", "claims", "70", "currency", "SEK"), booked("cdr", "C4", "ends", "2019-06-05T11:40:00Z", "claims", "1", "emsp", "AT*EMP"),
		}, terms("UTC"), june, []string{"AT*EMP 2019-06 EUR: cdr C4 1", "DE*EMP 2019-06 EUR: cdr C1 3, cdr C2 7", "DE*EMP 2019-06 SEK: cdr C3 70"}},
		{"what ends later comes later, what is closed is over", shelf{
			booked("cdr", "C1", "ends", "2019-05-31T23:59:59Z", "claims", "7"), booked("cdr", "C2", "ends", "2019-07-01T00:00:00Z", "claims", "7"),
			booked("cdr", "C3", "ends", "2019-06-01T00:00:00Z", "claims", "7"),
		}, closed, june, []string{"DE*EMP 2019-06 EUR: cdr C3 7"}},
		{"without a close, all that came before", shelf{
			booked("cdr", "C1", "ends", "2019-04-30T23:59:59Z", "claims", "7"), booked("cdr", "C3", "ends", "2019-06-01T00:00:00Z", "claims", "8"),
		}, terms("UTC"), june, []string{"DE*EMP 2019-06 EUR: cdr C1 7, cdr C3 8"}},
		{"the month is the zone's", shelf{
			booked("cdr", "C1", "ends", "2019-05-31T22:00:00Z", "claims", "7"), booked("cdr", "C2", "ends", "2019-06-30T22:00:00Z", "claims", "8"),
		}, func() agreed { a := terms("Europe/Berlin"); a.closed = 201905; return a }(), june, []string{"DE*EMP 2019-06 EUR: cdr C1 7"}},
		{"west of UTC a charge of July's first hours is June's", shelf{
			booked("cdr", "C1", "ends", "2019-07-01T03:00:00Z", "claims", "7"),
		}, terms("America/New_York"), june, []string{"DE*EMP 2019-06 EUR: cdr C1 7"}},
		{"updated after the cut-off day", shelf{
			booked("cdr", "C1", "ends", "2019-06-30T11:00:00Z", "updated", "2019-07-06T00:00:00Z", "claims", "7"),
			booked("cdr", "C2", "ends", "2019-06-30T11:00:00Z", "updated", "2019-07-05T23:00:00Z", "claims", "8"),
		}, cutOff, june, []string{"DE*EMP 2019-06 EUR: cdr C2 8"}},
		{"a credit of a month that is closed for longer", shelf{
			booked("cdr", "C1", "ends", "2019-01-05T11:00:00Z", "claims", "7"), booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", "C1"),
		}, closed, statement.Query{Period: 201906, CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP")}, []string{"DE*EMP 2019-06 EUR: held K1 credit_orphan"}},
		{"a credit of another eMSP's charge", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "emsp", "AT*EMP"), booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", "C1"),
		}, terms("UTC"), june, []string{"AT*EMP 2019-06 EUR: cdr C1 7", "DE*EMP 2019-06 EUR: held K1 credit_mismatch"}},
		{"a credit in another currency", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "currency", "SEK"), booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", "C1"),
		}, terms("UTC"), june, []string{"DE*EMP 2019-06 EUR: held K1 credit_mismatch", "DE*EMP 2019-06 SEK: cdr C1 7"}},
		{"a credit of a charge that comes later waits for it", shelf{
			booked("cdr", "C1", "ends", "2019-08-05T11:00:00Z", "claims", "7"), booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", "C1"),
		}, terms("UTC"), june, []string{"DE*EMP 2019-06 EUR: "}},
		{"nobody's debt is in no draft", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "emsp", ""),
		}, terms("UTC"), june, nil},
		{"but can be asked for, and waits", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "emsp", ""), booked("cdr", "C2", "ends", "2019-06-05T11:00:00Z", "claims", "7"),
		}, terms("UTC"), statement.Query{Period: 201906, Debtless: true}, []string{"* 2019-06 EUR: held C1 unknown_debtor", "DE*EMP 2019-06 EUR: cdr C2 7"}},
		{"what came behind the cut is not there", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "offset", "9"), booked("cdr", "C2", "ends", "2019-06-05T11:00:00Z", "claims", "8", "offset", "10"),
		}, terms("UTC"), statement.Query{Period: 201906, Below: settlement.Ends{cdrs: 10}}, []string{"DE*EMP 2019-06 EUR: cdr C1 7"}},
		{"two ids for one charge are noted on both", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "charge", "77"), booked("cdr", "C2", "ends", "2019-06-05T11:00:00Z", "claims", "7", "charge", "77"),
			booked("cdr", "C3", "ends", "2019-06-05T11:00:00Z", "claims", "7", "charge", "78"), booked("cdr", "C4", "ends", "2019-06-05T12:00:00Z", "claims", "7", "charge", "77"),
		}, strict, june, []string{"DE*EMP 2019-06 EUR: cdr C3 7, cdr C4 7, held C1 charge_billed_twice, held C2 charge_billed_twice"}},
		{"but not where one of them is credited", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "charge", "77"), booked("cdr", "C2", "ends", "2019-06-05T11:00:00Z", "claims", "7", "charge", "77"),
			booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-7", "charge", "77", "credits", "C1"),
		}, strict, june, []string{"DE*EMP 2019-06 EUR: cdr C1 7, cdr C2 7, credit K1 -7"}},
		{"two CDRs of one Session", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "session", "S1"), booked("cdr", "C2", "ends", "2019-06-05T12:00:00Z", "claims", "8", "session", "S1"),
			booked("cdr", "C3", "ends", "2019-06-05T12:00:00Z", "claims", "9", "session", "S2"),
		}, strict, june, []string{"DE*EMP 2019-06 EUR: cdr C3 9, held C1 session_billed_twice, held C2 session_billed_twice"}},
		{"of which one is taken back in two parts", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "session", "S1"), booked("cdr", "C2", "ends", "2019-06-05T12:00:00Z", "claims", "8", "session", "S1"),
			booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-4", "credits", "C1"), booked("cdr", "K2", "ends", "2019-06-05T11:00:00Z", "claims", "-3", "credits", "C1"),
		}, strict, june, []string{"DE*EMP 2019-06 EUR: cdr C1 7, cdr C2 8, credit K1 -4, credit K2 -3"}},
		{"a credit that comes later takes nothing back yet", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "session", "S1"), booked("cdr", "C2", "ends", "2019-06-05T12:00:00Z", "claims", "8", "session", "S1"),
			booked("cdr", "K1", "ends", "2019-07-05T11:00:00Z", "claims", "-7", "credits", "C1"),
		}, strict, june, []string{"DE*EMP 2019-06 EUR: held C1 session_billed_twice, held C2 session_billed_twice"}},
		{"another eMSP's CDR of the Session is nothing to this one", shelf{
			booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "session", "S1"), booked("cdr", "C2", "ends", "2019-06-05T12:00:00Z", "claims", "8", "session", "S1", "emsp", "FR*OTH"),
		}, strict, june, []string{"DE*EMP 2019-06 EUR: cdr C1 7", "FR*OTH 2019-06 EUR: cdr C2 8"}},
		{"when it was nobody knows", shelf{booked("cdr", "C1", "claims", "7")}, terms("UTC"), june, []string{"DE*EMP 2019-06 EUR: held C1 undated"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			if diff := gocmp.Diff(c.want, drafts(t, c.shelf, c.agreed, c.query)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Many pairs with credits of other months: each credit finds its original, however they
// are cut into what is held in memory, and drafts keep their order.
func TestDraftsOfManyPairs(t *testing.T) {
	var s shelf
	const pairs, each = 300, 5
	for i := range pairs {
		emsp := fmt.Sprintf("DE*%03d", i)
		for j := range each {
			id := fmt.Sprintf("C%d-%d", i, j)
			s = append(s, booked("cdr", id, "emsp", emsp, "ends", "2019-09-05T11:00:00Z", "claims", "7"),
				booked("cdr", "K"+id, "emsp", emsp, "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", id))
		}
	}
	got := drafts(t, s, terms("UTC"), statement.Query{Period: 201909})
	if len(got) != pairs || !slices.IsSorted(got) {
		t.Fatalf("%d drafts, in order: %v", len(got), slices.IsSorted(got))
	}
	for i, d := range got {
		if n := strings.Count(d, "credit KC"); n != each {
			t.Fatalf("draft %d has %d credits: %s", i, n, d)
		}
	}
	for i, d := range drafts(t, s, terms("UTC"), statement.Query{Period: 201906}) {
		if strings.Contains(d, "held") || strings.Contains(d, "credit") {
			t.Fatalf("draft %d of June, whose originals come in September: %s", i, d)
		}
	}
}

// What one partner sends costs no more than it is long: of many CDRs alike, and of many
// credits that name what there is not.
func TestDraftsOfHostileBooks(t *testing.T) {
	var s shelf
	for i := range 20_000 {
		s = append(s, booked("cdr", fmt.Sprintf("C%05d", i), "ends", "2019-06-05T11:00:00Z", "claims", "7", "charge", "77", "session", "S1"),
			booked("cdr", fmt.Sprintf("K%05d", i), "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", fmt.Sprintf("N%05d", i)))
	}
	d := statement.Drawer{Store: many{s}, Agreed: everybody{terms("UTC")}}
	grounds := 0
	err := d.Draw(t.Context(), statement.Query{Period: 201906, Below: all}, func(d *statement.Draft) error {
		for i := range d.Settled {
			grounds += len(d.Settled[i].Grounds)
		}
		return nil
	})
	if err != nil || grounds < 60_000 {
		t.Errorf("%d grounds, %v", grounds, err)
	}
}

// many is a shelf that finds none of the keys it is asked for.
type many struct{ shelf }

func (many) BookedOf(context.Context, []ocpi.Key, settlement.Ends, func(*settlement.BookedCDR) error) error {
	return nil
}

// A period that is closed for a pair has no draft, and says so.
func TestAClosedPeriodHasNoDraft(t *testing.T) {
	closed := terms("UTC")
	closed.closed = 201906
	d := statement.Drawer{Store: shelf{}, Agreed: everybody{closed}}
	err := d.Draw(t.Context(), statement.Query{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP"), Period: 201906, Below: all}, nil)
	if err == nil || !strings.Contains(err.Error(), "through 2019-06: there are drafts from 2019-07 on") {
		t.Error(err)
	}
}
