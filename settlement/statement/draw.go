package statement

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Agreed says what holds between two parties, by the control log below one offset.
type Agreed interface {
	Terms(cpo, emsp ocpi.Party, period ocpi.Month) clearing.Terms
	// ClosedThrough returns the last period that is closed for a pair, zero for none.
	ClosedThrough(cpo, emsp ocpi.Party) ocpi.Month
}

// Drawer draws statements from what is stored.
type Drawer struct {
	Store  settlement.BookedStore
	Agreed Agreed
	// Relations are those of CDRs that are no credits, as far as they are found: nil
	// for none.
	Relations interface {
		Relations(ctx context.Context, q settlement.RelationQuery) (settlement.RelationPage, error)
	}
}

// Query selects drafts of one period. Zero members do not restrict.
type Query struct {
	CPO, EMSP ocpi.Party
	Party     ocpi.Party // as either
	Period    ocpi.Month
	Currency  string
	Below     settlement.Ends // up to where CDRs count, by partition
}

// Draft is the statement that a close of its period would issue, and what stands behind
// it: also what is held, rejected, or comes to a later period.
type Draft struct {
	Statement
	Settled []Settled
}

// Bounds of what is held in memory beside one pair: of the pairs that wait for what
// their credits name.
const (
	waitingCDRs = 50_000
	waitingKeys = 1_000
)

// Draw calls fn for each pair and currency that has CDRs in the period or before, not
// closed yet, in the order of CPO, eMSP and currency; also where no line comes of them.
// A debtor that is not known is nobody's: its CDRs are in no draft.
func (d *Drawer) Draw(ctx context.Context, q Query, fn func(*Draft) error) error {
	w := drawing{Drawer: d, q: q, fn: fn, wanted: map[ocpi.Key]bool{}, agreements: map[agreementKey]*agreement{}}
	months := settlement.SettlementQuery{Party: q.Party, CPO: q.CPO, EMSP: q.EMSP, Currency: q.Currency, To: q.Period.Add(1)}
	if !q.CPO.IsZero() && !q.EMSP.IsZero() {
		months.From = d.Agreed.ClosedThrough(q.CPO, q.EMSP) // which its zone may reckon to the next one
	}
	if err := w.relate(ctx, months.From); err != nil {
		return err
	}
	if err := d.Store.Booked(ctx, months, q.Below, func(c *settlement.BookedCDR) error { return w.add(ctx, c) }); err != nil {
		return err
	}
	return w.flush(ctx)
}

// relationPage is how many relations are read together, and maxRelations how many there
// may be of the CDRs of one run: they are exceptions.
const (
	relationPage = 1_000
	maxRelations = 1_000_000
)

