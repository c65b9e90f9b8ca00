// Package statementtest has books in memory: what a store of statements must do, as
// plainly as it can be said.
package statementtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// Books hold counted CDRs, decisions, and what closes write. CDRs and Decisions may be
// changed while nobody reads.
type Books struct {
	CDRs      []settlement.BookedCDR
	Decisions []statement.Decided // in the order of their control records
	// Lookups, Copies and Bodies are what is known beside.
	Lookups []settlement.Lookup
	Copies  map[ocpi.Key][]settlement.Copy
	Bodies  map[ingest.Position]string // of 2.2.1
	// Step is called before whatever is read or written, by its name; what it returns is
	// the outcome. Done is called after whatever is written: what it returns is told though
	// the writing was done. nil: everything succeeds.
	Step, Done func(name string) error

	mu       sync.Mutex
	attempts map[uint64]clearing.Attempt
	lines    map[lineKey]statement.IssuedLine // marks among them
	issues   map[issueKey]statement.Issue
}

var (
	_ statement.Books      = (*Books)(nil)
	_ statement.IssueStore = (*Books)(nil)
	_ statement.ClaimStore = (*Books)(nil)
	_ statement.MonthStore = (*Books)(nil)

	_ settlement.LookupStore = (*Books)(nil)
)

// place is a pair and a currency.
type place struct {
	cpo, emsp ocpi.Party
	currency  string
}

type lineKey struct {
	attempt uint64
	place
	id string
}

type issueKey struct {
	attempt uint64
	place
}

func placeOf(c *settlement.BookedCDR) place { return place{c.Key.Party, c.EMSP, c.Currency} }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.cpo.Country, o.cpo.Country), cmp.Compare(p.cpo.ID, o.cpo.ID),
		cmp.Compare(p.emsp.Country, o.emsp.Country), cmp.Compare(p.emsp.ID, o.emsp.ID), cmp.Compare(p.currency, o.currency))
}

func (b *Books) step(name string) error {
	if b.Step == nil {
		return nil
	}
	return b.Step(name)
}

func (b *Books) done(name string) error {
	if b.Done == nil {
		return nil
	}
	return b.Done(name)
}

// selected reports whether a query selects a pair and currency. Its months are not looked at.
func selected(q settlement.SettlementQuery, p place) bool {
	return (q.CPO.IsZero() || p.cpo == q.CPO) && (q.EMSP.IsZero() || p.emsp == q.EMSP) && (!q.NoEMSP || p.emsp.IsZero()) &&
		(q.Party.IsZero() || p.cpo == q.Party || p.emsp == q.Party) && (q.Currency == "" || p.currency == q.Currency)
}

func within(q settlement.SettlementQuery, m ocpi.Month) bool {
	return m.IsZero() || (q.From.IsZero() || m >= q.From) && (q.To.IsZero() || m <= q.To)
}

// read hands on the CDRs below a cut that suit, in order.
func (b *Books) read(name string, below settlement.Ends, suits func(*settlement.BookedCDR) bool, fn func(*settlement.BookedCDR) error) error {
	if err := b.step(name); err != nil {
		return err
	}
	for _, c := range b.booked(below) {
		if !suits(c) {
			continue
		}
		handed := *c
		handed.First = first(c)
		if err := fn(&handed); err != nil {
			return err
		}
		handed = settlement.BookedCDR{} // it was the callee's until it returned
	}
	return nil
}

// first is the position of the first copy: of the only one where no other is said.
func first(c *settlement.BookedCDR) ingest.Position {
	if c.First == (ingest.Position{}) {
		return c.Position
	}
	return c.First
}

func (b *Books) booked(below settlement.Ends) (list []*settlement.BookedCDR) {
	for i := range b.CDRs {
		p := first(&b.CDRs[i])
		if p.Offset < below[ingest.Partition{Topic: ingest.TopicCDRs, Epoch: p.Epoch, Number: p.Partition}] {
			list = append(list, &b.CDRs[i])
		}
	}
	slices.SortFunc(list, func(a, b *settlement.BookedCDR) int {
		return cmp.Or(placeOf(a).compare(placeOf(b)), cmp.Compare(a.Key.ID, b.Key.ID))
	})
	return list
}

// Booked implements settlement.BookedStore.
func (b *Books) Booked(_ context.Context, q settlement.SettlementQuery, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	return b.read("read what is booked", below, func(c *settlement.BookedCDR) bool { return selected(q, placeOf(c)) && within(q, c.Month) }, fn)
}

