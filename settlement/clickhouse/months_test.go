package clickhouse

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// A year in which everything moves: copies come again in other months, after
// restarts and after the writer was another process, earlier ones after later
// ones; rejects are healed and re-pricings applied, into other months and to
// other debtors; batches are cut anywhere, break off between any two tables, and
// are written again. Each CDR counts once, in the month and for the debtor of the
// lowest position's last result, in the report, in lists and on OCPI lists.
func TestWhateverMovesCountsOnce(t *testing.T) {
	for seed := range uint64(2) {
		y := newYear(t, seed)
		for range 30 {
			y.step()
		}
		y.finish()
		y.compare()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		for _, table := range []string{"cdrs", "results", "sender_lists", "duplicates"} {
			if err := y.s.conn.Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
				t.Fatal(err)
			}
		}
		y.compare()
	}
}

// year is a store under test and what it must come to.
type year struct {
	t      *testing.T
	rnd    *rand.Rand
	s      *Store
	failAt int // the insert that fails, 0: none

	rows    []pricing.Row // of the log, by offset
	stored  []bool        // written as a whole at least once
	broken  []int         // written in part: they come again
	counts  map[ocpi.Key]*pricing.Row
	applied int
}

var errBroken = errors.New("broken off")

func newYear(t *testing.T, seed uint64) *year {
	y := &year{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), s: newStore(t), counts: map[ocpi.Key]*pricing.Row{}}
	y.s.space = y.space
	for range 70 {
		y.rows = append(y.rows, y.row(int64(len(y.rows))))
	}
	y.stored = make([]bool, len(y.rows))
	return y
}

func (y *year) space() error {
	if y.failAt > 0 {
		if y.failAt--; y.failAt == 0 {
			return errBroken
		}
	}
	return nil
}

// row is a record of one of 40 CDRs, so that most come again sooner or later,
// half of them with another content, in any month.
func (y *year) row(offset int64) pricing.Row {
	content := y.rnd.IntN(2)
	line := fmt.Sprintf("GB*DUN %s c%d 2019-%02d-15 GBP %d/%d priced %d/%d - #%d", y.party(), y.rnd.IntN(40), 1+y.rnd.IntN(12),
		1+content, 2+content, 1+content, 2+content, content)
	r := batchOf(y.t, 0, offset, line).Rows[0]
	if y.rnd.IntN(5) == 0 {
		r.Debtor, r.Outcome = ocpi.Party{}, pricing.Outcome{Status: pricing.Rejected, Reason: pricing.ReasonDebtorUnknown, Claimed: r.Outcome.Claimed}
	}
	return r
}

func (y *year) party() string { return []string{"NL*EXW", "DE*TNM", "FR*IZI"}[y.rnd.IntN(3)] }

func (y *year) step() {
	switch y.rnd.IntN(8) {
	case 0: // another process takes over
		y.s.writers = writers{}
	case 1:
		y.rewrite(0)
	case 2:
		y.rewrite(1)
	case 3:
		y.reprice()
	default:
		y.write(y.offsets(), y.rnd.IntN(3) == 0)
	}
}

// offsets are some of the next ones that are not stored, now and then from
// further on; or some that are, again.
func (y *year) offsets() []int {
	var fresh, old []int
	for i, stored := range y.stored {
		if stored {
			old = append(old, i)
		} else {
			fresh = append(fresh, i)
		}
	}
	if from := fresh; len(from) > 0 && y.rnd.IntN(4) > 0 {
		at := min(y.rnd.IntN(2)*y.rnd.IntN(20), len(from)-1)
		return from[at:min(at+1+y.rnd.IntN(12), len(from))]
	}
	if len(old) == 0 {
		return nil
	}
	at := y.rnd.IntN(len(old))
	return old[at:min(at+6, len(old))]
}

// write writes records; broken off, it stores any part of them.
func (y *year) write(offsets []int, broken bool) {
	if len(offsets) == 0 {
		return
	}
	b := &pricing.Batch{Partition: cdrsOf(0)}
	for _, i := range offsets {
		b.Rows = append(b.Rows, y.rows[i])
	}
	b.Next = int64(offsets[len(offsets)-1]) + 1
	if broken {
		y.failAt = 1 + y.rnd.IntN(6)
	}
	err := y.s.WriteCDRs(y.t.Context(), b)
	y.failAt = 0
	if errors.Is(err, errBroken) {
		y.broken = append(y.broken, offsets...)
		return
	}
	if err != nil {
		y.t.Fatal(err)
	}
	for _, i := range offsets {
		y.stored[i] = true
		r := &y.rows[i]
		if had := y.counts[r.Record.Key]; had == nil || had.Record.Offset > r.Record.Offset {
			y.counts[r.Record.Key] = r
		}
	}
}

