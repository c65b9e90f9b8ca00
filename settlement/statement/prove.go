package statement

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// ClaimStore counts by itself what drafts find one by one.
type ClaimStore interface {
	// BookedClaims calls fn for each pair and currency that has CDRs which count below
	// these ends, with how many and what they claim (see [Claims]), in the order of CPO,
	// eMSP and currency.
	BookedClaims(ctx context.Context, below settlement.Ends, fn func(cpo, emsp ocpi.Party, currency string, t Tally) error) error
}

// Prover proves what was closed: that issued statements are as they were issued, that
// their numbers have no gap, and that each claim of a counted CDR has exactly one place.
type Prover struct {
	Books  Books
	Issues IssueStore
	Claims ClaimStore
	// Closings calls fn for the closes that count, in the order of their records.
	Closings func(ctx context.Context, fn func(*clearing.Closing) error) error
	// Waiting calls fn for the requests to close that wait for their approval.
	Waiting func(ctx context.Context, fn func(*clearing.Request) error) error
	// Agreed returns what holds by the control records below an offset.
	Agreed func(below int64) Agreed
	// Control is the offset below which all records count, Below up to where CDRs do.
	Control int64
	Below   settlement.Ends
}

// Proof is what was proved, and what does not add up.
type Proof struct {
	Closes     int
	Statements int
	Lines      int64
	// Again are the statements that came to the same bytes when they were drawn once more;
	// of the others the digest alone was held against what the log says: other editions drew
	// them, or CDRs of the pair were priced again since.
	Again int
	// Otherwise are the closes that other editions drew than those of the running program, in
	// the order of the first of each: digests alone were held against what the log says.
	Otherwise []Otherwise
	Places    int   // pairs and currencies in which each claim has its place
	CDRs      int64 // counted ones
	// Requests wait for their approval: what they wrote, so many lines, counts nowhere.
	Requests     int
	RequestLines int64
	Faults       []string
	More         int // faults beyond maxFaults
}

// Otherwise is what other editions drew.
type Otherwise struct {
	clearing.Editions
	Closes, Statements int
	First, Last        int64 // control records of these closes
}

const maxFaults = 200

func (p *Proof) fault(format string, args ...any) {
	if len(p.Faults) >= maxFaults {
		p.More++
		return
	}
	p.Faults = append(p.Faults, fmt.Sprintf(format, args...))
}

// Prove proves all closes and all balances. Errors are those of what it reads.
func (p *Prover) Prove(ctx context.Context) (*Proof, error) {
	run := proving{Prover: p, Proof: &Proof{}, lines: map[place]decimal.Decimal{}, numbers: map[ocpi.Party]int64{}}
	if err := p.Closings(ctx, func(c *clearing.Closing) error { return run.close(ctx, c) }); err != nil {
		return nil, fmt.Errorf("prove what was closed: %w", err)
	}
	if err := p.Waiting(ctx, func(r *clearing.Request) error { return run.request(ctx, r) }); err != nil {
		return nil, fmt.Errorf("prove what is asked for: %w", err)
	}
	if err := run.conserve(ctx); err != nil {
		return nil, fmt.Errorf("prove that each claim has its place: %w", err)
	}
	return run.Proof, nil
}

// proving is one run of Prove.
type proving struct {
	*Prover
	*Proof
	chain   ingest.Digest
	numbers map[ocpi.Party]int64 // last one of each creditor
	lines   map[place]decimal.Decimal
}

// request proves that what a request wrote is there to be approved, and does not count:
// that each claim has its place shows that no sum has it.
func (p *proving) request(ctx context.Context, r *clearing.Request) error {
	of := fmt.Sprintf("the request to close %s of %s (control record %d)", r.Period, r.Scope, r.Offset)
	p.Requests, p.RequestLines = p.Requests+1, p.RequestLines+r.Lines
	if slices.ContainsFunc(p.Agreed(p.Control).Counted(), func(c clearing.Counted) bool { return c.ID == r.ID }) {
		p.fault("%s waits for its approval, and what it wrote counts already", of)
	}
	c := Closer{Books: p.Books, Issues: p.Issues}
	err := c.readAll(ctx, &r.NewClosing, func(CloseProgress) {})
	if notWhole(err) {
		p.fault("%s cannot be approved: %v", of, err)
		return nil
	}
	return err
}