// BookedOf implements settlement.BookedStore.
func (b *Books) BookedOf(_ context.Context, keys []ocpi.Key, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	wanted := setOf(keys)
	return b.read("look up CDRs", below, func(c *settlement.BookedCDR) bool { return wanted[c.Key] }, fn)
}

// BookedCredits implements settlement.BookedStore.
func (b *Books) BookedCredits(_ context.Context, of []ocpi.Key, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	wanted := setOf(of)
	return b.read("look up credits", below, func(c *settlement.BookedCDR) bool { return c.Credit && wanted[c.Original()] }, fn)
}

func setOf[K comparable](keys []K) map[K]bool {
	set := make(map[K]bool, len(keys))
	for _, k := range keys {
		set[k] = true
	}
	return set
}

// issuedBy returns what attempts issued, marks among it, by place and id, in the order of
// periods.
func (b *Books) issuedBy(attempts []clearing.Counted) map[place]map[string][]statement.IssuedCDR {
	b.mu.Lock()
	defer b.mu.Unlock()
	issued := map[place]map[string][]statement.IssuedCDR{}
	for key, l := range b.lines {
		if !slices.ContainsFunc(attempts, func(c clearing.Counted) bool { return c.ID == key.attempt }) {
			continue
		}
		if issued[key.place] == nil {
			issued[key.place] = map[string][]statement.IssuedCDR{}
		}
		issued[key.place][key.id] = append(issued[key.place][key.id], l.IssuedCDR)
	}
	for _, byID := range issued {
		for _, lines := range byID {
			slices.SortFunc(lines, func(a, b statement.IssuedCDR) int { return a.Period.Compare(b.Period) })
		}
	}
	return issued
}

func stands(c *settlement.BookedCDR, issued map[place]map[string][]statement.IssuedCDR) bool {
	return slices.ContainsFunc(issued[placeOf(c)][c.Key.ID], func(l statement.IssuedCDR) bool { return l.Version == c.Version })
}

// BookedOpen implements statement.Books.
func (b *Books) BookedOpen(_ context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	issued := b.issuedBy(attempts)
	return b.read("read what is open", below, func(c *settlement.BookedCDR) bool {
		return selected(q, placeOf(c)) && within(q, c.Month) && !stands(c, issued)
	}, fn)
}

// BookedBeside implements statement.Books.
func (b *Books) BookedBeside(_ context.Context, of []statement.Beside, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	issued, hashes := b.issuedBy(attempts), b.hashes()
	return b.read("read what stands beside", below, func(c *settlement.BookedCDR) bool {
		at := placeOf(c)
		return slices.ContainsFunc(issued[at][c.Key.ID], func(l statement.IssuedCDR) bool {
			h := hashes[lineKey{l.Attempt, at, c.Key.ID}]
			return l.Version == c.Version && slices.ContainsFunc(of, func(o statement.Beside) bool {
				return place{o.CPO, o.EMSP, o.Currency} == at && (h.Session != 0 && h.Session == o.Session || h.Charge != 0 && h.Charge == o.Charge || h.Credited == o.Credited)
			})
		})
	}, fn)
}

// hashes are those of all lines that were written.
func (b *Books) hashes() map[lineKey]statement.Hashes {
	b.mu.Lock()
	defer b.mu.Unlock()
	hashes := map[lineKey]statement.Hashes{}
	for key, l := range b.lines {
		hashes[key] = l.Hashes
	}
	return hashes
}

// BookedTwins implements statement.Books.
func (b *Books) BookedTwins(_ context.Context, of *settlement.BookedCDR, below settlement.Ends, fn func(*settlement.BookedCDR) error) error {
	return b.read("look up what is alike", below, func(c *settlement.BookedCDR) bool {
		return !c.Credit && c.Key.Party == of.Key.Party && beside(c, of)
	}, fn)
}

