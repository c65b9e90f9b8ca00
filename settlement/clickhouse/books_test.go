package clickhouse

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// booksModel is what stands, was issued and was decided, kept as plainly as can be.
type booksModel struct {
	bookedModel
	issued   []statement.IssuedLine // of all attempts, in whatever order
	counted  []clearing.Counted
	decided  []statement.Decided
	attempts []clearing.Attempt
	months   []issuedMonth  // of all attempts
	read     map[string]int // rows of readings, by what is read
}

// issuedMonth is one line as statements have it by months.
type issuedMonth struct {
	statement.IssuedMonth
	period ocpi.Month
}

// counts returns what attempts that count issued.
func (m *booksModel) counts() (issued []statement.IssuedCDR) {
	for i := range m.issued {
		if m.controlOf(m.issued[i].Attempt) >= 0 {
			issued = append(issued, m.issued[i].IssuedCDR)
		}
	}
	slices.SortFunc(issued, func(a, b statement.IssuedCDR) int {
		return cmpOr(slices.Compare(pairOf(&a), pairOf(&b)), a.Period.Compare(b.Period), sign(a.Attempt, b.Attempt))
	})
	return issued
}

func cmpOr(of ...int) int {
	for _, c := range of {
		if c != 0 {
			return c
		}
	}
	return 0
}

