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
	Books  Books
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
	// Before hands on what belongs before settlement began, too.
	Before bool
	// Key draws what bears on one CDR alone, in a period in which all of that comes to a
	// statement: it, issued or not, what it credits and the credits of either, in the pair and
	// currency in which it stands and each in which it was issued. Others may be among
	// them, so the statement is not that of the pair. Beside it Below alone counts.
	Key ocpi.Key
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
	// Err is why nobody can say what the pair owes: there is nothing else then. Drafts of
	// other pairs are as they would be.
	Err error
}

// waitingCDRs bounds what is held in memory beside one pair: the CDRs of the pairs that wait for
// what bears on them.
var waitingCDRs = 50_000

const (
	// waitingKeys is how many keys they look up.
	waitingKeys = 1_000
	// keysAtOnce is how many keys one lookup has, besideAtOnce beside how many CDRs it is
	// looked. One pair may want more.
	keysAtOnce   = 10_000
	besideAtOnce = 100_000
)

// Draw calls fn for each pair and currency of which something comes to the period or one
// before, and is not issued as it stands, in the order of CPO, eMSP and currency; also
// where no line comes of it. Pairs that have closed the period have no draft.
// A debtor that is not known is nobody's: its CDRs are in no draft but where q asks for
// them. Where q is of one CDR and there is none: [settlement.ErrNotFound].
func (d *Drawer) Draw(ctx context.Context, q Query, fn func(*Draft) error) error {
	if q.Key.ID != "" {
		return d.drawOne(ctx, q.Key, q.Below, fn)
	}
	w := drawing{Drawer: d, q: q, fn: fn, counted: d.Agreed.Counted(), wanted: newLookups(), connectors: newConnectors(), agreements: map[agreementKey]*agreement{}}
	if !q.CPO.IsZero() && !q.EMSP.IsZero() {
		if closed := d.Agreed.ClosedThrough(q.CPO, q.EMSP); closed >= q.Period {
			return &ClosedError{q.CPO, q.EMSP, closed}
		}
	}
	months := settlement.SettlementQuery{Party: q.Party, CPO: q.CPO, EMSP: q.EMSP, Currency: q.Currency, To: q.Period.Add(1)}
	if !q.Before {
		months.From = d.Agreed.BegunThrough(q.CPO, q.EMSP) // which its zone may reckon to the next one
	}
	return w.merge(ctx, months)
}

// drawing is one run of Draw.
type drawing struct {
	*Drawer
	q       Query
	fn      func(*Draft) error
	counted []clearing.Counted

	agreements map[agreementKey]*agreement
	waiting    []*group // in order
	cdrs       int      // of all of them
	last       bool     // no other groups come
	wanted     lookups
	connectors *connectors
}

// group returns a group for a place, nil where there is no draft of it.
func (w *drawing) group(p place) *group {
	g := &group{place: p, before: w.q.Before, closed: w.Agreed.ClosedThrough(p.cpo, p.emsp), begun: w.Agreed.BegunThrough(p.cpo, p.emsp)}
	if g.closed >= w.q.Period || p.emsp.IsZero() && !w.q.Debtless {
		return nil
	}
	return g
}

// wait has a group wait for what bears on it, together with those before it. It has all
// that the readings have of it by then.
func (w *drawing) wait(ctx context.Context, g *group) error {
	if g == nil || len(g.members)+len(g.lines) == 0 {
		return nil
	}
	g.want(&w.wanted)
	w.waiting = append(w.waiting, g)
	w.cdrs += len(g.members)
	if w.wanted.len() < waitingKeys && w.cdrs <= waitingCDRs {
		return nil
	}
	return w.flush(ctx)
}