// ConnectorCharges implements statement.Books: all that are at a connector, whether others are or not.
func (b *Books) ConnectorCharges(_ context.Context, q statement.ConnectorQuery, below settlement.Ends, fn func(*settlement.ConnectorCharge) error) error {
	var list []settlement.ConnectorCharge
	err := b.read("read charges at connectors", below, func(c *settlement.BookedCDR) bool {
		return !c.Credit && (q.CPO.IsZero() || c.Key.Party == q.CPO) && (q.Connectors == nil || slices.Contains(q.Connectors, c.Measures.ConnectorHash)) && slices.ContainsFunc(q.Within, func(s settlement.Span) bool { return c.Start < s.Until && c.End > s.Since })
	}, func(c *settlement.BookedCDR) error {
		list = append(list, settlement.ConnectorCharge{Key: c.Key, Position: c.Position,
			Connector: c.Measures.ConnectorHash, ConnectorID: ocpi.Fold(c.Measures.ConnectorID), Start: c.Start, End: c.End})
		return nil
	})
	slices.SortFunc(list, func(x, y settlement.ConnectorCharge) int {
		return cmp.Or(cmp.Compare(x.Connector, y.Connector), cmp.Compare(x.Start, y.Start), cmp.Compare(x.Key.ID, y.Key.ID))
	})
	for i := 0; i < len(list) && err == nil; i++ {
		err = fn(&list[i])
	}
	return err
}

// beside reports whether what is issued bears on what is open.
func beside(c, open *settlement.BookedCDR) bool {
	return c.SessionID != "" && c.SessionID == open.SessionID ||
		c.Measures.ChargeHash != 0 && c.Measures.ChargeHash == open.Measures.ChargeHash && c.Start == open.Start && c.End == open.End ||
		c.Credit && c.Original() == open.Key
}

// BookedDecided implements statement.Books.
func (b *Books) BookedDecided(_ context.Context, q settlement.SettlementQuery, below settlement.Ends, control int64, attempts []clearing.Counted, fn func(*settlement.BookedCDR, *statement.Decided) error) error {
	issued, last := b.issuedBy(attempts), b.last(control)
	return b.read("read what was decided", below, func(c *settlement.BookedCDR) bool {
		d, decided := last[c.Key]
		return decided && selected(q, placeOf(c)) && !slices.ContainsFunc(issued[placeOf(c)][c.Key.ID], func(l statement.IssuedCDR) bool {
			i := slices.IndexFunc(attempts, func(a clearing.Counted) bool { return a.ID == l.Attempt })
			return attempts[i].Control > d.Offset
		})
	}, func(c *settlement.BookedCDR) error {
		d := last[c.Key]
		return fn(c, &d)
	})
}

// last returns the last decisions below a control offset.
func (b *Books) last(below int64) map[ocpi.Key]statement.Decided {
	last := map[ocpi.Key]statement.Decided{}
	for _, d := range b.Decisions {
		if d.Offset < below {
			last[d.Key] = d
		}
	}
	return last
}

// DecidedOf implements statement.Books.
func (b *Books) DecidedOf(_ context.Context, keys []ocpi.Key, below int64, fn func(*statement.Decided) error) error {
	if err := b.step("look up decisions"); err != nil {
		return err
	}
	last := b.last(below)
	for _, k := range keys {
		if d, ok := last[k]; ok {
			if err := fn(&d); err != nil {
				return err
			}
		}
	}
	return nil
}

// IssuedMoved implements statement.Books.
func (b *Books) IssuedMoved(_ context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*statement.IssuedCDR) error) error {
	counts := map[ocpi.Key]*settlement.BookedCDR{}
	for _, c := range b.booked(below) {
		counts[c.Key] = c
	}
	return b.issued("read what moved", attempts, func(p place, id string, lines []statement.IssuedCDR) bool {
		if !selected(q, p) {
			return false
		}
		c := counts[ocpi.Key{Party: p.cpo, ID: id}]
		if c != nil && slices.ContainsFunc(lines, func(l statement.IssuedCDR) bool { return l.Version == c.Version }) {
			return false
		}
		return c != nil && placeOf(c) == p || remains(lines)
	}, fn)
}

// remains reports whether anything is to be taken back of what lines issued, or of what
// they claim.
func remains(lines []statement.IssuedCDR) bool {
	var net, tax, kwh, claim decimal.Decimal
	for i := range lines {
		net, claim = net.Add(lines[i].Net), claim.Add(lines[i].Claim)
		if lines[i].Tax != nil {
			tax = tax.Add(*lines[i].Tax)
		}
		if lines[i].KWh != nil {
			kwh = kwh.Add(*lines[i].KWh)
		}
	}
	return !net.IsZero() || !tax.IsZero() || !kwh.IsZero() || !claim.IsZero()
}

// IssuedIn implements statement.Books.
func (b *Books) IssuedIn(_ context.Context, units []statement.Unit, attempts []clearing.Counted, fn func(*statement.IssuedCDR) error) error {
	wanted := setOf(units)
	return b.issued("look up what is issued", attempts, func(p place, id string, _ []statement.IssuedCDR) bool {
		return wanted[statement.Unit{Key: ocpi.Key{Party: p.cpo, ID: id}, EMSP: p.emsp, Currency: p.currency}]
	}, fn)
}

