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
	copies      *side[StoredCopy]
	cdrs        *side[StoredCDR]
	results     *side[StoredResult]
	corrections *side[StoredCorrection]
	books       *books
	relations   *relationProof

	first  map[ocpi.Key]ingest.Hash // content hashes of the first accepted copies
	terms  terms                    // that the record is priced by
	pricer *pricing.Pricer
	row    pricing.Row                      // of the record priced last
	gather func(price func(int) bool) error // calls price until it has all its inputs
	failed error                            // of gather
}

// walkCDRs walks the records of a partition beside what lists and reports
// read of it.
func (v *Verifier) walkCDRs(ctx context.Context, w *walker, books *books, relations *relationProof) error {
	c := &cdrWalk{walker: w, books: books, relations: relations, first: map[ocpi.Key]ingest.Hash{}}
	c.terms = terms{inputs: pricing.Own(v.Inputs), policies: v.Policies, at: pricing.AsOfUnkept}
	c.gather = func(price func(int) bool) error { return pricing.Gather(ctx, c.terms.inputs, 1, price) }
	c.pricer = pricing.NewPricer(&c.terms, &c.terms)
	var stop [4]func()
	c.copies, stop[0] = newSide(w, "copies", func(r *StoredCopy) (ocpi.Key, ingest.Position) { return r.Key, r.Position },
		func(fn func(StoredCopy) error) error {
			return v.Store.CopiesRange(ctx, w.partition, 0, w.next, fn)
		})
	defer stop[0]()
	c.cdrs, stop[1] = newSide(w, "cdrs", func(r *StoredCDR) (ocpi.Key, ingest.Position) { return r.Key, r.Position },
		func(fn func(StoredCDR) error) error {
			return v.Store.WinnersRange(ctx, w.partition, 0, w.next, fn)
		})
	defer stop[1]()
	c.results, stop[2] = newSide(w, "results", func(r *StoredResult) (ocpi.Key, ingest.Position) { return r.Record.Key, r.Record.Position },
		func(fn func(StoredResult) error) error {
			return v.Store.ResultsRange(ctx, w.partition, 0, w.next, fn)
		})
	defer stop[2]()
	c.corrections, stop[3] = newSide(w, "corrections", func(r *StoredCorrection) (ocpi.Key, ingest.Position) { return r.Key, r.Position },
		func(fn func(StoredCorrection) error) error {
			return v.Store.CorrectionsRange(ctx, w.partition, 0, w.next, fn)
		})
	defer stop[3]()
	err := v.walk(ctx, w, func(r *ingest.Record) error {
		if err := c.visit(r); err != nil {
			return err
		}
		return c.failed
	})
	if err != nil {
		return err
	}
	for _, rest := range []func() error{c.copies.rest, c.cdrs.rest, c.results.rest, c.corrections.rest} {
		if err := rest(); err != nil {
			return err
		}
	}
	return nil
}

// visit proves one record: the first accepted copy of a CDR, or another one.
func (c *cdrWalk) visit(r *ingest.Record) error {
	rows, err := c.copies.allAt(r)
	if err != nil {
		return err
	}
	c.copied(r, rows)
	hash, again := c.first[r.Key]
	if !again {
		c.first[cloneKey(r.Key)] = r.Hash
		c.report.CDRs++
		return c.visitFirst(r)
	}
	if hash == r.Hash {
		c.report.Repeats++
	} else {
		c.report.Conflicts++
	}
	c.price(r)
	c.count(r, &c.row)
	return nil
}

// visitFirst proves what came of a CDR.
func (c *cdrWalk) visitFirst(r *ingest.Record) error {
	cdr, err := c.cdrs.at(r)
	if err != nil {
		return err
	}
	stored, err := c.results.at(r)
	if err != nil {
		return err
	}
	c.terms.of(&ChangeSide{AsOf: pricing.AsOfUnkept})
	if stored != nil {
		was := SideOf(&stored.Row)
		c.terms.of(&was)
	}
	c.price(r)
	c.count(r, &c.row)
	c.relations.visit(c.partition, r, &c.row)
	corrections, err := c.corrections.allAt(r)
	if err != nil {
		return err
	}
	if cdr != nil {
		raw := accountOf(&c.row)
		if n := len(corrections); n > 0 { // its month was closed: the debtor found since lists it too
			raw.emsp = corrections[n-1].New.EMSP
		}
		c.booked(r, raw, "cdrs", account{cdr.CPO, cdr.EMSP, cdr.Month, cdr.Currency}, c.row.Credit, cdr.Credit)
		c.same(r, "cdrs", cdr.Key, cdr.Hash)
	}
	if stored == nil {
		return nil
	}
	c.outcome(r, &c.row, stored)
	c.books.add(&c.row, stored)
	c.corrected(stored, corrections, c.books, func(as *ChangeSide) *pricing.Row {
		c.terms.of(as)
		c.priceAs(r, as.AsOf)
		return &c.row
	})
	return nil
}

// copied holds what tells repeats from conflicts against the record: a row for
// every copy, more than one only where a replay left it.
func (w *walker) copied(r *ingest.Record, rows []StoredCopy) {
	if len(rows) == 0 {
		w.disagree(r.Offset, "CDR %s has no row in copies", r.Key)
	}
	for i := range rows {
		w.same(r, "copies", rows[i].Key, rows[i].Hash)
	}
}

// same holds the identity and the content hash of a row against the record.
func (w *walker) same(r *ingest.Record, table string, key ocpi.Key, hash ingest.Hash) {
	if key != r.Key || hash != r.Hash {
		w.disagree(r.Offset, "%s holds %s with content hash %x where the record is %s with %x", table, key, hash[:8], r.Key, r.Hash[:8])
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
	if s.AsOf != pricing.AsOfUnkept && s.TariffHash != f.TariffHash {
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
	if s.AsOf == pricing.AsOfUnkept {
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