// flush hands on the groups that wait, once it is known what bears on them. What is found
// may itself ask for more: a credit of what was issued for its original.
func (w *drawing) flush(ctx context.Context) error {
	if err := w.beside(ctx); err != nil {
		return err
	}
	for w.wanted.len() > 0 {
		f, err := w.look(ctx)
		if err != nil {
			return err
		}
		w.wanted = newLookups()
		for _, g := range w.waiting {
			g.join(f)
			g.want(&w.wanted)
		}
	}
	errs := make([]error, len(w.waiting))
	for i, g := range w.waiting {
		errs[i] = g.settle()
	}
	if err := w.decide(ctx); err != nil {
		return err
	}
	if err := w.overlaps(ctx); err != nil {
		return err
	}
	for i, g := range w.waiting {
		d, err := w.draw(g)
		if errs[i] != nil {
			err = errs[i]
		}
		if err != nil {
			d = &Draft{Statement: Statement{CPO: g.cpo, EMSP: g.emsp, Period: w.q.Period, Currency: g.currency}, Err: err}
		}
		if d == nil {
			continue
		}
		if err := w.fn(d); err != nil {
			return err
		}
	}
	clear(w.waiting)
	w.waiting, w.cdrs = w.waiting[:0], 0
	return nil
}

// beside has the groups that wait take what is issued beside what they have open.
func (w *drawing) beside(ctx context.Context) error {
	if len(w.counted) == 0 {
		return nil
	}
	groups, asked := map[place]*group{}, make([]Beside, 0, w.cdrs)
	for _, g := range w.waiting {
		groups[g.place] = g
		for i := range g.members {
			if m := &g.members[i]; m.open {
				asked = append(asked, BesideOf(&m.BookedCDR))
			}
		}
	}
	for of := range slices.Chunk(asked, besideAtOnce) {
		err := w.Books.BookedBeside(ctx, of, w.q.Below, w.counted, func(c *settlement.BookedCDR) error {
			if g := groups[placeOf(c)]; g != nil && g.asks(c) { // another group that waits may have asked for its hash
				g.adopt(c)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read what is issued beside drafts: %w", err)
		}
	}
	for _, g := range w.waiting {
		g.want(&w.wanted)
	}
	return nil
}

// look looks up what groups want, and what was issued of it.
func (w *drawing) look(ctx context.Context) (*found, error) {
	f := &found{map[ocpi.Key]*settlement.BookedCDR{}, map[place][]*settlement.BookedCDR{}, map[place]map[string][]IssuedCDR{}}
	issued := w.wanted.issued
	err := inChunks(w.wanted.booked, func(keys []ocpi.Key) error {
		return w.Books.BookedOf(ctx, keys, w.q.Below, func(c *settlement.BookedCDR) error {
			kept := *c
			f.booked[c.Key], issued[Unit{c.Key, c.EMSP, c.Currency}] = &kept, true
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read what bears on drafts: %w", err)
	}
	err = inChunks(w.wanted.credits, func(keys []ocpi.Key) error {
		return w.Books.BookedCredits(ctx, keys, w.q.Below, func(c *settlement.BookedCDR) error {
			kept := *c
			f.credits[placeOf(c)], issued[Unit{c.Key, c.EMSP, c.Currency}] = append(f.credits[placeOf(c)], &kept), true
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read credits: %w", err)
	}
	if len(w.counted) == 0 {
		return f, nil
	}
	err = inChunks(issued, func(units []Unit) error {
		return w.Books.IssuedIn(ctx, units, w.counted, func(l *IssuedCDR) error {
			f.issued(l)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read what is issued: %w", err)
	}
	return f, nil
}

// decide sets the decisions about what was issued. Those about the rest came with it.
func (w *drawing) decide(ctx context.Context) error {
	about := map[ocpi.Key]*drawn{}
	keys := map[ocpi.Key]bool{}
	for _, g := range w.waiting {
		for i := range g.members {
			if m := &g.members[i]; m.decided == nil && !m.elsewhere && !g.fresh(m) {
				about[m.Key], keys[m.Key] = m, true
			}
		}
	}
	err := inChunks(keys, func(keys []ocpi.Key) error {
		return w.Books.DecidedOf(ctx, keys, w.Agreed.Below(), func(d *Decided) error {
			kept := *d
			about[d.Key].decided = &kept
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read decisions: %w", err)
	}
	return nil
}

func inChunks[K comparable](keys map[K]bool, look func([]K) error) error {
	for chunk := range slices.Chunk(slices.Collect(maps.Keys(keys)), keysAtOnce) {
		if err := look(chunk); err != nil {
			return err
		}
	}
	return nil
}

// draw draws the draft of a group, nil where nothing is left that bears on it.
func (w *drawing) draw(g *group) (*Draft, error) {
	if len(g.members) == 0 {
		return nil, nil
	}
	terms, err := w.agreed(g, w.q.Period)
	if err != nil {
		return nil, err
	}
	judged := make([]judged, len(g.members))
	for i := range g.members {
		if judged[i], err = w.read(g, &g.members[i]); err != nil {
			return nil, err
		}
	}
	related := g.twins(judged, takenBack(judged, w.q.Period))
	w.overlapping(g, judged, related)
	charges := make([]*Charge, len(judged))
	for i := range judged {
		j := &judged[i]
		if r := related[i]; r != nil {
			facts := factsOf(j.Booked, &j.terms.Terms)
			facts.Relations = r
			j.Grounds = j.terms.judge.Judge(&facts, nil)
		}
		charges[i] = &j.Charge
	}
	d := &Draft{
		Statement: Statement{CPO: g.cpo, EMSP: g.emsp, Period: w.q.Period, Zone: terms.Zone.Name(), Currency: g.currency, Terms: Terms{terms.Owed, terms.Tax}},
		Settled:   Settle(charges, w.q.Period),
	}
	d.Lines = Lines(d.Settled)
	return d, nil
}

// judged is a charge with the agreement that it was held against.
type judged struct {
	Charge
	terms *agreement
}

// takenBack are the CDRs that credits take back in full, by what these say together: of
// those that come to this period and that nothing holds.
func takenBack(list []judged, period ocpi.Month) map[ocpi.Key]bool {
	claims, credits := make(map[ocpi.Key]decimal.Decimal, len(list)), map[ocpi.Key]decimal.Decimal{}
	for i := range list {
		c := &list[i].Charge
		switch {
		case c.Claimed == nil || c.Elsewhere:
		case !c.Credit:
			claims[c.Key] = c.Claimed.Net.Abs()
		case list[i].takes(period):
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

// takes reports whether a credit takes something back in a period.
func (j *judged) takes(period ocpi.Month) bool {
	switch {
	case j.rejected():
		return false
	case j.Issued != nil:
		return true
	case j.Before || j.Lands > period:
		return false
	}
	return clearing.Strongest(j.Grounds) < clearing.Hold || j.Decision != nil && j.Decision.Act == clearing.Accept
}

func (j *judged) rejected() bool { return j.Decision != nil && j.Decision.Act == clearing.RejectIt }

// twins finds which CDRs have the Session, or the token, EVSE, start and end, of others,
// by their places. None are credits, what credits take back in full, what a person
// rejected, and what is not settled here. Each is told of the first other alike, the
// first one of the second: a pair sees all of it by that.
func (g *group) twins(list []judged, taken map[ocpi.Key]bool) map[int][]clearing.Related {
	related := map[int][]clearing.Related{}
	sessions, charges := map[string]int{}, map[chargeKey]int{}
	for i := range list {
		j, c := &list[i], list[i].Booked
		if c.Credit || taken[c.Key] || j.rejected() || j.Before || j.Elsewhere {
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
	related[i] = append(related[i], clearing.Related{Kind: kind, Other: g.members[first].Key})
	if !slices.ContainsFunc(related[first], func(r clearing.Related) bool { return r.Kind == kind }) {
		related[first] = append(related[first], clearing.Related{Kind: kind, Other: g.members[i].Key})
	}
}

// read reads a counted CDR as settlement does, without how it stands to others.
func (w *drawing) read(g *group, m *drawn) (j judged, err error) {
	c := &m.BookedCDR
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
	t := j.terms
	j.Charge = Charge{
		Case: &clearing.Case{
			Key: c.Key, LastUpdated: c.LastUpdated, Owed: t.Owed, KWh: c.EnergyKWh.DecimalOrNil(), Claimed: amount(c.Claimed), Credit: c.Credit,
			Elsewhere: m.elsewhere, Before: booked.IsSet() && belongs <= g.begun,
		},
		Belongs: belongs, Due: clearing.Due(belongs, c.LastUpdated, byUTC.Zone, t.CutOffDay),
		Country: c.Measures.Country, Start: c.Start, End: c.End, Tax: t.Tax, Booked: c,
	}
	j.Lands = clearing.Lands(j.Due, g.closed)
	g.history(&j.Charge, m)
	if c.Credit {
		j.CreditOf, j.Mismatched = c.Original(), g.others[c.Original()]
		named := g.find(c.CreditOf)
		j.OfCredit = g.ofCredits[c.Original()] || named != nil && named.Credit
	}
	if c.Status == pricing.Priced {
		j.Computed = amount(c.Computed)
	}
	if j.Claimed != nil && j.Computed != nil {
		j.Tolerated = t.judge.Tolerates(c.Claimed.Excl, c.Computed.Excl, c.Currency)
	}
	facts := factsOf(c, &t.Terms)
	j.Grounds = t.judge.Judge(&facts, nil)
	return j, nil
}

// history sets what was issued of a charge and what was decided about it. Nobody can
// accept what has no debtor, currency or period: there is no statement for its line.
func (g *group) history(c *Charge, m *drawn) {
	if said := g.lines[m.Key.ID]; said != nil {
		c.Issued, c.claimed, c.stale = &said.Issued, said.claim, m.open || m.pending || said.moved
	}
	if m.decided == nil || m.decided.Decision == nil {
		return
	}
	if nowhere := g.emsp.IsZero() || g.currency == "" || c.Belongs.IsZero(); !nowhere || m.decided.Decision.Act != clearing.Accept {
		c.Decision = m.decided.Decision
	}
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

// factsOf are what rules read of a counted CDR. How it stands to CDRs that it does not
// credit is not read here.
func factsOf(c *settlement.BookedCDR, t *clearing.Terms) clearing.Facts {
	m := &c.Measures
	f := clearing.Facts{
		Key: c.Key, Debtor: c.EMSP, Credit: c.Credit,
		Start: c.Start, End: c.End, LastUpdated: c.LastUpdated, Received: c.Received,
		Energy: c.EnergyKWh, Duration: m.Duration, Parking: m.Parking, PeakPower: m.PeakPower, ConnectorPower: c.ConnectorPower, Supply: m.Supply, EVSEID: m.EVSEID,
		Currency: c.Currency, ClaimedNet: c.Claimed.Excl, ClaimedGross: c.Claimed.Incl, ComputedNet: c.Computed.Excl, Status: c.Status, Reason: c.Reason,
		InFuture: clearing.AnswerOf(m.InFuture), CurrencyOfTariff: currencyOfTariff(c),
		OtherTerms: clearing.AnswerOf(t.Profile != "" && c.Status == pricing.Priced && c.Profile != t.Profile),
	}
	if c.Doubt != pricing.UnknownDoubt {
		f.DoubtfulTariffs = clearing.AnswerOf(c.Doubt == pricing.InDoubt)
	}
	return f
}

// currencyOfTariff says whether a tariff that a CDR is priced with is in its currency. Of one
// of which no tariff is known it is not known.
func currencyOfTariff(c *settlement.BookedCDR) clearing.Answer {
	switch {
	case c.Status == pricing.Priced:
		return clearing.Yes
	case c.Status == pricing.Rejected && c.Reason == tariff.ReasonMixedCurrency:
		return clearing.No
	}
	return 0
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