func sign(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func pairOf(c *statement.IssuedCDR) []string {
	return []string{c.Key.Party.Country, c.Key.Party.ID, c.EMSP.Country, c.EMSP.ID, c.Currency, c.Key.ID}
}

// controlOf is the control offset of an attempt that counts, -1 of others.
func (m *booksModel) controlOf(attempt uint64) int64 {
	for _, a := range m.counted {
		if a.ID == attempt {
			return a.Control
		}
	}
	return -1
}

// all is what counts below ends, in the order of readings.
func (m *booksModel) all(below settlement.Ends) (all []settlement.BookedCDR) {
	for r := range maps.Values(m.bookedModel) {
		if r.Record.Offset < below[cdrsOf(r.Record.Partition)] {
			row := resultRow{}
			if err := row.of(&r); err != nil {
				panic(err)
			}
			var c settlement.BookedCDR
			row.book(&c)
			all = append(all, c)
		}
	}
	order := func(c *settlement.BookedCDR) []string {
		return []string{c.Key.Party.Country, c.Key.Party.ID, c.EMSP.Country, c.EMSP.ID, c.Currency, c.Key.ID}
	}
	slices.SortFunc(all, func(a, b settlement.BookedCDR) int { return slices.Compare(order(&a), order(&b)) })
	return all
}

func selects(q settlement.SettlementQuery, cpo, emsp ocpi.Party, currency string) bool {
	return (q.CPO.IsZero() || q.CPO == cpo) && (q.EMSP.IsZero() || q.EMSP == emsp) && (q.Party.IsZero() || q.Party == cpo || q.Party == emsp) &&
		(q.Currency == "" || q.Currency == currency) && (!q.NoEMSP || emsp.IsZero())
}

// split parts what counts: open is what is not issued as it stands, in the months of q,
// issued what is, in whatever month.
func (m *booksModel) split(q settlement.SettlementQuery, below settlement.Ends) (open, issued []settlement.BookedCDR) {
	lines := m.counts()
	for _, c := range m.all(below) {
		if !selects(q, c.Key.Party, c.EMSP, c.Currency) {
			continue
		}
		stands := slices.ContainsFunc(lines, func(l statement.IssuedCDR) bool {
			return l.Key == c.Key && l.EMSP == c.EMSP && l.Currency == c.Currency && l.Version == c.Version
		})
		switch {
		case stands:
			issued = append(issued, c)
		case c.Month >= q.From && c.Month <= q.To:
			open = append(open, c)
		}
	}
	return open, issued
}

// bears reports whether c bears on what is open.
func bears(c, open settlement.BookedCDR) bool {
	if c.Key.Party != open.Key.Party || c.EMSP != open.EMSP || c.Currency != open.Currency {
		return false
	}
	return c.SessionID != "" && c.SessionID == open.SessionID || c.Credit && c.Original() == open.Key ||
		c.Measures.ChargeHash != 0 && c.Measures.ChargeHash == open.Measures.ChargeHash && c.Start == open.Start && c.End == open.End
}

// moved is what was issued and stands otherwise now.
func (m *booksModel) moved(q settlement.SettlementQuery, below settlement.Ends) (moved []statement.IssuedCDR) {
	now := map[ocpi.Key]settlement.BookedCDR{}
	for _, c := range m.all(below) {
		now[c.Key] = c
	}
	lines := m.counts()
	for _, l := range lines {
		if !selects(q, l.Key.Party, l.EMSP, l.Currency) {
			continue
		}
		c, counts := now[l.Key]
		settled, net, tax, kwh, claim := false, decimal.Zero, decimal.Zero, decimal.Zero, decimal.Zero
		for _, o := range lines {
			if !slices.Equal(pairOf(&o), pairOf(&l)) {
				continue
			}
			settled = settled || counts && o.Version == c.Version
			net, claim = net.Add(o.Net), claim.Add(o.Claim)
			if o.Tax != nil {
				tax = tax.Add(*o.Tax)
			}
			if o.KWh != nil {
				kwh = kwh.Add(*o.KWh)
			}
		}
		here := counts && c.EMSP == l.EMSP && c.Currency == l.Currency
		if !settled && (here || !net.IsZero() || !tax.IsZero() || !kwh.IsZero() || !claim.IsZero()) {
			moved = append(moved, l)
		}
	}
	return moved
}

// last is the last decision below an offset about each CDR that is wanted, by its id.
func (m *booksModel) last(below int64, wanted func(ocpi.Key) bool) []statement.Decided {
	byKey := map[ocpi.Key]statement.Decided{}
	for _, d := range m.decided {
		if d.Offset < below && wanted(d.Key) && d.Offset >= byKey[d.Key].Offset {
			byKey[d.Key] = d
		}
	}
	return slices.SortedFunc(maps.Values(byKey), func(a, b statement.Decided) int {
		return slices.Compare([]string{a.Key.Party.Country, a.Key.Party.ID, a.Key.ID}, []string{b.Key.Party.Country, b.Key.Party.ID, b.Key.ID})
	})
}

// pending is what was decided below an offset and is in no line yet.
func (m *booksModel) pending(q settlement.SettlementQuery, below settlement.Ends, control int64) (pending []string) {
	decided, lines := map[ocpi.Key]statement.Decided{}, m.counts()
	for _, d := range m.last(control, func(ocpi.Key) bool { return true }) {
		decided[d.Key] = d
	}
	for _, c := range m.all(below) {
		d, ok := decided[c.Key]
		if !ok || !selects(q, c.Key.Party, c.EMSP, c.Currency) || slices.ContainsFunc(lines, func(l statement.IssuedCDR) bool {
			return l.Key == c.Key && l.EMSP == c.EMSP && l.Currency == c.Currency && m.controlOf(l.Attempt) > d.Offset
		}) {
			continue
		}
		pending = append(pending, fmt.Sprintf("%+v: %s", c, decidedText(&d)))
	}
	return pending
}

func maybe(d *decimal.Decimal) string {
	if d == nil {
		return "-"
	}
	return d.String()
}

func issuedText(c *statement.IssuedCDR) string {
	return fmt.Sprintf("%x %s %s %s %q %s %x: %s tax %s %s kWh of %s %v", c.Attempt, c.Period, c.Key, c.EMSP, c.Currency, c.Month, c.Version, c.Net, maybe(c.Tax), maybe(c.KWh), c.Claim, c.Zeroed)
}

func lineText(l *statement.IssuedLine) string {
	of := &l.Line
	return issuedText(&l.IssuedCDR) + fmt.Sprintf(" | %s %s %s %s %s %s-%s %s %s tax %s %s %s", of.CDR, of.Kind, of.Of, of.Belongs, of.Country, of.Start, of.End, maybe(of.KWh), of.Net, maybe(of.LineTax), of.Category, of.Rate)
}

func decidedText(d *statement.Decided) string {
	decision := "taken back"
	if d.Decision != nil {
		decision = fmt.Sprintf("%+v", *d.Decision)
	}
	return fmt.Sprintf("%s at %d: %s by %s, %q, %s, %s", d.Key, d.Offset, decision, d.By, d.Reason, d.At, d.Position)
}

// close issues, as a close of a random scope may: what is open in it, but for a few; what
// is to be taken back, by whatever version; and marks.
func (l *life) close(s *Store, m *booksModel, control int64, below settlement.Ends) {
	rnd := l.rnd
	a := clearing.Attempt{ID: rnd.Uint64(), Period: 201901 + ocpi.Month(rnd.IntN(3)), Control: control}
	if rnd.IntN(2) == 0 {
		a.Scope.CPO, _ = ocpi.ParseParty(l.pick(cpos))
	}
	if rnd.IntN(2) == 0 {
		a.Scope.EMSP, _ = ocpi.ParseParty(l.pick(emsps[:3]))
	}
	q := settlement.SettlementQuery{CPO: a.Scope.CPO, EMSP: a.Scope.EMSP, To: a.Period}
	amount := func() *decimal.Decimal {
		d := decimal.New(rnd.Int64N(2000)-1000, -int32(rnd.IntN(13)))
		return &d
	}
	var lines []statement.IssuedLine
	now := map[ocpi.Key]settlement.BookedCDR{}
	for _, c := range m.all(below) {
		now[c.Key] = c
	}
	add := func(c statement.IssuedCDR) {
		c.Attempt, c.Period, c.Claim, c.Zeroed = a.ID, a.Period, *amount(), rnd.IntN(2) == 0
		line := statement.IssuedLine{IssuedCDR: c, Line: statement.Line{
			CDR: c.Key.String(), Kind: statement.Kind(l.pick([]string{"cdr", "credit", "correction"})), Of: l.pick([]string{"", "2019-01"}), Belongs: 201812 + ocpi.Month(rnd.IntN(2))*89,
			Country: l.pick([]string{"", "NLD"}), Start: ocpi.Time(rnd.Int64N(1e18)), Net: c.Net, KWh: c.KWh, LineTax: c.Tax,
		}}
		if at, counts := now[c.Key]; counts {
			line.Hashes = statement.HashesOf(&at)
		}
		line.Line.Category, line.Line.Rate = clearing.TaxStandard, ocpi.MustNumber("21.5")
		if rnd.IntN(8) == 0 { // a mark
			line.Line, line.Net = statement.Line{}, decimal.Zero
		}
		lines = append(lines, line)
	}
	open, _ := m.split(q, below)
	for _, c := range open {
		if c.EMSP.IsZero() || rnd.IntN(8) == 0 {
			continue
		}
		line := statement.IssuedCDR{Key: c.Key, EMSP: c.EMSP, Currency: c.Currency, Month: c.Month, Version: c.Version, Net: *amount()}
		if rnd.IntN(3) > 0 {
			line.Tax, line.KWh = amount(), amount()
		}
		add(line)
	}
	var before []string
	for _, c := range m.moved(q, below) {
		at, counts := now[c.Key]
		here := counts && at.EMSP == c.EMSP && at.Currency == c.Currency
		if here || slices.Equal(before, pairOf(&c)) {
			continue
		}
		before = pairOf(&c)
		c.Net = c.Net.Neg()
		c.Tax, c.KWh = neg(c.Tax), neg(c.KWh)
		if counts && rnd.IntN(2) == 0 {
			c.Version, c.Month = at.Version, at.Month
		}
		add(c)
	}
	counts := rnd.IntN(4) > 0
	check := func(err error) {
		l.t.Helper()
		if err != nil {
			l.t.Fatal(err)
		}
	}
	for _, size := range []int{1 + rnd.IntN(20), 1 + rnd.IntN(20)} { // all of it twice
		check(s.Begin(l.t.Context(), a))
		n := 0
		for block := range slices.Chunk(lines, size) {
			check(s.WriteLines(l.t.Context(), a.ID, n, block))
			n++
		}
	}
	l.closeMonths(s, m, a, lines)
	m.attempts = append(m.attempts, a)
	m.issued = append(m.issued, lines...)
	if counts {
		m.counted = append(m.counted, clearing.Counted{ID: a.ID, Period: a.Period, Control: control})
	}
}

// closeMonths writes the statements of a close, twice, with what they say by months: whatever
// its period, a line may have been due in an earlier one.
func (l *life) closeMonths(s *Store, m *booksModel, a clearing.Attempt, lines []statement.IssuedLine) {
	l.t.Helper()
	var issues []statement.Issue
	for i := range lines {
		c := &lines[i].IssuedCDR
		if lines[i].Line.Kind == "" {
			continue
		}
		n := slices.IndexFunc(issues, func(i statement.Issue) bool {
			return i.CPO == c.Key.Party && i.EMSP == c.EMSP && i.Currency == c.Currency
		})
		if n < 0 {
			n, issues = len(issues), append(issues, statement.Issue{Attempt: a.ID, CPO: c.Key.Party, EMSP: c.EMSP, Period: a.Period, Currency: c.Currency})
		}
		of := statement.MonthLines{Month: c.Month, Due: a.Period.Add(-l.rnd.IntN(3)), Lines: settlement.Lines{Count: 1, Net: c.Net}}
		issues[n].Months = append(issues[n].Months, of)
		m.months = append(m.months, issuedMonth{statement.IssuedMonth{CPO: c.Key.Party, EMSP: c.EMSP, Currency: c.Currency, Attempt: a.ID, MonthLines: of}, a.Period})
	}
	for range 2 {
		if err := s.WriteIssues(l.t.Context(), a.ID, 0, issues); err != nil {
			l.t.Fatal(err)
		}
	}
}

// inMonths is what statements that count say of what q selects, by months.
func (m *booksModel) inMonths(q settlement.SettlementQuery) (list []string) {
	sums := map[statement.IssuedMonth]settlement.Lines{}
	for _, i := range m.months {
		if m.controlOf(i.Attempt) < 0 || !selects(q, i.CPO, i.EMSP, i.Currency) || i.Month < q.From || i.Month > q.To {
			continue
		}
		key := i.IssuedMonth
		key.Lines = settlement.Lines{}
		if i.Due == i.period {
			key.Due, key.Attempt = 0, 0
		}
		sums[key] = sums[key].Add(i.Lines)
	}
	for key, sum := range sums {
		key.Lines = sum
		list = append(list, monthText(&key))
	}
	slices.Sort(list)
	return list
}

func monthText(m *statement.IssuedMonth) string {
	return fmt.Sprintf("%s %s %q %s, due %s of %x: %d of %s", m.CPO, m.EMSP, m.Currency, m.Month, m.Due, m.Attempt, m.Count, m.Net)
}

func neg(d *decimal.Decimal) *decimal.Decimal {
	if d == nil {
		return nil
	}
	n := d.Neg()
	return &n
}

// decide writes decisions about some CDRs at a control offset, twice.
func (l *life) decide(s *Store, m *booksModel, control int64) {
	var decided []statement.Decided
	for _, r := range m.bookedModel {
		if l.rnd.IntN(6) > 0 {
			continue
		}
		d := statement.Decided{Key: r.Record.Key, Offset: control, By: l.pick([]string{"ann", "bob"}), Reason: l.pick([]string{"", "as told"}), At: r.LastUpdated, Position: r.Record.Position}
		if l.rnd.IntN(4) > 0 {
			d.Decision = &clearing.Decision{Act: clearing.Act(l.pick([]string{"accept", "reject", "hold"}))}
			if l.rnd.IntN(2) == 0 {
				d.Decision.At, d.Decision.Covers = clearing.OwedComputed, []string{"age", "energy_high"}
			}
		}
		decided = append(decided, d)
	}
	for range 2 {
		if err := s.WriteDecisions(l.t.Context(), decided, control+1); err != nil {
			l.t.Fatal(err)
		}
	}
	m.decided = append(m.decided, decided...)
}

// Whatever came, was priced again, issued, issued again and decided, in whatever order: what
// is read of the books is what a plain look at all of it gives.
func TestBooksAreWhatStands(t *testing.T) {
	const offsets, ids = 120, 60
	read := map[string]int{}
	defer func(n uint64) { fewRejects = n }(fewRejects)
	for seed := range uint64(2) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		s, m := newStore(t), &booksModel{bookedModel: bookedModel{}, read: read}
		fewRejects = 1_000_000 * seed // all are looked at, or none
		if seed%2 == 0 {              // rows that others took the place of are there for as long as can be
			if err := s.conn.Exec(t.Context(), "SYSTEM STOP MERGES results"); err != nil {
				t.Fatal(err)
			}
		}
		l := &life{t: t, rnd: rnd, ids: ids}
		var batches []*pricing.Batch
		for partition := range int32(2) {
			all := &pricing.Batch{Partition: cdrsOf(partition)}
			for offset := range int64(offsets) {
				all.Rows = append(all.Rows, l.random(partition, offset, rnd.IntN(ids)))
			}
			batches = append(batches, cut(all, 1+rnd.IntN(30))...)
		}
		rnd.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
		ends := settlement.Ends{cdrsOf(0): offsets, cdrsOf(1): offsets}
		control := int64(0)
		for len(batches) > 0 {
			n := min(len(batches), 1+rnd.IntN(6))
			write(t, s, batches[:n]...)
			for _, b := range batches[:n] {
				for i := range b.Rows {
					m.add(&b.Rows[i])
				}
			}
			batches = batches[n:]
			for range 3 {
				control++
				switch rnd.IntN(3) {
				case 0:
					l.close(s, m, control, ends)
				case 1:
					l.decide(s, m, control)
				case 2:
					for range rnd.IntN(20) {
						l.again(s, m.bookedModel)
					}
				}
			}
			l.compare(s, m, control, ends)
		}
		l.swept(s, m)
		l.compare(s, m, control, ends)
	}
	for _, reading := range []string{"open:", "beside:", "moved:", "issued:", "issued-in:", "pending:", "decided-of:", "history:", "lines:", "months:", "connectors:"} {
		if read[reading] < 5 {
			t.Errorf("%s %d rows in all: the test shows nothing", reading, read[reading])
		}
	}
}

