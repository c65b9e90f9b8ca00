package settlement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// cdrWalk walks the records of a partition of CDRs beside the tables that hold
// what came of them.
type cdrWalk struct {
	*walker
	copies    *side[StoredCopy]
	cdrs      *side[StoredCDR]
	listings  *side[StoredListing]
	results   *side[StoredResult]
	lates     *side[StoredLate]
	reads     map[ocpi.Party]ListRead
	chosen    map[ocpi.Key]ChosenCopy
	debtors   map[ocpi.Key]ocpi.Party // of these, as the row of the first copy has it in duplicates
	pending   map[ocpi.Key]int        // of these that wait to be another copy: their results
	books     *books
	relations *relationProof

	terms  terms // that the record is priced by
	pricer *pricing.Pricer
	row    pricing.Row                      // of the record priced last
	gather func(price func(int) bool) error // calls price until it has all its inputs
	failed error                            // of gather
}

// walkCDRs walks the records of a partition beside what lists and reports
// read of it.
func (v *Verifier) walkCDRs(ctx context.Context, w *walker, books *books, relations *relationProof) error {
	c := &cdrWalk{walker: w, books: books, relations: relations, reads: v.reads, chosen: v.chosen, debtors: map[ocpi.Key]ocpi.Party{}, pending: map[ocpi.Key]int{}}
	c.terms = terms{inputs: pricing.Own(v.Inputs), policies: v.Policies, issuers: v.issuers, at: pricing.AsOfUnkept}
	c.gather = func(price func(int) bool) error { return pricing.Gather(ctx, c.terms.inputs, 1, price) }
	c.pricer = pricing.NewPricer(&c.terms, &c.terms)
	defer c.openSides(ctx, v.Store)()
	err := v.walk(ctx, w, func(r *ingest.Record) error {
		if err := c.visit(r); err != nil {
			return err
		}
		return c.failed
	})
	if err != nil {
		return err
	}
	for _, rest := range []func() error{c.copies.rest, c.cdrs.rest, c.listings.rest, c.results.rest, c.lates.rest} {
		if err := rest(); err != nil {
			return err
		}
	}
	for key, results := range c.pending {
		if results == 0 {
			c.disagree(-1, "CDR %s, of which another copy is to count, has no row in results", key)
		}
	}
	return nil
}

// openSides begins to read the tables beside the records; the function returned
// ends it.
func (c *cdrWalk) openSides(ctx context.Context, store VerifyStore) func() {
	p, next := c.partition, c.next
	var stop [5]func()
	c.copies, stop[0] = newSide(c.walker, "duplicates", func(r *StoredCopy) (ocpi.Key, ingest.Position) { return r.Key, r.Position },
		func(fn func(StoredCopy) error) error { return store.CopiesRange(ctx, p, 0, next, fn) })
	c.cdrs, stop[1] = newSide(c.walker, "cdrs", func(r *StoredCDR) (ocpi.Key, ingest.Position) { return r.Key, r.Position },
		func(fn func(StoredCDR) error) error { return store.WinnersRange(ctx, p, 0, next, fn) })
	c.listings, stop[2] = newSide(c.walker, "sender_lists", func(r *StoredListing) (ocpi.Key, ingest.Position) { return ocpi.Key{Party: r.Party}, r.Position },
		func(fn func(StoredListing) error) error { return store.ListingsRange(ctx, p, 0, next, fn) })
	c.results, stop[3] = newSide(c.walker, "results", func(r *StoredResult) (ocpi.Key, ingest.Position) { return r.Record.Key, r.Record.Position },
		func(fn func(StoredResult) error) error { return store.ResultsRange(ctx, p, 0, next, fn) })
	c.lates, stop[4] = newSide(c.walker, "late_cdrs", func(r *StoredLate) (ocpi.Key, ingest.Position) { return ocpi.Key{Party: r.Party}, r.Position },
		func(fn func(StoredLate) error) error { return store.LateRange(ctx, p, 0, next, fn) })
	return func() {
		for _, stop := range stop {
			stop()
		}
	}
}

