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
	// BegunThrough returns the last period that is settled elsewhere for a pair, because
	// settlement begins here after it, zero for none. Where a party is not given, it is
	// what holds for all pairs of the other one; without both, for all pairs.
	BegunThrough(cpo, emsp ocpi.Party) ocpi.Month
	// Counted returns the attempts to close a period that the control log names.
	Counted() []clearing.Counted
	// Below returns the offset.
	Below() int64
}

// Drawer draws statements from what is stored.
type Drawer struct {
	Store  settlement.BookedStore
	Agreed Agreed
}

// Query selects drafts of one period. Zero members do not restrict.
type Query struct {
	CPO, EMSP ocpi.Party
	Party     ocpi.Party // as either
	Period    ocpi.Month
	Currency  string
	Below     settlement.Ends // up to where CDRs count, by partition
	// Debtless hands on what no eMSP is known to pay too, as drafts without one: all of it
	// waits, and no line comes of it.
	Debtless bool
}

// ClosedError says that a pair's period is closed, and through which.
type ClosedError struct {
	CPO, EMSP ocpi.Party
	Through   ocpi.Month
}

// Error says from when on there are drafts.
func (e *ClosedError) Error() string {
	return fmt.Sprintf("what %s owes %s is closed, or settled elsewhere, through %s: there are drafts from %s on", e.EMSP, e.CPO, e.Through, e.Through.Add(1))
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
// A debtor that is not known is nobody's: its CDRs are in no draft but where q asks for
// them.
func (d *Drawer) Draw(ctx context.Context, q Query, fn func(*Draft) error) error {
	w := drawing{Drawer: d, q: q, fn: fn, wanted: map[ocpi.Key]bool{}, agreements: map[agreementKey]*agreement{}}
	months := settlement.SettlementQuery{Party: q.Party, CPO: q.CPO, EMSP: q.EMSP, Currency: q.Currency, To: q.Period.Add(1)}
	if !q.CPO.IsZero() && !q.EMSP.IsZero() {
		months.From = d.Agreed.ClosedThrough(q.CPO, q.EMSP) // which its zone may reckon to the next one
		if months.From >= q.Period {
			return &ClosedError{q.CPO, q.EMSP, months.From}
		}
	}
	if err := d.Store.Booked(ctx, months, q.Below, func(c *settlement.BookedCDR) error { return w.add(ctx, c) }); err != nil {
		return err
	}
	w.complete()
	return w.flush(ctx)
}

// drawing is one run of Draw.
type drawing struct {
	*Drawer
	q  Query
	fn func(*Draft) error

	agreements map[agreementKey]*agreement
	waiting    []*group // in order; the last one may grow
	cdrs       int      // of all of them
	wanted     map[ocpi.Key]bool
}

// group is the CDRs of a pair and currency.
type group struct {
	cpo, emsp ocpi.Party
	currency  string
	closed    ocpi.Month // through which the pair is, see Agreed
	cdrs      []settlement.BookedCDR
	missing   []ocpi.Key        // that credits name, and that the months read do not have
	others    map[ocpi.Key]bool // of these, those of another eMSP or in another currency
}

func (g *group) is(c *settlement.BookedCDR) bool {
	return g.cpo == c.Key.Party && g.emsp == c.EMSP && g.currency == c.Currency
}

func (w *drawing) add(ctx context.Context, c *settlement.BookedCDR) error {
	if c.EMSP.IsZero() && !w.q.Debtless {
		return nil
	}
	if n := len(w.waiting); n == 0 || !w.waiting[n-1].is(c) {
		w.complete()
		if err := ctx.Err(); err != nil {
			return err
		}
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

// complete looks for what credits of the last group name and it does not have. It has
// all its CDRs by then.
func (w *drawing) complete() {
	if len(w.waiting) == 0 {
		return
	}
	g := w.waiting[len(w.waiting)-1]
	var here map[ocpi.Key]bool // and what is missing already
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
		if !here[of] {
			here[of] = true
			g.missing = append(g.missing, of)
			w.wanted[of] = true
		}
	}
}

// flush hands on the groups that wait, once it is known what their credits name.
func (w *drawing) flush(ctx context.Context) error {
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
	g.closed = w.Agreed.ClosedThrough(g.cpo, g.emsp)
	judged := make([]judged, len(g.cdrs))
	for i := range g.cdrs {
		c := &g.cdrs[i]
		var err error
		if judged[i], err = w.read(g, c); err != nil {
			return err
		}
		judged[i].Mismatched = c.Credit && g.others[judged[i].CreditOf]
	}
	related := g.twins(takenBack(judged, w.q.Period))
	charges := make([]*Charge, len(g.cdrs))
	for i := range g.cdrs {
		j := &judged[i]
		if r := related[i]; r != nil {
			facts := factsOf(&g.cdrs[i], &j.terms.Terms)
			facts.Relations = r
			j.Grounds = j.terms.judge.Judge(&facts, nil)
		}
		charges[i] = &j.Charge
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

// judged is a charge with the agreement that it was held against.
type judged struct {
	Charge
	terms *agreement
}

// takenBack are the CDRs that credits take back in full, by what these say together: of
// those that come to this period and that no rule holds.
func takenBack(list []judged, period ocpi.Month) map[ocpi.Key]bool {
	claims, credits := make(map[ocpi.Key]decimal.Decimal, len(list)), map[ocpi.Key]decimal.Decimal{}
	for i := range list {
		c := &list[i].Charge
		switch {
		case c.Claimed == nil:
		case !c.Credit:
			claims[c.Key] = c.Claimed.Net.Abs()
		case !c.Before && c.Lands <= period && clearing.Strongest(c.Grounds) < clearing.Hold:
			credits[c.CreditOf] = credits[c.CreditOf].Add(c.Claimed.Net.Abs())
		}
	}
	taken := map[ocpi.Key]bool{}
	for key, sum := range credits {
		if claim, here := claims[key]; here && sum.GreaterThanOrEqual(claim) {
			taken[key] = true
		}
	}
	return taken
}

// twins finds which CDRs have the Session, or the token, EVSE, start and end, of others,
// by their places. Credits are none, nor what credits take back in full. Each is told
// of the first other alike, the first one of the second: a pair sees all of it by that.
func (g *group) twins(taken map[ocpi.Key]bool) map[int][]clearing.Related {
	related := map[int][]clearing.Related{}
	sessions, charges := map[string]int{}, map[chargeKey]int{}
	for i := range g.cdrs {
		c := &g.cdrs[i]
		if c.Credit || taken[c.Key] {
			continue
		}
		if c.SessionID != "" {
			alike(g, related, sessions, c.SessionID, settlement.SessionBilledTwice, i)
		}
		if c.Measures.ChargeHash != 0 {
			key := chargeKey{c.Measures.ChargeHash, c.Start, c.End}
			alike(g, related, charges, key, settlement.ChargeBilledTwice, i)
		}
	}
	return related
}

// chargeKey tells charges apart: the hash has the token and the EVSE too.
type chargeKey struct {
	hash       uint64
	start, end ocpi.Time
}

func alike[K comparable](g *group, related map[int][]clearing.Related, seen map[K]int, key K, kind settlement.RelationKind, i int) {
	first, again := seen[key]
	if !again {
		seen[key] = i
		return
	}
	related[i] = append(related[i], clearing.Related{Kind: kind, Other: g.cdrs[first].Key})
	if !slices.ContainsFunc(related[first], func(r clearing.Related) bool { return r.Kind == kind }) {
		related[first] = append(related[first], clearing.Related{Kind: kind, Other: g.cdrs[i].Key})
	}
}

// read reads a counted CDR as settlement does, without how it stands to others.
func (w *drawing) read(g *group, c *settlement.BookedCDR) (j judged, err error) {
	// The zone is of the agreement of the month that the charge is booked in by UTC, all
	// else of that of the period it belongs to by this zone.
	booked := ocpi.BookedAt(c.End, c.Start, c.LastUpdated)
	byUTC, err := w.agreed(g, booked.Month())
	if err != nil {
		return j, err
	}
	belongs := clearing.Belongs(booked, byUTC.Zone)
	if j.terms, err = w.agreed(g, belongs); err != nil {
		return j, err
	}
	t, closed := j.terms, g.closed
	j.Charge = Charge{
		Case: &clearing.Case{
			Key: c.Key, LastUpdated: c.LastUpdated, Owed: t.Owed, KWh: c.EnergyKWh.DecimalOrNil(), Claimed: amount(c.Claimed), Credit: c.Credit,
			Before: booked.IsSet() && belongs <= closed,
		},
		Belongs: belongs, Lands: clearing.Lands(belongs, c.LastUpdated, byUTC.Zone, t.CutOffDay, closed),
		Country: c.Measures.Country, Start: c.Start, End: c.End, Tax: t.Tax, Booked: c,
	}
	if c.Credit {
		j.CreditOf = c.Original()
	}
	if c.Status == pricing.Priced {
		j.Computed = amount(c.Computed)
	}
	if j.Claimed != nil && j.Computed != nil {
		j.Tolerated = t.judge.Tolerates(c.Claimed.Excl, c.Computed.Excl)
	}
	facts := factsOf(c, &t.Terms)
	j.Grounds = t.judge.Judge(&facts, nil)
	return j, nil
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
