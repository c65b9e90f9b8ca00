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
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
)

// shelf is counted CDRs.
type shelf []settlement.BookedCDR

// agreed is one agreement for everybody.
type agreed struct {
	clearing.Terms
	closed, begun ocpi.Month
	counted       []clearing.Counted
}

type everybody struct{ agreed }

func (e everybody) Terms(_, _ ocpi.Party, _ ocpi.Month) clearing.Terms { return e.agreed.Terms }
func (e everybody) ClosedThrough(_, _ ocpi.Party) ocpi.Month           { return e.closed }
func (e everybody) BegunThrough(_, _ ocpi.Party) ocpi.Month            { return cmp.Or(e.begun, e.closed) }
func (e everybody) Counted() []clearing.Counted                        { return e.counted }
func (e everybody) Below() int64                                       { return 1 << 40 }

func terms(zone string) agreed {
	return agreed{Terms: clearing.Terms{Owed: clearing.OwedClaimed, Zone: zoneOf(zone), Pack: clearing.DefaultPack, Tax: stated}}
}

func zoneOf(name string) *tariff.Zone {
	z, err := tariff.LoadZone(name)
	if err != nil {
		panic(err)
	}
	return z
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
		case "begins":
			c.Start = instant(value)
		case "connector":
			fmt.Sscan(value, &c.Measures.ConnectorHash)
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
	return draftsOf(t, &statementtest.Books{CDRs: s}, everybody{a}, q)
}