// later is a result of a CDR that counts, with another debtor or month.
func (y *year) later(generation uint16) *pricing.Row {
	keys := slices.SortedFunc(maps.Keys(y.counts), func(a, b ocpi.Key) int { return cmp.Compare(a.ID, b.ID) })
	if len(keys) == 0 {
		return nil
	}
	r := *y.counts[keys[y.rnd.IntN(len(keys))]]
	if slices.Contains(y.broken, int(r.Record.Offset)) {
		return nil
	}
	r.Debtor, _ = ocpi.ParseParty(y.party())
	r.Outcome = pricing.Outcome{Status: pricing.Priced, Claimed: r.Outcome.Claimed, Computed: r.Outcome.Claimed}
	r.Generation += generation
	if generation > 0 && y.rnd.IntN(2) == 0 {
		r.End = ocpi.TimeOf(time.Date(2019, time.Month(1+y.rnd.IntN(12)), 3, 0, 0, 0, 0, time.UTC))
		r.LastUpdated = r.End
	}
	return &r
}

// rewrite heals a reject, or writes a result of the next generation, broken off
// first as often as not.
func (y *year) rewrite(generation uint16) {
	r := y.later(generation)
	if r == nil || generation == 0 && y.counts[r.Record.Key].Outcome.Status != pricing.Rejected {
		return
	}
	if y.failAt = y.rnd.IntN(5); y.failAt > 0 {
		if err := y.s.WriteResults(y.t.Context(), cdrsOf(0), []pricing.Row{*r}); err != nil && !errors.Is(err, errBroken) {
			y.t.Fatal(err)
		}
		y.failAt = 0
	}
	if err := y.s.WriteResults(y.t.Context(), cdrsOf(0), []pricing.Row{*r}); err != nil {
		y.t.Fatal(err)
	}
	y.counts[r.Record.Key] = r
}

// reprice applies a run that changes one CDR.
func (y *year) reprice() {
	r := y.later(1)
	if r == nil {
		return
	}
	old := y.counts[r.Record.Key]
	y.applied++
	run := fmt.Sprint("run ", y.applied)
	note(y.t, y.s, run, []settlement.Repriced{{Version: rowVersion(old.Record.Position, resultRank(old.Generation, old.Outcome.Status)), Row: *r, Change: settlement.Change{
		Key: r.Record.Key, Position: r.Record.Position, CPO: r.Creditor, Month: old.Booked(), Currency: r.Currency,
		Kind: settlement.DebtorMoves, Old: settlement.SideOf(old), New: settlement.SideOf(r),
	}}}, 1)
	if y.failAt = y.rnd.IntN(5); y.failAt > 0 {
		if err := y.s.ApplyRepriced(y.t.Context(), run, cdrsOf(0)); err != nil && !errors.Is(err, errBroken) {
			y.t.Fatal(err)
		}
		y.failAt = 0
	}
	for range 2 {
		if err := y.s.ApplyRepriced(y.t.Context(), run, cdrsOf(0)); err != nil {
			y.t.Fatal(err)
		}
	}
	y.counts[r.Record.Key] = r
}

// finish writes what is left, and what was broken off.
func (y *year) finish() {
	y.write(slices.Compact(slices.Sorted(slices.Values(y.broken))), false)
	for i, stored := range y.stored {
		if !stored {
			y.write([]int{i}, false)
		}
	}
}

func (y *year) compare() {
	y.t.Helper()
	for what, texts := range map[string][2]string{
		"the report":      {y.report(), y.counted()},
		"the lists":       {y.lists(), y.listed()},
		"the OCPI lists":  {y.ocpi(), y.owed()},
		"single CDRs":     {y.singles(), y.listed()},
		"further copies":  {y.conflicts(settlement.CopyAny), y.copies(false)},
		"conflicts alone": {y.conflicts(settlement.CopyConflict), y.copies(true)},
	} {
		if texts[0] != texts[1] {
			y.t.Errorf("%s: -want +got:\n%s", what, gocmp.Diff(texts[1], texts[0]))
		}
	}
}