// visit proves one record: the first accepted copy of a CDR, or another one.
//
// Which it is says the store, and it is held to it without all identities being
// kept here: cdrs has one row an identity, whose record is a first copy; a
// record that is none stands in duplicates, where the lowest position of its
// identity is a first copy. So two records of one identity cannot both pass for
// first ones, and none for another one whose first there is not. Of a CDR of which a
// person chose the copy that counts, that one is what the first is of others.
func (c *cdrWalk) visit(r *ingest.Record) error {
	rows, err := c.copies.allAt(r)
	if err != nil {
		return err
	}
	for i := range rows {
		c.copied(r, &rows[i])
	}
	counts, hash := r.Position, r.Hash
	if len(rows) > 0 {
		counts, hash = rows[0].First, rows[0].FirstHash
	}
	if chosen, ok := c.chosen[r.Key]; ok {
		if chosen.Pending {
			return c.visitPending(r, &chosen)
		}
		if counts, hash = chosen.Position, chosen.Hash; chosen.First == r.Position && len(rows) > 0 {
			c.debtors[cloneKey(r.Key)] = rows[0].EMSP
		}
		if counts != r.Position { // it may have counted, and have come late then
			if _, err := c.lates.allAt(r); err != nil {
				return err
			}
		}
	}
	if counts == r.Position {
		c.report.CDRs++
		return c.visitFirst(r, rows)
	}
	if hash == r.Hash {
		c.report.Repeats++
	} else {
		c.report.Conflicts++
	}
	c.terms.of(&ChangeSide{AsOf: pricing.AsOfUnkept})
	c.price(r)
	c.count(r, &c.row)
	return nil
}

// visitPending proves what came of a CDR of which another copy is to count than does. It may be on
// its way from one to the other, and be found by this one and have that one's result still:
// its result is proved by the copy that it is of, whichever that is.
func (c *cdrWalk) visitPending(r *ingest.Record, chosen *ChosenCopy) error {
	if _, err := c.cdrs.allAt(r); err != nil {
		return err
	}
	if _, err := c.listings.allAt(r); err != nil {
		return err
	}
	if _, err := c.lates.allAt(r); err != nil {
		return err
	}
	results, err := c.results.allAt(r)
	if err != nil {
		return err
	}
	c.pending[cloneKey(r.Key)] += len(results)
	if len(results) > 0 {
		c.report.CDRs++
		c.counted(r, &results[0])
		c.outcome(r, &c.row, &results[0])
		c.books.add(&c.row, &results[0])
		return nil
	}
	if chosen.Hash == r.Hash {
		c.report.Repeats++
	} else {
		c.report.Conflicts++
	}
	c.terms.of(&ChangeSide{AsOf: pricing.AsOfUnkept})
	c.price(r)
	c.count(r, &c.row)
	return nil
}

// counted prices a record that counts by the terms of its result, where it has one.
func (c *cdrWalk) counted(r *ingest.Record, stored *StoredResult) {
	c.terms.of(&ChangeSide{AsOf: pricing.AsOfUnkept})
	if stored != nil {
		was := SideOf(&stored.Row)
		c.terms.of(&was)
		c.listed(r)
	}
	c.price(r)
	c.count(r, &c.row)
	c.relations.visit(c.partition, r, &c.row)
}

// visitFirst proves what came of a CDR.
func (c *cdrWalk) visitFirst(r *ingest.Record, copies []StoredCopy) error {
	cdr, err := c.cdrs.at(r)
	if err != nil {
		return err
	}
	listed, err := c.listings.allAt(r)
	if err != nil {
		return err
	}
	if err := c.late(r, cdr, listed); err != nil {
		return err
	}
	stored, err := c.results.at(r)
	if err != nil {
		return err
	}
	c.counted(r, stored)
	c.found(r, cdr, listed, copies)
	if stored == nil {
		return nil
	}
	c.outcome(r, &c.row, stored)
	c.books.add(&c.row, stored)
	return nil
}