// Statements come back as they were written, twice, of the attempts asked for, by period
// and pair; and are gone once their attempt is swept.
func TestStatementsComeBack(t *testing.T) {
	s := newStore(t)
	tax, large := decimal.RequireFromString("-0.19"), decimal.RequireFromString("12345678901234567890123456.000000000001")
	dun, exw, tnm := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW"), ocpi.NewParty("NL", "TNM")
	issues := []statement.Issue{
		{Attempt: 7, CPO: dun, EMSP: exw, Period: 201901, Zone: "Europe/London", Currency: "GBP", Terms: statement.Terms{Owed: clearing.OwedLower, Tax: clearing.Tax{Category: clearing.TaxStandard, Rate: ocpi.MustNumber("20")}},
			Totals: statement.Totals{Lines: 3, KWh: large, Net: large.Neg(), Rounding: tax, Tax: &tax, Payable: &large, Debtor: exw}, Rank: 4, Digest: "ab",
			Months: []statement.MonthLines{{Month: 201812, Due: 201812, Lines: settlement.Lines{Count: 1, Net: large}}, {Month: 201901, Due: 201901, Lines: settlement.Lines{Count: 2, Net: tax}}}},
		{Attempt: 7, CPO: dun, EMSP: tnm, Period: 201901, Zone: "UTC", Currency: "EUR", Terms: statement.Terms{Owed: clearing.OwedClaimed, Tax: clearing.Tax{Category: clearing.TaxStated}}, Rank: 5, Digest: "cd"},
		{Attempt: 9, CPO: exw, EMSP: dun, Period: 201812, Zone: "UTC", Currency: "EUR", Digest: "ef"},
	}
	for range 2 {
		for i := range issues {
			if err := s.WriteIssues(t.Context(), issues[i].Attempt, i, issues[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(q statement.IssueQuery, attempts ...uint64) (digests string) {
		t.Helper()
		err := s.Issues(t.Context(), q, attempts, func(i *statement.Issue) error {
			digests += i.Digest
			for j := range issues {
				equal := cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })
				numbers := cmp.Comparer(func(a, b ocpi.Number) bool { return a == b })
				if diff := cmp.Diff(&issues[j], i, equal, numbers, cmp.AllowUnexported(statement.TaxTotal{})); i.Digest == issues[j].Digest && diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return digests
	}
	for _, c := range []struct {
		q        statement.IssueQuery
		attempts []uint64
		want     string
	}{
		{statement.IssueQuery{}, []uint64{7, 9}, "efabcd"},
		{statement.IssueQuery{}, []uint64{7}, "abcd"},
		{statement.IssueQuery{}, []uint64{8}, ""},
		{statement.IssueQuery{}, nil, ""},
		{statement.IssueQuery{Party: exw}, []uint64{7, 9}, "efab"},
		{statement.IssueQuery{CPO: dun, EMSP: tnm}, []uint64{7, 9}, "cd"},
		{statement.IssueQuery{Period: 201901, Currency: "GBP"}, []uint64{7, 9}, "ab"},
	} {
		if got := read(c.q, c.attempts...); got != c.want {
			t.Errorf("%+v of %d: %q, want %q", c.q, c.attempts, got, c.want)
		}
	}
	if err := s.Sweep(t.Context(), []clearing.Attempt{{ID: 7}, {ID: 8}}); err != nil {
		t.Fatal(err)
	}
	if got := read(statement.IssueQuery{}, 7, 9); got != "ef" {
		t.Errorf("after a sweep: %q", got)
	}
	if err := s.WriteIssues(t.Context(), 7, 0, issues[:2]); err != nil { // the same close, tried again
		t.Fatal(err)
	}
	if got := read(statement.IssueQuery{}, 7, 9); got != "efabcd" {
		t.Errorf("written after a sweep: %q", got)
	}
}

// What cannot be kept as it is, or is not what it says, is refused before anything of its
// block is written.
func TestLinesThatAreRefused(t *testing.T) {
	s := newStore(t)
	line := func(change func(*statement.IssuedLine)) statement.IssuedLine {
		key, net := ocpi.NewKey("GB", "DUN", "c1"), decimal.RequireFromString("1.25")
		l := statement.IssuedLine{IssuedCDR: statement.IssuedCDR{Attempt: 1, Period: 201901, Key: key, Month: 201901, Net: net}}
		l.Line = statement.Line{CDR: key.String(), Kind: statement.CDR, Net: net}
		change(&l)
		return l
	}
	good := line(func(*statement.IssuedLine) {})
	fine := decimal.RequireFromString("0.0000000000001")
	huge := decimal.New(1, 26)
	for want, bad := range map[string]statement.IssuedLine{
		"is of attempt 0000000000000002":            line(func(l *statement.IssuedLine) { l.Attempt = 2 }),
		"a mark issues nothing":                     line(func(l *statement.IssuedLine) { l.Line = statement.Line{} }),
		"says another CDR, net or volume":           line(func(l *statement.IssuedLine) { l.Line.Net = fine }),
		"another CDR, net or volume than is issued": line(func(l *statement.IssuedLine) { l.KWh = &huge }),
		"0.0000000000001 has more than":             line(func(l *statement.IssuedLine) { l.Tax = &fine }),
		"100000000000000000000000000 has more than": line(func(l *statement.IssuedLine) { l.Claim = huge }),
	} {
		if err := s.WriteLines(t.Context(), 1, 0, []statement.IssuedLine{good, bad}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if n := count(t, s, "SELECT (SELECT count() FROM issued) + (SELECT count() FROM statement_lines)"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// Which CDRs records are of is read whether or not they count.
func TestKeysAt(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 1, 10, january)
	write(t, s, b)
	write(t, s, b)
	var got, want []string
	var offsets []int64
	for i := range b.Rows {
		if i%2 == 0 {
			offsets = append(offsets, b.Rows[i].Record.Offset)
			want = append(want, fmt.Sprint(b.Rows[i].Record.Offset, b.Rows[i].Record.Key))
		}
	}
	slices.Reverse(offsets)
	err := s.KeysAt(t.Context(), cdrsOf(1), append(offsets, 5000), func(offset int64, key ocpi.Key) error { got = append(got, fmt.Sprint(offset, key)); return nil })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n-want +got:\n%s", err, diff)
	}
	if err := s.KeysAt(t.Context(), cdrsOf(1), make([]int64, statement.MaxKeysAt+1), nil); err == nil {
		t.Error("more than are read at once were asked for")
	}
}

// Two results never have one version, whatever their partitions.
func TestResultVersionsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for partition := range int32(128) {
		for _, offset := range []int64{0, 1, 2, 511, 512, 513, 1 << 20, maxOffset} {
			for _, rank := range []uint16{0, 1, 2, 511} {
				at := fmt.Sprint(partition, offset, rank)
				v := resultVersion(partition, rowVersion(cdrsOf(partition).At(offset), rank))
				if other := seen[v]; other != "" {
					t.Fatalf("%s and %s have version %x", at, other, v)
				}
				seen[v] = at
			}
		}
	}
}

// The tables of books can be made again, and keep what they have.
func TestMigrationOfBooksAgain(t *testing.T) {
	s := newStore(t)
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(t.Context(), clearing.Attempt{ID: 1, Period: 201901}); err != nil {
		t.Fatal(err)
	}
	for i, st := range statements(migrations[27].sql) {
		if err := s.execute(t.Context(), migrations[27], i, st); err != nil {
			t.Fatal(err)
		}
	}
	if attempts, err := s.Attempts(t.Context()); err != nil || len(attempts) != 1 || migrations[27].name != "0028_books" {
		t.Errorf("%s: %v, %v", migrations[27].name, attempts, err)
	}
}

// compare holds all readings against the model.
func (l *life) compare(s *Store, m *booksModel, control int64, ends settlement.Ends) {
	t, rnd, ctx := l.t, l.rnd, l.t.Context()
	t.Helper()
	var got []string
	holds := func(reading string, err error, want []string) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%s: %v\n-want +got:\n%s", reading, err, diff)
		}
		what, _, _ := strings.Cut(reading, " ")
		m.read[what] += len(got)
		got = nil
	}
	booked := func(c *settlement.BookedCDR) error { got = append(got, fmt.Sprintf("%+v", *c)); return nil }
	issued := func(c *statement.IssuedCDR) error { got = append(got, issuedText(c)); return nil }
	decided := func(d *statement.Decided) error { got = append(got, decidedText(d)); return nil }
	texts := func(all []settlement.BookedCDR) (list []string) {
		for i := range all {
			list = append(list, fmt.Sprintf("%+v", all[i]))
		}
		return list
	}
	lines := func(all []statement.IssuedCDR) (list []string) {
		for i := range all {
			list = append(list, issuedText(&all[i]))
		}
		return list
	}
	for range 3 {
		below := settlement.Ends{cdrsOf(0): ends[cdrsOf(0)] - rnd.Int64N(2)*rnd.Int64N(100), cdrsOf(1): ends[cdrsOf(1)]}
		q := settlement.SettlementQuery{From: 201901 + ocpi.Month(rnd.IntN(3)), To: 201901 + ocpi.Month(rnd.IntN(3))}
		if rnd.IntN(3) == 0 {
			q.From, q.To = 201901, 201903
		}
		switch rnd.IntN(4) {
		case 0:
			q.CPO, _ = ocpi.ParseParty(l.pick(cpos))
		case 1:
			q.Party, _ = ocpi.ParseParty(l.pick(emsps[:3]))
		}
		switch rnd.IntN(4) {
		case 0:
			q.EMSP, _ = ocpi.ParseParty(l.pick(emsps[:3]))
		case 1:
			q.Currency = "EUR"
		case 2:
			q.NoEMSP = rnd.IntN(3) == 0
		}
		open, stands := m.split(q, below)
		holds(fmt.Sprintf("open: %+v below %v", q, below), s.BookedOpen(ctx, q, below, m.counted, booked), texts(open))
		beside := slices.DeleteFunc(slices.Clone(stands), func(c settlement.BookedCDR) bool {
			return !slices.ContainsFunc(open, func(o settlement.BookedCDR) bool { return bears(c, o) })
		})
		var asked []statement.Beside
		for i := range open {
			asked = append(asked, statement.BesideOf(&open[i]))
		}
		must, may := texts(beside), texts(stands) // of what stands, others may be among them
		holds(fmt.Sprintf("beside: %+v below %v", q, below), s.BookedBeside(ctx, asked, below, m.counted, func(c *settlement.BookedCDR) error {
			if text := fmt.Sprintf("%+v", *c); slices.Contains(must, text) || !slices.Contains(may, text) {
				got = append(got, text)
			}
			return nil
		}), must)
		counted := slices.DeleteFunc(m.all(below), func(c settlement.BookedCDR) bool { return c.Credit })
		if len(counted) == 0 {
			continue
		}
		if of := counted[rnd.IntN(len(counted))]; of.SessionID != "" || of.Measures.ChargeHash != 0 {
			must := texts(slices.DeleteFunc(counted, func(c settlement.BookedCDR) bool { return !bears(c, of) }))
			err := s.BookedTwins(ctx, &of, below, func(c *settlement.BookedCDR) error {
				if text := fmt.Sprintf("%+v", *c); slices.Contains(must, text) { // others may be among them
					got = append(got, text)
				}
				return nil
			})
			holds(fmt.Sprintf("twins: of %s", of.Key), err, must)
		}
		err := s.IssuedMonths(ctx, q, m.counted, func(i *statement.IssuedMonth) error { got = append(got, monthText(i)); return nil })
		slices.Sort(got)
		holds(fmt.Sprintf("months: %+v", q), err, m.inMonths(q))
		l.connectors(s, m, below, &got, holds)
		holds(fmt.Sprintf("moved: %+v", q), s.IssuedMoved(ctx, q, ends, m.counted, issued), lines(m.moved(q, ends)))
		var keys []ocpi.Key
		for range 1 + rnd.IntN(20) {
			id := rnd.IntN(l.ids)
			cpo, _ := ocpi.ParseParty(cpos[id%2])
			keys = append(keys, ocpi.Key{Party: cpo, ID: fmt.Sprint("C", id*2+rnd.IntN(2))})
		}
		of := slices.DeleteFunc(m.counts(), func(c statement.IssuedCDR) bool { return !slices.Contains(keys, c.Key) })
		holds(fmt.Sprintf("issued: %v", keys), s.IssuedOf(ctx, keys, m.counted, issued), lines(of))
		var units []statement.Unit
		in := slices.DeleteFunc(m.counts(), func(c statement.IssuedCDR) bool { return rnd.IntN(3) > 0 })
		for i := range in {
			units = append(units, unitOf(&in[i]))
		}
		in = slices.DeleteFunc(m.counts(), func(c statement.IssuedCDR) bool { return !slices.Contains(units, unitOf(&c)) })
		units = append(units, statement.Unit{Key: keys[0], EMSP: ocpi.NewParty("XX", "XXX"), Currency: "EUR"})
		holds(fmt.Sprintf("issued-in: %v", units), s.IssuedIn(ctx, units, m.counted, issued), lines(in))
		at := rnd.Int64N(control + 2)
		holds(fmt.Sprintf("pending: %+v below %v, %d", q, below, at), s.BookedDecided(ctx, q, below, at, m.counted, func(c *settlement.BookedCDR, d *statement.Decided) error {
			got = append(got, fmt.Sprintf("%+v: %s", *c, decidedText(d)))
			return nil
		}), m.pending(q, below, at))
		var want []string
		for _, d := range m.last(at, func(k ocpi.Key) bool { return slices.Contains(keys, k) }) {
			want = append(want, decidedText(&d))
		}
		holds(fmt.Sprintf("decided-of: %v below %d", keys, at), s.DecidedOf(ctx, keys, at, decided), want)
		want = nil
		for _, d := range m.decided {
			if d.Key == keys[0] {
				want = append(want, decidedText(&d))
			}
		}
		history, err := s.DecisionHistory(ctx, keys[0])
		for i := range history {
			got = append(got, decidedText(&history[i]))
		}
		holds(fmt.Sprintf("history: %s", keys[0]), err, want)
	}
	var attempts []uint64
	for _, a := range m.attempts {
		if rnd.IntN(2) == 0 {
			attempts = append(attempts, a.ID)
		}
	}
	q := statement.IssueQuery{Period: l.month(), Currency: l.pick([]string{"", "EUR"})}
	q.EMSP, _ = ocpi.ParseParty(l.pick(emsps))
	all := slices.DeleteFunc(slices.Clone(m.issued), func(c statement.IssuedLine) bool {
		return c.Line.Kind == "" || !slices.Contains(attempts, c.Attempt) || !q.Period.IsZero() && c.Period != q.Period || q.Currency != "" && c.Currency != q.Currency || !q.EMSP.IsZero() && c.EMSP != q.EMSP
	})
	slices.SortFunc(all, func(a, b statement.IssuedLine) int {
		return cmpOr(slices.Compare(pairOf(&a.IssuedCDR)[:5], pairOf(&b.IssuedCDR)[:5]), a.Line.Belongs.Compare(b.Line.Belongs), strings.Compare(a.Line.CDR, b.Line.CDR), sign(a.Attempt, b.Attempt))
	})
	var want []string
	for i := range all {
		want = append(want, lineText(&all[i]))
	}
	err := s.Lines(ctx, q, attempts, func(c *statement.IssuedLine) error { got = append(got, lineText(c)); return nil })
	holds(fmt.Sprintf("lines: %+v", q), err, want)
}

// connectors holds against the model who was at a connector at once.
func (l *life) connectors(s *Store, m *booksModel, below settlement.Ends, got *[]string, holds func(string, error, []string)) {
	l.t.Helper()
	all := m.all(below)
	cpo, _ := ocpi.ParseParty(l.pick(append([]string{"*"}, cpos...)))
	spans := []settlement.Span{{Since: ocpi.TimeOf(month(2019, 1).Start()), Until: ocpi.TimeOf(month(2019, 2).Start())}, {Since: ocpi.TimeOf(month(2019, 3).Start()), Until: ocpi.TimeOf(month(2019, 4).Start())}}
	q := statement.ConnectorQuery{CPO: cpo, Within: spans[l.rnd.IntN(2):]}
	if l.rnd.IntN(2) == 0 {
		q.Connectors = slices.Repeat([]uint64{1}, l.rnd.IntN(2)*fewInText)
		for i := range all {
			if l.rnd.IntN(3) == 0 {
				q.Connectors = append(q.Connectors, all[i].Measures.ConnectorHash)
			}
		}
		q.Connectors = append(q.Connectors, 2)
	}
	var must, may []string
	var charges []settlement.ConnectorCharge
	for i := range all {
		c := &all[i]
		a := settlement.ConnectorCharge{Key: c.Key, Position: c.Position, Connector: c.Measures.ConnectorHash,
			ConnectorID: ocpi.Fold(c.Measures.ConnectorID), Start: c.Start, End: c.End}
		if !c.Credit && a.Occupies() && (cpo.IsZero() || a.Key.Party == cpo) && (q.Connectors == nil || slices.Contains(q.Connectors, a.Connector)) {
			charges, may = append(charges, a), append(may, fmt.Sprintf("%+v", a))
		}
	}
	for i := range charges {
		a := &charges[i]
		if slices.ContainsFunc(charges, func(b settlement.ConnectorCharge) bool {
			return b.Key != a.Key && b.Connector == a.Connector && slices.ContainsFunc(q.Within, func(s settlement.Span) bool {
				return max(a.Start, b.Start)+settlement.Handover < min(a.End, b.End) && max(a.Start, b.Start, s.Since) < min(a.End, b.End, s.Until)
			})
		}) {
			must = append(must, may[i])
		}
	}
	err := s.ConnectorCharges(l.t.Context(), q, below, func(c *settlement.ConnectorCharge) error {
		if text := fmt.Sprintf("%+v", *c); slices.Contains(must, text) || !slices.Contains(may, text) {
			*got = append(*got, text)
		}
		return nil
	})
	slices.Sort(*got)
	slices.Sort(must)
	holds(fmt.Sprintf("connectors: %+v", q), err, must)
}

func (l *life) month() ocpi.Month { return [...]ocpi.Month{0, 201901, 201902, 201903}[l.rnd.IntN(4)] }

// swept sweeps what does not count, while a line of another attempt is written.
func (l *life) swept(s *Store, m *booksModel) {
	ctx := l.t.Context()
	var idle []clearing.Attempt
	m.attempts = slices.DeleteFunc(m.attempts, func(a clearing.Attempt) bool {
		if m.controlOf(a.ID) < 0 {
			idle = append(idle, a)
			return true
		}
		return false
	})
	m.issued = slices.DeleteFunc(m.issued, func(i statement.IssuedLine) bool { return m.controlOf(i.Attempt) < 0 })
	if err := s.Sweep(ctx, idle); err != nil {
		l.t.Fatal(err)
	}
	attempts, err := s.Attempts(ctx)
	slices.SortFunc(m.attempts, func(a, b clearing.Attempt) int { return sign(a.ID, b.ID) })
	if diff := cmp.Diff(m.attempts, attempts); err != nil || diff != "" {
		l.t.Errorf("attempts after a sweep: %v\n-want +got:\n%s", err, diff)
	}
	for _, table := range []string{"issued", "statement_lines"} {
		want := uint64(0)
		for i := range m.issued {
			if table == "issued" || m.issued[i].Line.Kind != "" {
				want++
			}
		}
		if n := count(l.t, s, "SELECT count() FROM "+table+" FINAL"); n != want {
			l.t.Errorf("%d rows of %s after a sweep, want %d", n, table, want)
		}
	}
}