// IssuedOf implements statement.Books.
func (b *Books) IssuedOf(_ context.Context, keys []ocpi.Key, attempts []clearing.Counted, fn func(*statement.IssuedCDR) error) error {
	wanted := setOf(keys)
	return b.issued("look up what is issued", attempts, func(p place, id string, _ []statement.IssuedCDR) bool {
		return wanted[ocpi.Key{Party: p.cpo, ID: id}]
	}, fn)
}

func (b *Books) issued(name string, attempts []clearing.Counted, suits func(p place, id string, lines []statement.IssuedCDR) bool, fn func(*statement.IssuedCDR) error) error {
	if err := b.step(name); err != nil {
		return err
	}
	issued := b.issuedBy(attempts)
	for _, p := range slices.SortedFunc(maps.Keys(issued), place.compare) {
		for _, id := range slices.Sorted(maps.Keys(issued[p])) {
			if !suits(p, id, issued[p][id]) {
				continue
			}
			for _, l := range issued[p][id] {
				if err := fn(&l); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Begin implements statement.IssueStore.
func (b *Books) Begin(_ context.Context, a clearing.Attempt) error {
	if err := b.step("begin"); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.attempts == nil {
		b.attempts, b.lines, b.issues = map[uint64]clearing.Attempt{}, map[lineKey]statement.IssuedLine{}, map[issueKey]statement.Issue{}
	}
	b.attempts[a.ID] = a
	return b.done("begin")
}

// WriteLines implements statement.IssueStore.
func (b *Books) WriteLines(_ context.Context, attempt uint64, block int, lines []statement.IssuedLine) error {
	if err := b.step("write lines"); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, begun := b.attempts[attempt]; !begun {
		return fmt.Errorf("block %d of lines of attempt %016x, which was not begun", block, attempt)
	}
	for i := range lines {
		l := &lines[i]
		if l.Attempt != attempt || l.Line.Kind != "" && (l.Line.CDR != l.Key.String() || !l.Line.Net.Equal(l.Net)) || l.Line.Kind == "" && !l.Net.IsZero() {
			return fmt.Errorf("a line of attempt %016x does not say what is issued: %+v", attempt, l)
		}
		b.lines[lineKey{attempt, place{l.Key.Party, l.EMSP, l.Currency}, l.Key.ID}] = *l
	}
	return b.done("write lines")
}

// WriteIssues implements statement.IssueStore.
func (b *Books) WriteIssues(_ context.Context, attempt uint64, block int, issues []statement.Issue) error {
	if err := b.step("write statements"); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, begun := b.attempts[attempt]; !begun {
		return fmt.Errorf("block %d of statements of attempt %016x, which was not begun", block, attempt)
	}
	for _, issue := range issues {
		if issue.Attempt != attempt {
			return fmt.Errorf("a statement of attempt %016x is of %016x", attempt, issue.Attempt)
		}
		b.issues[issueKey{attempt, place{issue.CPO, issue.EMSP, issue.Currency}}] = issue
	}
	return b.done("write statements")
}

func asks(q statement.IssueQuery, p place, period ocpi.Month) bool {
	return selected(settlement.SettlementQuery{CPO: q.CPO, EMSP: q.EMSP, Party: q.Party, Currency: q.Currency}, p) && (q.Period.IsZero() || q.Period == period)
}

// Lines implements statement.IssueStore.
func (b *Books) Lines(_ context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.IssuedLine) error) error {
	if err := b.step("read lines"); err != nil {
		return err
	}
	for _, l := range b.written(q, attempts) {
		if err := fn(&l); err != nil {
			return err
		}
	}
	return nil
}

func (b *Books) written(q statement.IssueQuery, attempts []uint64) (list []statement.IssuedLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, l := range b.lines {
		if l.Line.Kind != "" && slices.Contains(attempts, key.attempt) && asks(q, key.place, l.Period) {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b statement.IssuedLine) int {
		return cmp.Or(place{a.Key.Party, a.EMSP, a.Currency}.compare(place{b.Key.Party, b.EMSP, b.Currency}),
			a.Line.Belongs.Compare(b.Line.Belongs), cmp.Compare(a.Key.ID, b.Key.ID), cmp.Compare(a.Attempt, b.Attempt))
	})
	return list
}

// Issues implements statement.IssueStore.
func (b *Books) Issues(_ context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.Issue) error) error {
	if err := b.step("read statements"); err != nil {
		return err
	}
	b.mu.Lock()
	var list []statement.Issue
	for key, issue := range b.issues {
		if slices.Contains(attempts, key.attempt) && asks(q, key.place, issue.Period) {
			list = append(list, issue)
		}
	}
	b.mu.Unlock()
	slices.SortFunc(list, func(a, b statement.Issue) int {
		return cmp.Or(a.Period.Compare(b.Period), place{a.CPO, a.EMSP, a.Currency}.compare(place{b.CPO, b.EMSP, b.Currency}), cmp.Compare(a.Attempt, b.Attempt))
	})
	for i := range list {
		if err := fn(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// Attempts implements statement.IssueStore.
func (b *Books) Attempts(context.Context) ([]clearing.Attempt, error) {
	if err := b.step("read attempts"); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.attempts), func(a, b clearing.Attempt) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// Sweep implements statement.IssueStore.
func (b *Books) Sweep(_ context.Context, attempts []clearing.Attempt) error {
	if err := b.step("sweep"); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range attempts {
		maps.DeleteFunc(b.lines, func(k lineKey, _ statement.IssuedLine) bool { return k.attempt == a.ID })
		maps.DeleteFunc(b.issues, func(k issueKey, _ statement.Issue) bool { return k.attempt == a.ID })
		delete(b.attempts, a.ID)
	}
	return b.done("sweep")
}

// BookedClaims implements statement.ClaimStore.
func (b *Books) BookedClaims(_ context.Context, below settlement.Ends, fn func(cpo, emsp ocpi.Party, currency string, t statement.Tally) error) error {
	tallies := map[place]statement.Tally{}
	for _, c := range b.booked(below) {
		t := tallies[placeOf(c)]
		tallies[placeOf(c)] = statement.Tally{Count: t.Count + 1, Net: t.Net.Add(statement.Claims(c))}
	}
	for _, p := range slices.SortedFunc(maps.Keys(tallies), place.compare) {
		if err := fn(p.cpo, p.emsp, p.currency, tallies[p]); err != nil {
			return err
		}
	}
	return nil
}

// LookupsOf implements settlement.LookupStore.
func (b *Books) LookupsOf(_ context.Context, keys []ocpi.Key, fn func(*settlement.Lookup) error) error {
	wanted := setOf(keys)
	for i := range b.Lookups {
		if !wanted[b.Lookups[i].Key] {
			continue
		}
		if err := fn(&b.Lookups[i]); err != nil {
			return err
		}
	}
	return nil
}

// BodiesAt implements settlement.LookupStore.
func (b *Books) BodiesAt(_ context.Context, positions []ingest.Position, fn func(ingest.Position, ocpi.Version, []byte) error) error {
	for _, p := range positions {
		body, ok := b.Bodies[p]
		if !ok {
			continue
		}
		if err := fn(p, ocpi.V221, []byte(body)); err != nil {
			return err
		}
	}
	return nil
}

// CopiesOf implements settlement.LookupStore.
func (b *Books) CopiesOf(_ context.Context, keys []ocpi.Key) (map[ocpi.Key][]settlement.Copy, error) {
	found := map[ocpi.Key][]settlement.Copy{}
	for _, k := range keys {
		if list := b.Copies[k]; len(list) > 1 {
			found[k] = list
		}
	}
	return found, nil
}

// IssuedMonths implements statement.MonthStore.
func (b *Books) IssuedMonths(_ context.Context, q settlement.SettlementQuery, attempts []clearing.Counted, fn func(*statement.IssuedMonth) error) error {
	if err := b.step("read what is issued by months"); err != nil {
		return err
	}
	b.mu.Lock()
	var list []statement.IssuedMonth
	for key, issue := range b.issues {
		if !slices.ContainsFunc(attempts, func(c clearing.Counted) bool { return c.ID == key.attempt }) || !selected(q, key.place) {
			continue
		}
		for _, m := range issue.Months {
			if of := (statement.IssuedMonth{CPO: issue.CPO, EMSP: issue.EMSP, Currency: issue.Currency, Attempt: key.attempt, MonthLines: m}); within(q, m.Month) {
				if m.Due == issue.Period {
					of.Attempt, of.Due = 0, 0
				}
				list = append(list, of)
			}
		}
	}
	b.mu.Unlock()
	for i := range list {
		if err := fn(&list[i]); err != nil {
			return err
		}
	}
	return nil
}