// listed tells where the terms name a list of issuers that the store does not hold.
func (c *cdrWalk) listed(r *ingest.Record) {
	if c.terms.unlisted() {
		c.disagree(r.Offset, "CDR %s rests on the list of issuers %s, which the store does not hold", r.Key, c.terms.at.Issuers)
	}
}

// found holds by what a CDR is found, whose lists have it, and whose list of
// conflicts.
func (c *cdrWalk) found(r *ingest.Record, cdr *StoredCDR, listed []StoredListing, copies []StoredCopy) {
	emsp := c.row.Debtor
	if cdr != nil && (cdr.EMSP != emsp || cdr.Month != c.row.Booked() || cdr.LastUpdated != c.row.LastUpdated) {
		c.disagree(r.Offset, "cdrs has CDR %s for %s in %s, last updated %s; its raw body says %s, %s, %s", r.Key,
			cdr.EMSP, cdr.Month, cdr.LastUpdated, emsp, c.row.Booked(), c.row.LastUpdated)
	}
	if len(copies) > 0 {
		is, chosen := c.debtors[r.Key]
		if !chosen {
			is = copies[0].EMSP
		}
		if is != emsp {
			c.disagree(r.Offset, "duplicates has CDR %s for %s; its raw body says %s", r.Key, is, emsp)
		}
	}
	if cdr == nil && len(listed) == 0 {
		return // it is nowhere: that is told
	}
	want := []StoredListing{{Position: r.Position, Party: r.Key.Party, Creditor: true, LastUpdated: c.row.LastUpdated, Received: r.Received}}
	if !emsp.IsZero() {
		want = append(want, want[0])
		want[1].Party, want[1].Creditor = emsp, false
	}
	for i := range listed { // who was found later to owe it has it since then
		if l := &listed[i]; cdr != nil && cdr.Moved && !l.Creditor && l.Received > r.Received {
			l.Received = r.Received
		}
	}
	for i := range want {
		if !slices.Contains(listed, want[i]) {
			c.disagree(r.Offset, "sender_lists lacks CDR %s, last updated %s, on the list of %s", r.Key, want[i].LastUpdated, want[i].Party)
		}
	}
	for i := range listed {
		if !slices.Contains(want, listed[i]) || slices.Contains(listed[:i], listed[i]) {
			c.disagree(r.Offset, "sender_lists has CDR %s, last updated %s, on the list of %s", r.Key, listed[i].LastUpdated, listed[i].Party)
		}
	}
}

// copied holds what the store says of a copy of a CDR that came more than once.
func (w *walker) copied(r *ingest.Record, row *StoredCopy) {
	if row.Key != r.Key || row.Hash != r.Hash {
		w.disagree(r.Offset, "duplicates holds %s with content hash %x where the record is %s with %x", row.Key, row.Hash[:8], r.Key, r.Hash[:8])
	}
	if row.Copies < 2 {
		w.disagree(r.Offset, "duplicates holds %s, of which it has no other copy", row.Key)
	}
	if row.First == r.Position && row.Conflict != row.Differ {
		w.disagree(r.Offset, "CDR %s is listed as a conflict: %t; its copies differ: %t", r.Key, row.Conflict, row.Differ)
	}
}

// price prices a record from its raw body by the stored terms, and checks the content hash
// that tells repeats from conflicts.
func (c *cdrWalk) price(r *ingest.Record) {
	bare := *r
	bare.Hash = ingest.Hash{}
	c.priceAs(&bare, c.terms.at)
	if c.row.Record.Hash != r.Hash {
		c.disagree(r.Offset, "CDR %s is stored with content hash %x, its raw body has %x", r.Key, r.Hash[:8], c.row.Record.Hash[:8])
	}
}

// priceAs prices a record as of a part of the log. Where an input cannot be read,
// visit's caller ends the walk with c.failed.
func (c *cdrWalk) priceAs(r *ingest.Record, at pricing.AsOf) {
	err := c.gather(func(int) bool {
		c.pricer.PriceWith(r, &c.row, at, "", nil)
		return true
	})
	if err != nil {
		c.failed = fmt.Errorf("read old versions of tariffs: %w", err)
	}
}

