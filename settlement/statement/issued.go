package statement

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Digest returns the SHA-256 of the canonical form.
func (s *Statement) Digest() [sha256.Size]byte {
	h := sha256.New()
	if _, err := s.WriteTo(h); err != nil {
		panic(err) // a hash takes everything
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// issue is the draft as an attempt issues it, without its lines.
func (d *Draft) issue(attempt uint64, rank int) Issue {
	i := Issue{
		Attempt: attempt, CPO: d.CPO, EMSP: d.EMSP, Period: d.Period, Zone: d.Zone, Currency: d.Currency, Terms: d.Terms,
		Totals: d.Totals(), Rank: rank, Digest: fmt.Sprintf("%x", d.Digest()), Months: d.months(),
	}
	i.ByTax, i.Sums = nil, nil
	return i
}

// months sums the lines of the draft by the months that their CDRs are booked in.
func (d *Draft) months() (list []MonthLines) {
	at := map[[2]ocpi.Month]int{}
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.Line == nil {
			continue
		}
		of := MonthLines{Month: s.Booked.Month, Due: min(s.Due, d.Period), Lines: settlement.Lines{Count: 1, Net: s.Line.Net}}
		n, known := at[[2]ocpi.Month{of.Month, of.Due}]
		if !known {
			at[[2]ocpi.Month{of.Month, of.Due}], list = len(list), append(list, of)
			continue
		}
		list[n].Lines = list[n].Add(of.Lines)
	}
	slices.SortFunc(list, func(a, b MonthLines) int { return cmp.Or(a.Month.Compare(b.Month), a.Due.Compare(b.Due)) })
	return list
}

// issued are the lines of the draft as an attempt writes them, and a mark for each CDR that
// was issued before and looked at again without anything to add.
func (d *Draft) issued(attempt uint64) (lines []IssuedLine) {
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.Line == nil && !s.stale {
			continue
		}
		l := IssuedLine{IssuedCDR: IssuedCDR{
			Attempt: attempt, Period: d.Period, Key: s.Key, EMSP: d.EMSP, Currency: d.Currency, Month: s.Booked.Month, Version: s.Booked.Version,
			Tax: &decimal.Decimal{}, KWh: &decimal.Decimal{}, Claim: s.Claim.Sub(s.claimed), Zeroed: s.State == clearing.Zeroed,
		}, Hashes: HashesOf(s.Booked)}
		if s.Line != nil {
			l.Line, l.Net, l.KWh, l.Tax = *s.Line, s.Line.Net, s.Line.KWh, s.Owed.Tax
			if s.Issued != nil {
				l.Tax = less(s.Owed.Tax, s.Issued.Amount.Tax)
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// inMonths is what a statement's months come to together.
func (i *Issue) inMonths() (all settlement.Lines) {
	for n := range i.Months {
		all = all.Add(i.Months[n].Lines)
	}
	return all
}

// DamagedError says that the store does not have an issued statement as it was issued.
type DamagedError struct {
	Issue  Issue
	Reason string
}

// Error says which one, and what is wrong.
func (e *DamagedError) Error() string {
	i := &e.Issue
	return fmt.Sprintf("the statement of %s to %s for %s in %s, attempt %016x, is not as it was issued: %s", i.CPO, i.EMSP, i.Period, i.Currency, i.Attempt, e.Reason)
}

// ReadIssued calls fn for the statements that attempts wrote for the period of q, with all
// their lines, in the order of CPO, eMSP and currency. Each is held against its digest: one
// that differs, or that has lines and no head, is a *DamagedError, and never handed on.
func ReadIssued(ctx context.Context, s IssueStore, q IssueQuery, attempts []uint64, fn func(*Issue, *Statement) error) error {
	if q.Period.IsZero() {
		return fmt.Errorf("read issued statements: of which period is not said")
	}
	var failed error
	next, stop := iter.Pull(func(yield func(*IssuedLine) bool) {
		failed = s.Lines(ctx, q, attempts, func(l *IssuedLine) error {
			if !yield(l) {
				return errEnough
			}
			return nil
		})
	})
	defer stop()
	line, more := next()
	err := s.Issues(ctx, q, attempts, func(i *Issue) error {
		st := Statement{CPO: i.CPO, EMSP: i.EMSP, Period: i.Period, Zone: i.Zone, Currency: i.Currency, Terms: i.Terms}
		for ; more && line.of(i); line, more = next() {
			st.Lines = append(st.Lines, line.Line)
		}
		if failed != nil {
			return failed
		}
		if reason := i.differs(&st); reason != "" {
			return &DamagedError{*i, reason}
		}
		return fn(i, &st)
	})
	switch {
	case err != nil:
		return err
	case more:
		return &DamagedError{Issue{Attempt: line.Attempt, CPO: line.Key.Party, EMSP: line.EMSP, Period: line.Period, Currency: line.Currency},
			"it has lines, such as that of " + line.Key.String() + ", and no head"}
	}
	return failed
}

func (l *IssuedLine) of(i *Issue) bool {
	return l.Attempt == i.Attempt && l.Key.Party == i.CPO && l.EMSP == i.EMSP && l.Currency == i.Currency
}

// differs says in what a statement as it was read differs from its head, "" in nothing.
func (i *Issue) differs(s *Statement) string {
	if len(s.Lines) != i.Lines {
		return fmt.Sprintf("it has %d lines, and had %d", len(s.Lines), i.Lines)
	}
	if digest := fmt.Sprintf("%x", s.Digest()); digest != i.Digest {
		return fmt.Sprintf("its SHA-256 is %s, and was %s", digest, i.Digest)
	}
	return ""
}