func (y *year) report() string {
	rows, err := y.s.Settlement(y.t.Context(), settlement.SettlementQuery{})
	if err != nil {
		y.t.Fatal(err)
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s %s: %d CDRs, %s\n", r.Month, r.EMSP, r.CDRCount, r.Claimed.Excl))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (y *year) counted() string {
	type account struct {
		month ocpi.Month
		emsp  ocpi.Party
	}
	n, sums := map[account]int{}, map[account]decimal.Decimal{}
	for _, r := range y.counts {
		a := account{r.Booked(), r.Debtor}
		n[a]++
		sums[a] = sums[a].Add(r.Outcome.Claimed.Excl.Decimal())
	}
	var lines []string
	for a := range n {
		lines = append(lines, fmt.Sprintf("%s %s: %d CDRs, %s\n", a.month, a.emsp, n[a], sums[a]))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func line(month ocpi.Month, key ocpi.Key, emsp ocpi.Party, at ingest.Position, generation uint16) string {
	return fmt.Sprintf("%s %s %s %d %d\n", month, key, emsp, at.Offset, generation)
}

func (y *year) lists() string {
	var lines []string
	for q := (settlement.CDRQuery{Limit: 7}); ; {
		page, err := y.s.CDRs(y.t.Context(), q)
		if err != nil {
			y.t.Fatal(err)
		}
		for _, c := range page.CDRs {
			lines = append(lines, line(c.Month, c.Key, c.EMSP, c.Position, c.Generation))
		}
		if q.After = page.Next; q.After == "" {
			return strings.Join(lines, "")
		}
	}
}

// inOrder are the CDRs that count, by month and position.
func (y *year) inOrder() []*pricing.Row {
	return slices.SortedFunc(maps.Values(y.counts), func(a, b *pricing.Row) int {
		at, bt := a.Record.Position, b.Record.Position
		return cmp.Or(a.Booked().Compare(b.Booked()), cmp.Compare(at.Epoch, bt.Epoch), cmp.Compare(at.Offset, bt.Offset), cmp.Compare(at.Partition, bt.Partition))
	})
}

func (y *year) listed() string {
	var b strings.Builder
	for _, r := range y.inOrder() {
		b.WriteString(line(r.Booked(), r.Record.Key, r.Debtor, r.Record.Position, r.Generation))
	}
	return b.String()
}

func (y *year) singles() string {
	var b strings.Builder
	for _, r := range y.inOrder() {
		c, err := y.s.CDR(y.t.Context(), r.Record.Key)
		if err != nil {
			y.t.Fatal(err)
		}
		b.WriteString(line(c.Month, c.Key, c.EMSP, c.Position, c.Generation))
	}
	return b.String()
}

func (y *year) ocpi() string {
	half := time.Date(2019, 7, 1, 0, 0, 0, 0, time.UTC)
	var b strings.Builder
	for _, q := range []settlement.OCPIQuery{
		{Debtors: []ocpi.Party{{Country: "NL", ID: "EXW"}}, OCPIWindow: settlement.OCPIWindow{To: half}}, {Debtors: []ocpi.Party{{Country: "DE", ID: "TNM"}}, OCPIWindow: settlement.OCPIWindow{To: half}},
		{Debtors: []ocpi.Party{{Country: "FR", ID: "IZI"}}, Creditors: []ocpi.Party{{Country: "GB", ID: "DUN"}}},
	} {
		q.Limit = 1000
		page, err := y.s.OCPICDRs(y.t.Context(), q)
		if err != nil {
			y.t.Fatal(err)
		}
		slices.SortFunc(page.Bodies, bytes.Compare)
		fmt.Fprintf(&b, "%d: %s\n", page.Total, page.Bodies)
	}
	return b.String()
}

func (y *year) owed() string {
	rows := slices.SortedFunc(maps.Values(y.counts), func(a, b *pricing.Row) int { return cmp.Compare(a.Record.Offset, b.Record.Offset) })
	half := ocpi.TimeOf(time.Date(2019, 7, 1, 0, 0, 0, 0, time.UTC))
	var b strings.Builder
	for _, emsp := range []string{"NL*EXW", "DE*TNM", ""} {
		var bodies [][]byte
		for _, r := range rows {
			if emsp == "" || r.Debtor.String() == emsp && r.LastUpdated < half {
				bodies = append(bodies, r.Record.Body)
			}
		}
		slices.SortFunc(bodies, bytes.Compare)
		fmt.Fprintf(&b, "%d: %s\n", len(bodies), bodies)
	}
	return b.String()
}

func (y *year) conflicts(kind settlement.CopyKind) string {
	var b strings.Builder
	for q := (settlement.ConflictQuery{Kind: kind, Limit: 9}); ; {
		page, err := y.s.Conflicts(y.t.Context(), q)
		if err != nil {
			y.t.Fatal(err)
		}
		for _, c := range page.Conflicts {
			fmt.Fprintf(&b, "%s %d", c.Key, c.Counts.Position.Offset)
			for _, o := range c.Others {
				fmt.Fprintf(&b, " %d", o.Position.Offset)
			}
			b.WriteString("\n")
		}
		if q.After = page.Next; q.After == "" {
			return b.String()
		}
	}
}

func (y *year) copies(differing bool) string {
	all := map[ocpi.Key][]*pricing.Row{}
	for i := range y.rows {
		r := &y.rows[i]
		all[r.Record.Key] = append(all[r.Record.Key], r)
	}
	var lines []string
	for key, rows := range all {
		differ := slices.ContainsFunc(rows, func(r *pricing.Row) bool { return r.Record.Hash != rows[0].Record.Hash })
		if len(rows) < 2 || differing && !differ {
			continue
		}
		text := key.String()
		for _, r := range rows {
			text += fmt.Sprintf(" %d", r.Record.Offset)
		}
		lines = append(lines, text+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