// count adds a record to the recomputed ledger.
func (w *walker) count(r *ingest.Record, row *pricing.Row) {
	if w.covers(r.Offset) {
		e := ingest.EntryOf(r)
		e.Currency, e.Excl, e.Incl = row.Currency, row.Outcome.Claimed.Excl, row.Outcome.Claimed.Incl
		w.ledger.Add(e)
	}
}

// outcome holds a stored result against one computed afresh from the raw body.
func (w *walker) outcome(r *ingest.Record, fresh *pricing.Row, stored *StoredResult) {
	s, f := &stored.Outcome, &fresh.Outcome
	switch s.Status {
	case pricing.Priced:
		w.report.Priced++
	case pricing.Credited:
		w.report.Credits++
	case pricing.Rejected:
		w.report.Rejected++
	default:
		w.disagree(r.Offset, "CDR %s is neither priced nor rejected", r.Key)
	}
	w.booked(r, accountOf(fresh), "results", account{stored.Creditor, stored.Debtor, stored.Month, stored.Currency}, fresh.Credit, stored.Credit)
	w.amount(r, "claimed", s.Claimed, f.Claimed)
	w.measured(r, fresh, stored)
	if s.Status == pricing.Rejected {
		w.rejected(r, f, s)
		return
	}
	if s.Status != f.Status {
		w.disagree(r.Offset, "CDR %s is stored as %s; priced again from its raw body it is %s %s", r.Key, s.Status, f.Status, f.Reason)
		return
	}
	if earlier := s.EngineVersion != tariff.EngineVersion && f.TaxesStated; earlier && len(s.Taxes) == 0 {
		// An earlier edition left unknown what this one takes as the CDR states it.
		unstated(&f.Computed, s.Computed)
		f.Taxes = nil
	}
	w.amount(r, "computed", s.Computed, f.Computed)
	for _, part := range []struct {
		name          string
		stored, fresh tariff.Money
	}{{"fixed", s.Fixed, f.Fixed}, {"energy", s.Energy, f.Energy}, {"time", s.Time, f.Time}, {"parking", s.Parking, f.Parking}, {"reservation", s.Reservation, f.Reservation}} {
		w.amount(r, part.name, part.stored, part.fresh)
	}
	if s.AsOf.Kept() && s.TariffHash != f.TariffHash {
		w.disagree(r.Offset, "CDR %s is stored as priced by tariff %s; as of then %s counts", r.Key, s.TariffHash, f.TariffHash)
	}
	if was, is := taxText(s.Taxes), taxText(f.Taxes); was != is {
		w.disagree(r.Offset, "CDR %s: taxes are stored as %q, its raw body gives %q", r.Key, was, is)
	}
	// Another edition of the engine may judge a claim by another tolerance: what
	// it said then stays true of it. The amounts it must give all the same.
	if s.EngineVersion == tariff.EngineVersion && s.Claim != f.Claim {
		w.disagree(r.Offset, "CDR %s: the claim is stored as %s, priced again it is %s", r.Key, s.Claim, f.Claim)
	}
}