func draftsOf(t *testing.T, b statement.Books, a statement.Agreed, q statement.Query) (list []string) {
	t.Helper()
	d := statement.Drawer{Books: b, Agreed: a}
	if q.Below == nil {
		q.Below = all
	}
	err := d.Draw(t.Context(), q, func(d *statement.Draft) error {
		var lines []string
		if d.Err != nil {
			lines = append(lines, d.Err.Error())
		}
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

// issuing is what one close of everybody issued of what stood then: its lines at the
// amounts claimed.
func issuing(t *testing.T, b *statementtest.Books, period ocpi.Month, cdrs ...settlement.BookedCDR) {
	t.Helper()
	attempt := uint64(period)
	if err := b.Begin(t.Context(), clearing.Attempt{ID: attempt, Period: period}); err != nil {
		t.Fatal(err)
	}
	var lines []statement.IssuedLine
	for _, c := range cdrs {
		net, kwh := c.Claimed.Excl.Decimal(), c.EnergyKWh.Decimal()
		l := statement.IssuedLine{
			IssuedCDR: statement.IssuedCDR{Attempt: attempt, Period: period, Key: c.Key, EMSP: c.EMSP, Currency: c.Currency, Month: c.Month, Version: c.Version, Net: net, Claim: net, KWh: &kwh},
			Line:      statement.Line{CDR: c.Key.String(), Kind: statement.CDR, Belongs: period, Net: net, KWh: &kwh},
			Hashes:    statement.HashesOf(&c),
		}
		if c.Credit {
			kwh = kwh.Neg()
		}
		lines = append(lines, l)
	}
	if err := b.WriteLines(t.Context(), attempt, 0, lines); err != nil {
		t.Fatal(err)
	}
}

// What is drawn in July, of what stands now, what May and June issued, and what people
// decided since.
func TestDraftsOfWhatWasIssued(t *testing.T) {
	june := func(words ...string) settlement.BookedCDR {
		return booked(append([]string{"ends", "2019-06-05T11:00:00Z"}, words...)...)
	}
	again := func(c settlement.BookedCDR, words ...string) settlement.BookedCDR {
		other := booked(append([]string{"cdr", c.Key.ID, "ends", c.End.String()}, words...)...)
		other.Version = c.Version + 1
		return other
	}
	c1, c2 := june("cdr", "C1", "claims", "7"), june("cdr", "C2", "claims", "8")
	k1 := june("cdr", "K1", "claims", "-7", "credits", "C1")
	first := june("cdr", "C1", "claims", "7", "session", "S1", "charge", "77")
	reject := statement.Decided{Key: c1.Key, Decision: &clearing.Decision{Act: clearing.RejectIt}, Offset: 5}
	accept := func(id string, covers ...string) statement.Decided {
		return statement.Decided{Key: ocpi.NewKey("NL", "TNM", id), Decision: &clearing.Decision{Act: clearing.Accept, Covers: covers}, Offset: 5}
	}
	strict := terms("UTC")
	strict.Pack = "strict"
	lower := terms("UTC")
	lower.Owed = clearing.OwedLower
	for _, c := range []struct {
		title     string
		shelf     shelf
		issued    []settlement.BookedCDR
		decisions []statement.Decided
		agreed    agreed
		want      []string
	}{
		{"nothing moved, nothing is drawn", shelf{c1, c2}, []settlement.BookedCDR{c1, c2}, nil, terms("UTC"), nil},
		{"what came late", shelf{c1, c2}, []settlement.BookedCDR{c1}, nil, terms("UTC"), []string{"DE*EMP 2019-07 EUR: cdr C2 8"}},
		{"another amount counts", shelf{again(c1, "claims", "5"), c2}, []settlement.BookedCDR{c1, c2}, nil, terms("UTC"), []string{"DE*EMP 2019-07 EUR: correction C1 -2"}},
		{"another version of the same", shelf{again(c1, "claims", "7")}, []settlement.BookedCDR{c1}, nil, terms("UTC"), []string{"DE*EMP 2019-07 EUR: "}},
		{"another debtor", shelf{again(c1, "claims", "7", "emsp", "FR*OTH")}, []settlement.BookedCDR{c1}, nil, terms("UTC"),
			[]string{"DE*EMP 2019-07 EUR: correction C1 -7", "FR*OTH 2019-07 EUR: cdr C1 7"}},
		{"another currency, at another amount", shelf{again(c1, "claims", "70", "currency", "SEK")}, []settlement.BookedCDR{c1}, nil, terms("UTC"),
			[]string{"DE*EMP 2019-07 EUR: correction C1 -7", "DE*EMP 2019-07 SEK: cdr C1 70"}},
		{"a credit of what was issued", shelf{c1, k1}, []settlement.BookedCDR{c1}, nil, terms("UTC"), []string{"DE*EMP 2019-07 EUR: credit K1 -7"}},
		{"what credits take back follows what they credit", shelf{again(c1, "claims", "5"), k1}, []settlement.BookedCDR{c1, k1}, nil, terms("UTC"),
			[]string{"DE*EMP 2019-07 EUR: correction C1 -2, correction K1 2"}},
		{"a second credit finds what the first one left", shelf{c1, k1, june("cdr", "K2", "claims", "-4", "credits", "C1")}, []settlement.BookedCDR{c1, k1}, nil, terms("UTC"),
			[]string{"DE*EMP 2019-07 EUR: held K2 credit_excess"}},
		{"a person rejects what was issued", shelf{c1, c2}, []settlement.BookedCDR{c1, c2}, []statement.Decided{reject}, terms("UTC"), []string{"DE*EMP 2019-07 EUR: correction C1 -7"}},
		{"and its credit with it", shelf{c1, k1}, []settlement.BookedCDR{c1, k1}, []statement.Decided{reject}, terms("UTC"), []string{"DE*EMP 2019-07 EUR: correction C1 -7, correction K1 7"}},
		{"a second CDR of a Session is held, though the first one is issued", shelf{first, june("cdr", "C2", "claims", "8", "session", "S1")}, []settlement.BookedCDR{first}, nil, strict,
			[]string{"DE*EMP 2019-07 EUR: held C2 session_billed_twice"}},
		{"so is one with its token, EVSE and time", shelf{first, june("cdr", "C2", "claims", "8", "charge", "77")}, []settlement.BookedCDR{first}, nil, strict,
			[]string{"DE*EMP 2019-07 EUR: held C2 charge_billed_twice"}},
		{"but not one that replaces what a credit took back", shelf{first, k1, june("cdr", "C2", "claims", "8", "session", "S1")}, []settlement.BookedCDR{first, k1}, nil, strict,
			[]string{"DE*EMP 2019-07 EUR: cdr C2 8"}},
		{"nor one that replaces what a person rejected", shelf{first, june("cdr", "C2", "claims", "8", "session", "S1")}, []settlement.BookedCDR{first}, []statement.Decided{reject}, strict,
			[]string{"DE*EMP 2019-07 EUR: correction C1 -7, cdr C2 8"}},
		{"an accepted orphan meets its original", shelf{c1, june("cdr", "K1", "claims", "-9", "credits", "C1")}, []settlement.BookedCDR{june("cdr", "K1", "claims", "-9", "credits", "C1")},
			[]statement.Decided{accept("K1", clearing.GroundCreditOrphan)}, terms("UTC"), []string{"DE*EMP 2019-07 EUR: cdr C1 7, correction K1 2"}},
		{"and stays what it is until that comes", shelf{booked("cdr", "C1", "ends", "2019-08-05T11:00:00Z", "claims", "7"), june("cdr", "K1", "claims", "-9", "credits", "C1"), c2},
			[]settlement.BookedCDR{june("cdr", "K1", "claims", "-9", "credits", "C1")}, []statement.Decided{accept("K1", clearing.GroundCreditOrphan)}, terms("UTC"), []string{"DE*EMP 2019-07 EUR: cdr C2 8"}},
		{"nobody accepts what has no debtor", shelf{june("cdr", "C1", "claims", "7", "emsp", "")}, nil, []statement.Decided{accept("C1", "unknown_debtor")}, terms("UTC"),
			[]string{"* 2019-07 EUR: held C1 unknown_debtor"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			b := &statementtest.Books{CDRs: c.shelf, Decisions: c.decisions}
			issuing(t, b, 201906, c.issued...)
			c.agreed.closed, c.agreed.begun, c.agreed.counted = 201906, 201901, []clearing.Counted{{ID: 201906, Period: 201906}}
			got := draftsOf(t, b, everybody{c.agreed}, statement.Query{Period: 201907, Debtless: true})
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An agreement that does not hold together is one pair's trouble.
func TestOnePairsAgreementIsItsOwn(t *testing.T) {
	b := &statementtest.Books{CDRs: shelf{
		booked("cdr", "C1", "ends", "2019-06-05T11:40:00Z", "claims", "7"), booked("cdr", "C2", "ends", "2019-06-05T11:40:00Z", "claims", "8", "emsp", "FR*OTH"),
	}}
	got := draftsOf(t, b, odd{everybody{terms("UTC")}}, statement.Query{Period: 201906})
	if len(got) != 2 || got[0] != "DE*EMP 2019-06 EUR: cdr C1 7" || !strings.Contains(got[1], "agreement of NL*TNM and FR*OTH") {
		t.Error(got)
	}
}

// odd is an agreement of which one pair's names no pack.
type odd struct{ everybody }

func (o odd) Terms(cpo, emsp ocpi.Party, period ocpi.Month) clearing.Terms {
	t := o.everybody.Terms(cpo, emsp, period)
	if emsp == ocpi.NewParty("FR", "OTH") {
		t.Pack = "none of this name"
	}
	return t
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
	d := statement.Drawer{Books: many{&statementtest.Books{CDRs: s}}, Agreed: everybody{terms("UTC")}}
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

// many are books that finds none of the keys it is asked for.
type many struct{ *statementtest.Books }

func (many) BookedOf(context.Context, []ocpi.Key, settlement.Ends, func(*settlement.BookedCDR) error) error {
	return nil
}

// A period that is closed for a pair has no draft, and says so.
func TestAClosedPeriodHasNoDraft(t *testing.T) {
	closed := terms("UTC")
	closed.closed = 201906
	d := statement.Drawer{Books: &statementtest.Books{}, Agreed: everybody{closed}}
	err := d.Draw(t.Context(), statement.Query{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP"), Period: 201906, Below: all}, nil)
	if err == nil || !strings.Contains(err.Error(), "through 2019-06: there are drafts from 2019-07 on") {
		t.Error(err)
	}
}
