package settlement

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/shopspring/decimal"
)

// first is what the walk remembers of an identity's first accepted copy.
type first struct {
	offset int64
	hash   ingest.Hash
}

// walkCDRs walks the records of a partition beside what lists and reports
// read of it.
func (v *Verifier) walkCDRs(ctx context.Context, w *walker, books *books) error {
	cdrs, stopCDRs := newSide(w, "cdrs", func(c *StoredCDR) (ocpi.Key, ingest.Position) { return c.Key, c.Position },
		func(fn func(StoredCDR) error) error {
			return v.Store.WinnersRange(ctx, v.Epoch, w.partition, 0, w.next, fn)
		})
	defer stopCDRs()
	results, stopResults := newSide(w, "results", func(r *StoredResult) (ocpi.Key, ingest.Position) { return r.Key, r.Position },
		func(fn func(StoredResult) error) error {
			return v.Store.ResultsRange(ctx, v.Epoch, w.partition, 0, w.next, fn)
		})
	defer stopResults()
	corrections, stopCorrections := newSide(w, "corrections", func(c *StoredCorrection) (ocpi.Key, ingest.Position) { return c.Key, c.Position },
		func(fn func(StoredCorrection) error) error {
			return v.Store.CorrectionsRange(ctx, v.Epoch, w.partition, 0, w.next, fn)
		})
	defer stopCorrections()
	seen := map[ocpi.Key]first{}
	policies := &storedPolicies{}
	pricer := pricing.NewPricer(v.Inputs, policies)
	var row pricing.Row
	err := v.walk(ctx, w, func(r *ingest.Record) error {
		f, again := seen[r.Key]
		if again {
			if f.hash == r.Hash {
				w.report.Repeats++
			} else {
				w.report.Conflicts++
			}
			w.price(pricer, r, &row)
			w.count(r, &row)
			return nil
		}
		seen[cloneKey(r.Key)] = first{r.Offset, r.Hash}
		w.report.CDRs++
		cdr, err := cdrs.at(r)
		if err != nil {
			return err
		}
		stored, err := results.at(r)
		if err != nil {
			return err
		}
		policies.profile = ""
		if stored != nil {
			policies.profile = stored.Profile
		}
		w.price(pricer, r, &row)
		w.count(r, &row)
		if cdr != nil {
			w.booked(r, &row, "cdrs", account{cdr.CPO, cdr.EMSP, cdr.Month, cdr.Currency}, cdr.Credit)
		}
		if stored != nil {
			w.outcome(r, &row, stored)
			books.add(&row, stored)
			all, err := corrections.allAt(r)
			if err != nil {
				return err
			}
			w.corrected(stored, all, books, func(profile string) *pricing.Row {
				policies.profile = profile
				pricer.PriceWith(r, &row, "")
				return &row
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := cdrs.rest(); err != nil {
		return err
	}
	if err := results.rest(); err != nil {
		return err
	}
	return corrections.rest()
}

// price prices a record from its raw body alone, and checks the content hash
// that tells repeats from conflicts.
func (w *walker) price(p *pricing.Pricer, r *ingest.Record, row *pricing.Row) {
	bare := *r
	bare.Hash = ingest.Hash{}
	p.PriceWith(&bare, row, "")
	if row.Record.Hash != r.Hash {
		w.disagree(r.Offset, "CDR %s is stored with content hash %x, its raw body has %x", r.Key, r.Hash[:8], row.Record.Hash[:8])
	}
}

// count adds a record to the recomputed ledger.
func (w *walker) count(r *ingest.Record, row *pricing.Row) {
	if r.Offset < w.committed.Next {
		w.ledger.Add(r, row.Currency, row.Outcome.ClaimedExcl, row.Outcome.ClaimedIncl)
	}
}

// storedPolicies prices a record under the profile its stored result names.
// Whether the debtor was known is a fact of its time, not of now.
type storedPolicies struct{ profile string }

func (p *storedPolicies) DebtorKnown(ocpi.Party) bool { return true }
func (p *storedPolicies) Profile(ocpi.Party) string   { return p.profile }

// outcome holds a stored result against one computed afresh from the raw body.
func (w *walker) outcome(r *ingest.Record, fresh *pricing.Row, s *StoredResult) {
	f := &fresh.Outcome
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
	w.booked(r, fresh, "results", account{s.CPO, s.EMSP, s.Month, s.Currency}, s.Credit)
	w.amount(r, "claimed excl_vat", s.ClaimedExcl, f.ClaimedExcl)
	w.amount(r, "claimed incl_vat", s.ClaimedIncl, f.ClaimedIncl)
	if s.Status == pricing.Rejected {
		return // its cause may have gone away; healing prices it
	}
	if s.Status != f.Status {
		w.disagree(r.Offset, "CDR %s is stored as %s; priced again from its raw body it is %s %s", r.Key, s.Status, f.Status, f.Reason)
		return
	}
	w.amount(r, "computed excl_vat", s.ComputedExcl, f.ComputedExcl)
	w.amount(r, "computed incl_vat", s.ComputedIncl, f.ComputedIncl)
}

// booked holds the account a table books a CDR on against its raw body.
func (w *walker) booked(r *ingest.Record, fresh *pricing.Row, table string, stored account, credit bool) {
	raw := accountOf(fresh)
	if stored != raw || credit != fresh.Credit {
		w.disagree(r.Offset, "%s books CDR %s on %q (credit %t); its raw body says %q (credit %t)", table, r.Key, stored, credit, raw, fresh.Credit)
	}
}

func (w *walker) amount(r *ingest.Record, name string, stored *decimal.Decimal, fresh ocpi.Number) {
	switch {
	case stored == nil && !fresh.IsSet():
	case stored == nil || !fresh.IsSet() || !stored.Equal(fresh.Decimal()):
		w.disagree(r.Offset, "CDR %s: %s is stored as %s, its raw body gives %q", r.Key, name, text(stored), fresh.String())
	}
}