// relate reads which CDRs are of one Session.
func (w *drawing) relate(ctx context.Context, from ocpi.Month) error {
	if w.Relations == nil {
		return nil
	}
	w.related = map[ocpi.Key][]clearing.Related{}
	q := settlement.RelationQuery{Party: w.q.Party, CPO: w.q.CPO, EMSP: w.q.EMSP, From: from, To: w.q.Period.Add(1), Kind: settlement.SessionBilledTwice, Limit: relationPage}
	for n := 0; n < maxRelations; n += relationPage {
		page, err := w.Relations.Relations(ctx, q)
		if err != nil {
			return fmt.Errorf("read which CDRs are of one Session: %w", err)
		}
		for i := range page.Relations {
			r := &page.Relations[i].Relation
			w.related[r.Key] = append(w.related[r.Key], clearing.Related{Kind: r.Kind, Other: r.Other})
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
	return fmt.Errorf("more than %d CDRs of %s are of a Session that others are of too: draw statements pair by pair", maxRelations, w.q.Period)
}

// drawing is one run of Draw.
type drawing struct {
	*Drawer
	q  Query
	fn func(*Draft) error

	agreements map[agreementKey]*agreement
	waiting    []*group                        // in order; the last one may grow
	cdrs       int                             // of all of them
	related    map[ocpi.Key][]clearing.Related // as it is found so far
	wanted     map[ocpi.Key]bool
}

// group is the CDRs of a pair and currency.
type group struct {
	cpo, emsp ocpi.Party
	currency  string
	cdrs      []settlement.BookedCDR
	missing   []ocpi.Key        // that credits name, and that the months read do not have
	others    map[ocpi.Key]bool // of these, those of another eMSP or in another currency
}

func (g *group) is(c *settlement.BookedCDR) bool {
	return g.cpo == c.Key.Party && g.emsp == c.EMSP && g.currency == c.Currency
}

func (w *drawing) add(ctx context.Context, c *settlement.BookedCDR) error {
	if c.EMSP.IsZero() {
		return nil
	}
	if n := len(w.waiting); n == 0 || !w.waiting[n-1].is(c) {
		w.complete()
		if w.cdrs > waitingCDRs || len(w.wanted) >= waitingKeys {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
		w.waiting = append(w.waiting, &group{cpo: c.Key.Party, emsp: c.EMSP, currency: c.Currency})
	}
	g := w.waiting[len(w.waiting)-1]
	g.cdrs = append(g.cdrs, *c)
	w.cdrs++
	return nil
}

// complete looks for what credits of the last group name and it does not have.
func (w *drawing) complete() {
	if len(w.waiting) == 0 {
		return
	}
	g := w.waiting[len(w.waiting)-1]
	var here map[ocpi.Key]bool
	for i := range g.cdrs {
		of := g.cdrs[i].Original()
		if !g.cdrs[i].Credit || of.ID == "" {
			continue
		}
		if here == nil {
			here = make(map[ocpi.Key]bool, len(g.cdrs))
			for i := range g.cdrs {
				here[g.cdrs[i].Key] = true
			}
		}
		if !here[of] && !slices.Contains(g.missing, of) {
			g.missing = append(g.missing, of)
			w.wanted[of] = true
		}
	}
}

// flush hands on the groups that wait, once it is known what their credits name.
func (w *drawing) flush(ctx context.Context) error {
	w.complete()
	found := map[ocpi.Key]*settlement.BookedCDR{}
	if len(w.wanted) > 0 {
		err := w.Store.BookedOf(ctx, slices.Collect(maps.Keys(w.wanted)), w.q.Below, func(c *settlement.BookedCDR) error {
			kept := *c
			found[c.Key] = &kept
			return nil
		})
		if err != nil {
			return fmt.Errorf("read what credits name: %w", err)
		}
	}
	for _, g := range w.waiting {
		g.join(found)
		if err := w.draw(g); err != nil {
			return err
		}
	}
	w.waiting, w.cdrs = w.waiting[:0], 0
	clear(w.wanted)
	return nil
}

// join adds what credits name of other months, and notes what is another's.
func (g *group) join(found map[ocpi.Key]*settlement.BookedCDR) {
	for _, key := range g.missing {
		switch c := found[key]; {
		case c == nil:
		case g.is(c):
			g.cdrs = append(g.cdrs, *c)
		default:
			if g.others == nil {
				g.others = map[ocpi.Key]bool{}
			}
			g.others[key] = true
		}
	}
}

func (w *drawing) draw(g *group) error {
	related := g.twins()
	charges := make([]*Charge, len(g.cdrs))
	for i := range g.cdrs {
		c := &g.cdrs[i]
		var err error
		if charges[i], err = w.charge(c, append(related[c.Key], w.related[c.Key]...)); err != nil {
			return err
		}
		charges[i].Mismatched = c.Credit && g.others[charges[i].CreditOf]
	}
	terms, err := w.agreed(g, w.q.Period)
	if err != nil {
		return err
	}
	d := Draft{
		Statement: Statement{CPO: g.cpo, EMSP: g.emsp, Period: w.q.Period, Zone: terms.Zone.Name(), Currency: g.currency, Terms: Terms{terms.Owed, terms.Tax}},
		Settled:   Settle(charges, w.q.Period),
	}
	d.Lines = Lines(d.Settled)
	return w.fn(&d)
}

// twins finds CDRs with the token, EVSE, start and end of another one, neither of which
// is a credit or taken back by one in full.
func (g *group) twins() map[ocpi.Key][]clearing.Related {
	alike := map[uint64][]*settlement.BookedCDR{}
	for i := range g.cdrs {
		c := &g.cdrs[i]
		if h := c.Measures.ChargeHash; h != 0 && !c.Credit {
			alike[h] = append(alike[h], c)
		}
	}
	maps.DeleteFunc(alike, func(_ uint64, list []*settlement.BookedCDR) bool { return len(list) < 2 })
	if len(alike) == 0 {
		return nil
	}
	related := map[ocpi.Key][]clearing.Related{}
	credited := g.credited()
	for _, list := range alike {
		for _, c := range list {
			for _, o := range list {
				same := c.Key != o.Key && c.Start == o.Start && c.End == o.End && c.Measures.EVSEID == o.Measures.EVSEID
				if same && !credited[c.Key] && !credited[o.Key] && len(related[c.Key]) < mostRelated {
					related[c.Key] = append(related[c.Key], clearing.Related{Kind: settlement.ChargeBilledTwice, Other: o.Key})
				}
			}
		}
	}
	return related
}

// mostRelated bounds how many others one CDR is said to be like.
const mostRelated = 100

// credited are the CDRs that one credit takes back in full.
func (g *group) credited() map[ocpi.Key]bool {
	claims := map[ocpi.Key]ocpi.Number{}
	for i := range g.cdrs {
		claims[g.cdrs[i].Key] = g.cdrs[i].Claimed.Excl
	}
	credited := map[ocpi.Key]bool{}
	for i := range g.cdrs {
		c := &g.cdrs[i]
		claim, known := claims[c.Original()]
		if c.Credit && known && abs(c.Claimed.Excl).Cmp(abs(claim)) >= 0 {
			credited[c.Original()] = true
		}
	}
	return credited
}

func abs(n ocpi.Number) ocpi.Number {
	if n.Sign() < 0 {
		return n.Neg()
	}
	return n
}

// charge reads a counted CDR as settlement does.
func (w *drawing) charge(c *settlement.BookedCDR, related []clearing.Related) (*Charge, error) {
	g := group{cpo: c.Key.Party, emsp: c.EMSP}
	booked := ocpi.BookedAt(c.End, c.Start, c.LastUpdated)
	if !booked.IsSet() {
		booked = c.Received
	}
	// The zone is of the agreement of the month that the charge is booked in by UTC, all
	// else of that of the period it belongs to by this zone.
	byUTC, err := w.agreed(&g, c.Month)
	if err != nil {
		return nil, err
	}
	belongs := clearing.Belongs(booked, byUTC.Zone)
	t, err := w.agreed(&g, belongs)
	if err != nil {
		return nil, err
	}
	closed := w.Agreed.ClosedThrough(g.cpo, g.emsp)
	charge := &Charge{
		Case: &clearing.Case{
			Key: c.Key, LastUpdated: c.LastUpdated, Owed: t.Owed, KWh: number(c.EnergyKWh), Claimed: amount(c.Claimed), Credit: c.Credit,
			Before: belongs <= closed,
		},
		Belongs: belongs, Lands: clearing.Lands(belongs, c.LastUpdated, byUTC.Zone, t.CutOffDay, closed),
		Country: c.Measures.Country, Start: c.Start, End: c.End, Tax: t.Tax,
	}
	if c.Credit {
		charge.CreditOf = c.Original()
	}
	if c.Status == pricing.Priced {
		charge.Computed = amount(c.Computed)
	}
	if charge.Claimed != nil && charge.Computed != nil {
		charge.Tolerated = t.judge.Tolerates(c.Claimed.Excl, c.Computed.Excl)
	}
	facts := factsOf(c, &t.Terms)
	facts.Relations = related
	charge.Grounds = t.judge.Judge(&facts, nil)
	return charge, nil
}

const keptAgreements = 500

type agreementKey struct {
	cpo, emsp ocpi.Party
	period    ocpi.Month
}

// agreed returns what holds for a pair in a period. Those of one pair are kept.
func (w *drawing) agreed(g *group, period ocpi.Month) (*agreement, error) {
	key := agreementKey{g.cpo, g.emsp, period}
	if a := w.agreements[key]; a != nil {
		return a, nil
	}
	if len(w.agreements) >= keptAgreements {
		clear(w.agreements)
	}
	a := &agreement{Terms: w.Agreed.Terms(key.cpo, key.emsp, period)}
	var err error
	if a.judge, err = a.Judge(); err != nil {
		return nil, fmt.Errorf("agreement of %s and %s for %s: %w", key.cpo, key.emsp, period, err)
	}
	w.agreements[key] = a
	return a, nil
}

// agreement is what holds for a pair in a period.
type agreement struct {
	clearing.Terms
	judge *clearing.Judge
}

// factsOf are what rules read of a counted CDR. Whether any tariff of the pair is in its
// currency, what its connector can give, and how it stands to CDRs that it does not
// credit, is not read here.
func factsOf(c *settlement.BookedCDR, t *clearing.Terms) clearing.Facts {
	m := &c.Measures
	f := clearing.Facts{
		Key: c.Key, Debtor: c.EMSP, Credit: c.Credit,
		Start: c.Start, End: c.End, LastUpdated: c.LastUpdated, Received: c.Received,
		Energy: c.EnergyKWh, Duration: m.Duration, Parking: m.Parking, PeakPower: m.PeakPower, Supply: m.Supply, EVSEID: m.EVSEID,
		Currency: c.Currency, ClaimedNet: c.Claimed.Excl, ComputedNet: c.Computed.Excl, Status: c.Status, Reason: c.Reason,
		InFuture:   clearing.AnswerOf(m.InFuture),
		OtherTerms: clearing.AnswerOf(t.Profile != "" && c.Status == pricing.Priced && c.Profile != t.Profile),
	}
	if c.Doubt != pricing.UnknownDoubt {
		f.DoubtfulTariffs = clearing.AnswerOf(c.Doubt == pricing.InDoubt)
	}
	return f
}

// amount is what one side says, nil where it says no amount before tax.
func amount(m tariff.Money) *clearing.Amount {
	if !m.Excl.IsSet() {
		return nil
	}
	a := &clearing.Amount{Net: m.Excl.Decimal()}
	if m.Incl.IsSet() {
		tax := m.Incl.Decimal().Sub(a.Net)
		a.Tax = &tax
	}
	return a
}

func number(n ocpi.Number) *decimal.Decimal {
	if !n.IsSet() {
		return nil
	}
	d := n.Decimal()
	return &d
}