// measured holds what a result says that the CDR measures against its raw body.
func (w *walker) measured(r *ingest.Record, fresh *pricing.Row, stored *StoredResult) {
	s, f := &stored.Measures, &fresh.Measures
	for _, n := range []struct {
		name          string
		stored, fresh ocpi.Number
	}{{"total_time in seconds", s.Duration, f.Duration}, {"total_parking_time in seconds", s.Parking, f.Parking}, {"peak power in kW", s.PeakPower, f.PeakPower}} {
		if !sameNumber(n.stored, n.fresh) {
			w.disagree(r.Offset, "CDR %s: %s is stored as %s, its raw body gives %q", r.Key, n.name, numberText(n.stored), n.fresh.String())
		}
	}
	rest, want := *s, *f
	rest.Duration, rest.Parking, rest.PeakPower = want.Duration, want.Parking, want.PeakPower
	if rest != want {
		w.disagree(r.Offset, "CDR %s is stored as of connector %s of EVSE %q in %q, %s, with hashes %x and %x, future %t; its raw body says %s of %q in %q, %s, %x and %x, future %t", r.Key,
			s.ConnectorID, s.EVSEID, s.Country, s.Supply, s.ChargeHash, s.ConnectorHash, s.InFuture,
			f.ConnectorID, f.EVSEID, f.Country, f.Supply, f.ChargeHash, f.ConnectorHash, f.InFuture)
	}
	// What its connector could give follows from the Location; rows of before 0036 do not say.
	if s, f := stored.Outcome.ConnectorPower, fresh.Outcome.ConnectorPower; stored.Outcome.AsOf.Kept() && s.IsSet() && !sameNumber(s, f) {
		w.disagree(r.Offset, "CDR %s: the power of its connector in kW is stored as %s, as of then it is %q", r.Key, numberText(s), f.String())
	}
	// What is doubtful belongs to an edition, as a verdict does; and of tariffs that the CDR
	// does not carry, a row of before 0026 does not say.
	said, says := &stored.Outcome, &fresh.Outcome
	if said.Doubt == says.Doubt || said.EngineVersion != says.EngineVersion || said.TariffHash != says.TariffHash ||
		said.Doubt == pricing.UnknownDoubt && says.TariffSource == "store" {
		return
	}
	w.disagree(r.Offset, "CDR %s: whether its tariffs are doubtful is stored as %s, it is %s", r.Key, said.Doubt, says.Doubt)
}

// unstated leaves the side of an amount unset that another leaves unset.
func unstated(m *tariff.Money, like tariff.Money) {
	if !like.Excl.IsSet() {
		m.Excl = ocpi.Number{}
	}
	if !like.Incl.IsSet() {
		m.Incl = ocpi.Number{}
	}
}

// taxText puts taxes on one line, to compare and to show.
func taxText(taxes []tariff.Tax) string {
	var b strings.Builder
	for _, t := range taxes {
		fmt.Fprintf(&b, "%s %s%%: %s; ", t.Name, numberText(t.Percentage), numberText(t.Amount))
	}
	return b.String()
}

// transient are the reasons that do not follow from what the result was
// computed from; healable are those that do not where that was not kept.
var (
	transient = []string{pricing.ReasonPanic, pricing.ReasonUnknownProfile, pricing.ReasonUnstorable}
	healable  = append(slices.Clone(transient), pricing.Healable...)
)

// rejected holds a stored reject against what the raw body gives now.
func (w *walker) rejected(r *ingest.Record, fresh, s *pricing.Outcome) {
	excused := transient
	if !s.AsOf.Kept() {
		excused = healable
	}
	if fresh.Status != pricing.Rejected && !slices.Contains(excused, s.Reason) {
		w.disagree(r.Offset, "CDR %s is stored as rejected for %q; priced again from its raw body it is %s", r.Key, s.Reason, fresh.Status)
	}
}

// booked holds the account a table books a CDR on against its raw body.
func (w *walker) booked(r *ingest.Record, raw account, table string, stored account, rawCredit, credit bool) {
	if stored != raw || credit != rawCredit {
		w.disagree(r.Offset, "%s books CDR %s on %q (credit %t); its raw body says %q (credit %t)", table, r.Key, stored, credit, raw, rawCredit)
	}
}

// numberText is a number in canonical form, as text is.
func numberText(n ocpi.Number) string {
	if !n.IsSet() {
		return text(nil)
	}
	d := n.Decimal()
	return text(&d)
}

func (w *walker) amount(r *ingest.Record, name string, stored, fresh tariff.Money) {
	for _, side := range []struct {
		name          string
		stored, fresh ocpi.Number
	}{{"excl_vat", stored.Excl, fresh.Excl}, {"incl_vat", stored.Incl, fresh.Incl}} {
		if !sameNumber(side.stored, side.fresh) {
			w.disagree(r.Offset, "CDR %s: %s %s is stored as %s, its raw body gives %q", r.Key, name, side.name, numberText(side.stored), side.fresh.String())
		}
	}
}