// close proves one close: the chain, the numbers, each statement and all of them.
func (p *proving) close(ctx context.Context, c *clearing.Closing) error {
	p.Closes++
	of := fmt.Sprintf("the close of %s of %s (control record %d)", c.Period, c.Scope, c.Offset)
	if c.Before != p.chain {
		p.fault("%s names %x as the close before, which is %x", of, c.Before, p.chain)
	}
	p.chain = c.Chain
	for i, s := range c.Statements {
		if want := p.numbers[s.CPO] + 1; c.Firsts[i] != want {
			p.fault("%s numbers the statements of %s from %d, not from %d", of, s.CPO, c.Firsts[i], want)
		}
		p.numbers[s.CPO] = c.Firsts[i] + s.Count - 1
	}
	again, err := p.again(ctx, c)
	if err != nil {
		return err
	}
	sums := newTally()
	err = ReadIssued(ctx, p.Issues, IssueQuery{Period: c.Period}, []uint64{c.ID}, func(i *Issue, s *Statement) error {
		if rank := sums.rank(i.CPO); i.Rank != rank {
			p.fault("%s: the statement of %s to %s in %s has rank %d, not %d", of, i.CPO, i.EMSP, i.Currency, i.Rank, rank)
		}
		sums.add(i)
		p.sums(of, i, s)
		at := place{i.CPO, i.EMSP, i.Currency}
		p.lines[at] = p.lines[at].Add(i.Net)
		if err := p.hold(ctx, of, again, i, s); err != nil {
			return err
		}
		return counted(ctx, p.Books, i, s, func(format string, args ...any) { p.fault("%s: %s", of, fmt.Sprintf(format, args...)) })
	})
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		p.fault("%s: %v", of, damaged)
		return nil
	}
	if err != nil {
		return err
	}
	p.Statements, p.Lines = p.Statements+sums.statements, p.Lines+sums.lines
	if again == nil {
		p.otherwise(c, sums.statements)
	}
	if root := ingest.Digest(sums.root.sum()); root != c.Root {
		p.fault("%s: its statements come to root %x, and it says %x", of, root, c.Root)
	}
	if sums.lines != c.Lines || !slices.Equal(sums.creditors, c.Statements) {
		p.fault("%s: there are %d lines of %v, and it says %d of %v", of, sums.lines, sums.creditors, c.Lines, c.Statements)
	}
	if !maps.EqualFunc(sums.net, c.Net, decimal.Decimal.Equal) {
		p.fault("%s: its lines come to %v, and it says %v", of, sums.net, c.Net)
	}
	again.rest(p.Proof, of)
	return nil
}

// otherwise notes a close that other editions drew.
func (p *Proof) otherwise(c *clearing.Closing, statements int) {
	i := slices.IndexFunc(p.Otherwise, func(o Otherwise) bool { return o.Editions == c.Editions })
	if i < 0 {
		i = len(p.Otherwise)
		p.Otherwise = append(p.Otherwise, Otherwise{Editions: c.Editions, First: c.Offset})
	}
	o := &p.Otherwise[i]
	o.Closes, o.Statements, o.Last = o.Closes+1, o.Statements+statements, c.Offset
}

// sums holds the sums of a statement against its lines.
func (p *Proof) sums(of string, i *Issue, s *Statement) {
	t := s.Totals()
	base := decimal.Decimal{}
	for _, tax := range t.ByTax {
		base = base.Add(tax.Base)
	}
	if !t.Net.Equal(i.Net) || !base.Equal(i.Net.Add(i.Rounding)) || text(t.Payable) != text(i.Payable) || text(t.Tax) != text(i.Tax) || !t.KWh.Equal(i.KWh) {
		p.fault("%s: the lines of %s to %s in %s come to %s, base %s, and it says %s and %s of rounding", of, i.CPO, i.EMSP, i.Currency, t.Net, base, i.Net, i.Rounding)
	}
}

// counted makes sure that what drafts leave out as issued, and what reports have of each
// month, is what the lines of a statement say, and tells what is not.
func counted(ctx context.Context, books Books, i *Issue, s *Statement, fault func(format string, args ...any)) error {
	months := map[ocpi.Month]settlement.Lines{}
	for n := range i.Months {
		m := &i.Months[n]
		months[m.Month] = months[m.Month].Add(settlement.Lines{Count: -m.Count, Net: m.Net.Neg()})
	}
	for lines := range slices.Chunk(s.Lines, keysAtOnce) {
		want := make(map[string]*Line, len(lines))
		for n := range lines {
			want[lines[n].CDR] = &lines[n]
		}
		err := books.IssuedIn(ctx, unitsOf(i, lines), []clearing.Counted{{ID: i.Attempt, Period: i.Period}}, func(c *IssuedCDR) error {
			l := want[c.Key.String()]
			if l == nil {
				fault("%s counts as issued twice to %s in %s", c.Key, i.EMSP, i.Currency)
				return nil
			}
			if !l.Net.Equal(c.Net) {
				fault("%s counts as issued with %s, and its line has %s", c.Key, c.Net, l.Net)
			}
			delete(want, c.Key.String())
			months[c.Month] = months[c.Month].Add(settlement.Lines{Count: 1, Net: c.Net})
			return nil
		})
		if err != nil {
			return err
		}
		for _, cdr := range slices.Sorted(maps.Keys(want)) {
			fault("%s has a line to %s in %s, and does not count as issued", cdr, i.EMSP, i.Currency)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(months)) {
		if off := months[m]; off.Count != 0 || !off.Net.IsZero() {
			fault("of CDRs that were booked in %s, the lines of %s to %s in %s come to %s more than reports have of them, in %d lines more", m, i.CPO, i.EMSP, i.Currency, off.Net, int64(off.Count))
		}
	}
	return nil
}

// redrawn are the statements of a close as they come to be when they are drawn again,
// nil where they cannot be: other editions drew them.
type redrawn map[place]*again

type again struct {
	digest string
	// moved: CDRs of the pair were priced since, so that it may differ.
	moved bool
	seen  bool
}

// again draws the statements of a close once more from what it rests on.
func (p *proving) again(ctx context.Context, c *clearing.Closing) (redrawn, error) {
	if c.Editions != clearing.RunningEditions() {
		return nil, nil
	}
	drawn := redrawn{}
	d := Drawer{Books: p.Books, Agreed: p.Agreed(c.Control)}
	err := d.Draw(ctx, Query{CPO: c.Scope.CPO, EMSP: c.Scope.EMSP, Period: c.Period, Below: c.Cut}, func(d *Draft) error {
		a := &again{moved: d.Err != nil}
		for i := range d.Settled {
			on := d.Settled[i].Booked.AsOf
			a.moved = a.moved || on.Control > c.Control || on.Reference > c.Reference
		}
		a.digest = digestOf(d)
		drawn[place{d.CPO, d.EMSP, d.Currency}] = a
		return nil
	})
	if _, closed := errors.AsType[*ClosedError](err); closed {
		err = nil // of one pair, by an earlier record: then it has no statement either
	}
	return drawn, err
}

// hold holds a statement against what it comes to now.
func (p *proving) hold(ctx context.Context, of string, drawn redrawn, i *Issue, s *Statement) error {
	if drawn == nil {
		return nil
	}
	a := drawn[place{i.CPO, i.EMSP, i.Currency}]
	if a == nil { // all its CDRs have left the pair, or it is one that should not be
		a = &again{}
	}
	a.seen = true
	switch {
	case a.digest == i.Digest:
		p.Again++
		return nil
	case a.moved:
		return nil
	}
	stands, err := p.stands(ctx, i, s)
	if err == nil && stands {
		p.fault("%s: the statement of %s to %s in %s is %s, and comes to %q when it is drawn again", of, i.CPO, i.EMSP, i.Currency, i.Digest, a.digest)
	}
	return err
}

// stands reports whether all CDRs of a statement are what they were when it was issued.
func (p *proving) stands(ctx context.Context, i *Issue, s *Statement) (bool, error) {
	at := place{i.CPO, i.EMSP, i.Currency}
	versions := map[ocpi.Key]uint64{}
	for lines := range slices.Chunk(s.Lines, keysAtOnce) {
		clear(versions)
		units := unitsOf(i, lines)
		keys := make([]ocpi.Key, len(units))
		for n := range units {
			keys[n] = units[n].Key
		}
		err := p.Books.BookedOf(ctx, keys, p.Below, func(c *settlement.BookedCDR) error {
			if placeOf(c) == at {
				versions[c.Key] = c.Version
			}
			return nil
		})
		if err != nil {
			return false, err
		}
		moved := false
		err = p.Books.IssuedIn(ctx, units, []clearing.Counted{{ID: i.Attempt, Period: i.Period}}, func(c *IssuedCDR) error {
			moved = moved || versions[c.Key] != c.Version
			return nil
		})
		if err != nil || moved {
			return false, err
		}
	}
	return true, nil
}

// unitsOf are the CDRs that lines of a statement are of.
func unitsOf(i *Issue, lines []Line) []Unit {
	units := make([]Unit, len(lines))
	for n := range lines {
		units[n] = Unit{ocpi.Key{Party: i.CPO, ID: lines[n].CDR[len(i.CPO.String())+1:]}, i.EMSP, i.Currency}
	}
	return units
}

// rest are the statements that a close would have and has not.
func (r redrawn) rest(p *Proof, of string) {
	for at, a := range r {
		if a.digest != "" && !a.seen && !a.moved {
			p.fault("%s: %s is of no statement of it, and would be", of, at)
		}
	}
}

// conserve makes sure that each claim has its place, and that drafts, which read what is
// open, come to the same as drafts of all that there is.
func (p *proving) conserve(ctx context.Context) error {
	open, err := p.open(ctx)
	if err != nil {
		return err
	}
	claims := map[place]Tally{}
	err = p.Claims.BookedClaims(ctx, p.Below, func(cpo, emsp ocpi.Party, currency string, t Tally) error {
		claims[place{cpo, emsp, currency}] = t
		p.CDRs += int64(t.Count)
		return nil
	})
	if err != nil {
		return err
	}
	whole := Drawer{Books: Whole{Books: p.Books, Issues: p.Issues}, Agreed: p.Agreed(p.Control)}
	err = whole.Draw(ctx, Query{Period: AfterAll, Below: p.Below, Debtless: true, Before: true}, func(d *Draft) error {
		at := place{d.CPO, d.EMSP, d.Currency}
		counted, issued := claims[at], p.lines[at]
		is := open[at]
		delete(claims, at)
		delete(p.lines, at)
		delete(open, at)
		if d.Err != nil {
			p.fault("nobody can say %s: %v", at, d.Err)
			return nil
		}
		b := d.Balance()
		if err := b.Conserve(counted, issued); err != nil {
			p.fault("%v", err)
			return nil
		}
		if all := digestOf(d); all != is {
			p.fault("%s: what is open comes to the draft %q, and all that there is to %q", at, is, all)
			return nil
		}
		p.Places++
		return nil
	})
	if err != nil {
		return err
	}
	for at, t := range claims {
		p.fault("%s: %d CDRs that claim %s have no place", at, t.Count, t.Net)
	}
	for at := range open {
		p.fault("%s: there is a draft of what is open, and none of all that there is", at)
	}
	for at, net := range p.lines {
		p.fault("%s: lines of %s are of no CDR that there is", at, net)
	}
	return nil
}

// open returns the digests of the drafts of what is open.
func (p *proving) open(ctx context.Context) (map[place]string, error) {
	open := map[place]string{}
	d := Drawer{Books: p.Books, Agreed: p.Agreed(p.Control)}
	err := d.Draw(ctx, Query{Period: AfterAll, Below: p.Below}, func(d *Draft) error {
		if digest := digestOf(d); digest != "" {
			open[place{d.CPO, d.EMSP, d.Currency}] = digest
		}
		return nil
	})
	return open, err
}

// digestOf is the digest of a draft, "" where it has no line.
func digestOf(d *Draft) string {
	if len(d.Lines) == 0 {
		return ""
	}
	return fmt.Sprintf("%x", d.Digest())
}
