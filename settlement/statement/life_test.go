package statement_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// world is what two installations have in common: the CDRs of one CPO, what is agreed and
// decided about them, and the closes. The second one was fed in another order, and has
// another CPO around, with closes of its own.
type world struct {
	ours, theirs *statementtest.House
	issued       map[string]string // by ours, as it was when it was issued
	foreign      int
	releases     int
	order        *rand.Rand                           // in which theirs has what comes
	rows         map[string]*settlement.SettlementRow // of ours, what a report is to say
}

var (
	tnm    = ocpi.NewParty("NL", "TNM")
	oth    = ocpi.NewParty("FR", "OTH")
	emsps  = []string{"DE*EMP", "DE*EMP", "DE*EMP", "AT*EMP", ""}
	scopes = []clearing.Scope{{}, {CPO: tnm}, {CPO: tnm, EMSP: ocpi.NewParty("DE", "EMP")}, {EMSP: ocpi.NewParty("AT", "EMP")}}
)

func newWorld() *world {
	return &world{ours: house(), theirs: house(), issued: map[string]string{}, order: rand.New(rand.NewPCG(1, 2)), rows: map[string]*settlement.SettlementRow{}}
}

// change changes a CDR that both have, or adds it. Versions are each installation's own.
func (w *world) change(c settlement.BookedCDR, change func(*settlement.BookedCDR)) {
	for i, h := range []*statementtest.House{w.ours, w.theirs} {
		b := h.Books
		at := slices.IndexFunc(b.CDRs, func(o settlement.BookedCDR) bool { return o.Key == c.Key })
		if at < 0 {
			c.Position.Offset = 0
			for _, end := range h.Ends() {
				c.Position.Offset = max(c.Position.Offset, end)
			}
			b.CDRs = append(b.CDRs, c)
			at = len(b.CDRs) - 1
			b.CDRs[at].Version = uint64(i+1) * 1000 * uint64(at+1)
		}
		change(&b.CDRs[at])
		b.CDRs[at].Version += uint64(i + 1)
		b.CDRs[at].AsOf.Control = h.Next
		if i == 1 {
			w.order.Shuffle(len(b.CDRs), func(i, j int) { b.CDRs[i], b.CDRs[j] = b.CDRs[j], b.CDRs[i] })
		}
	}
}

// around has something happen to others at the second installation alone.
func (w *world) around(t *rapid.T) {
	h := w.theirs
	switch rapid.IntRange(0, 3).Draw(t, "around") {
	case 0:
		c := booked("cdr", fmt.Sprint("C", w.foreign), "ends", "2019-06-05T11:00:00Z", "claims", "7", "session", "S1")
		c.Key.Party, c.Position.Offset, c.Version = oth, int64(len(h.Books.CDRs)), 1
		h.Books.CDRs = append([]settlement.BookedCDR{c}, h.Books.CDRs...)
		w.foreign++
	case 1:
		h.Decide(ocpi.NewKey("FR", "OTH", "C0"), &clearing.Decision{Act: clearing.RejectIt})
	case 2:
		// A close of the house binds its pairs too, so that it must not run ahead of ours.
		if through := h.Agreed(h.Next).ClosedThrough(oth, ocpi.NewParty("DE", "EMP")); through < w.through(h) {
			must(t, h, clearing.Scope{CPO: oth}, through.Add(1))
		}
	}
}

// through is the last period that any pair of ours has closed.
func (w *world) through(h *statementtest.House) ocpi.Month {
	through := h.Begun
	for _, c := range h.Closings {
		if c.Scope.CPO != oth {
			through = max(through, c.Period)
		}
	}
	return through
}

func must(t *rapid.T, h *statementtest.House, scope clearing.Scope, period ocpi.Month) *statement.CloseResult {
	r := statement.CloseRequest{Scope: scope, Period: period, Carry: true, By: "finance", Now: instant("2030-01-01T00:00:00Z")}
	result, err := h.Closer().Close(context.Background(), r)
	if err != nil {
		t.Fatalf("close %s of %s: %v", period, scope, err)
	}
	return result
}

// drawn are the drafts of ours by pair and currency.
func drawn(t *rapid.T, h *statementtest.House, whole bool, q statement.Query) map[string]*statement.Draft {
	var books statement.Books = h.Books
	if whole {
		books = statement.Whole{Books: h.Books, Issues: h.Books}
	}
	q.Below, q.Debtless = h.Ends(), true
	drafts := map[string]*statement.Draft{}
	d := statement.Drawer{Books: books, Agreed: h.Agreed(h.Next)}
	err := d.Draw(context.Background(), q, func(d *statement.Draft) error {
		if d.Err != nil {
			return d.Err
		}
		drafts[fmt.Sprint(d.CPO, " ", d.EMSP, " ", d.Currency)] = d
		return nil
	})
	if _, closed := err.(*statement.ClosedError); err != nil && !closed { //nolint:errorlint // it comes as it is
		t.Fatal(err)
	}
	return drafts
}

// told is what a draft says: its bytes, and what waits and why.
func told(t *rapid.T, drafts map[string]*statement.Draft) map[string]string {
	all := map[string]string{}
	for name, d := range drafts {
		var waits []string
		for i := range d.Settled {
			if s := &d.Settled[i]; s.Issued == nil && s.State != clearing.Accepted && s.State != clearing.Before && !s.Later {
				waits = append(waits, fmt.Sprintf("%s %s %v", s.Key, s.State, codesOf(s.Grounds)))
			}
		}
		slices.Sort(waits)
		if len(d.Lines)+len(waits) > 0 {
			all[name] = rapidCanonical(t, &d.Statement) + strings.Join(waits, "\n")
		}
	}
	return all
}

// check holds ours against what never breaks.
func (w *world) check(t *rapid.T) {
	h := w.ours
	q := statement.Query{Period: w.through(h).Add(1)}
	drafts, whole := drawn(t, h, false, q), drawn(t, h, true, q)
	if diff := gocmp.Diff(told(t, whole), told(t, drafts)); diff != "" {
		t.Fatalf("a draft of what is open (+) is not that of all there is (-): %s", diff)
	}
	w.conserves(t)
	w.reports(t)
	w.overlaps(t)
	w.alone(t)
	var pairs []string
	for name, d := range drafts {
		if !d.EMSP.IsZero() {
			pairs = append(pairs, name)
		}
	}
	if len(pairs) == 0 {
		return
	}
	slices.Sort(pairs)
	name := rapid.SampledFrom(pairs).Draw(t, "alone")
	q.CPO, q.EMSP, q.Currency = drafts[name].CPO, drafts[name].EMSP, drafts[name].Currency
	if diff := gocmp.Diff(told(t, map[string]*statement.Draft{name: drafts[name]}), told(t, drawn(t, h, false, q))); diff != "" {
		t.Fatalf("%s drawn alone (+) is not what it is among others (-): %s", name, diff)
	}
}

// alone makes sure that each CDR by itself is what it is among all there are.
func (w *world) alone(t *rapid.T) {
	h := w.ours
	among := map[string]string{}
	for name, d := range drawn(t, h, true, statement.Query{Period: 203001, Before: true}) {
		for i := range d.Settled {
			among[name+" "+d.Settled[i].Key.String()] = comesTo(&d.Settled[i])
		}
	}
	d := statement.Drawer{Books: h.Books, Agreed: h.Agreed(h.Next)}
	for i := range h.Books.CDRs {
		at, key, alone := i, h.Books.CDRs[i].Key, map[string]string{}
		err := d.Draw(context.Background(), statement.Query{Key: key, Below: h.Ends()}, func(d *statement.Draft) error {
			for i := range d.Settled {
				if s := &d.Settled[i]; s.Key == key || !s.Credit && s.Key == h.Books.CDRs[at].Original() || !h.Books.CDRs[at].Credit && s.CreditOf == key {
					alone[fmt.Sprint(d.CPO, " ", d.EMSP, " ", d.Currency, " ", s.Key)] = comesTo(s)
				}
			}
			return d.Err
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, is := range among {
			if strings.HasSuffix(name, " "+key.String()) && alone[name] == "" {
				t.Fatalf("%s is not drawn alone: among all it is %s", name, is)
			}
		}
		for name, is := range alone {
			if is != among[name] {
				t.Fatalf("%s, drawn for %s alone, is\n%s\nand among all\n%s", name, key, is, among[name])
			}
		}
	}
}

// comesTo says what becomes of a charge, and its line.
func comesTo(s *statement.Settled) string {
	text := fmt.Sprintf("%s %v %s %s %s %v %s", s.State, s.Grounds, s.Claim, s.Owed.Net, s.Belongs, s.Reopened, s.Lands)
	if s.Line != nil {
		text += fmt.Sprintf(" line %s %s", s.Line.Kind, s.Line.Net)
	}
	return text
}

// conserves makes sure that every claim has a place.
func (w *world) conserves(t *rapid.T) {
	h := w.ours
	counted, lines := map[string]statement.Tally{}, map[string]decimal.Decimal{}
	for i := range h.Books.CDRs {
		c := &h.Books.CDRs[i]
		name := fmt.Sprint(c.Key.Party, " ", c.EMSP, " ", c.Currency)
		tally := counted[name]
		counted[name] = statement.Tally{Count: tally.Count + 1, Net: tally.Net.Add(statement.Claims(c))}
	}
	for _, c := range h.Closings {
		err := h.Books.Issues(context.Background(), statement.IssueQuery{}, []uint64{c.ID}, func(i *statement.Issue) error {
			name := fmt.Sprint(i.CPO, " ", i.EMSP, " ", i.Currency)
			lines[name] = lines[name].Add(i.Net)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, d := range drawn(t, h, true, statement.Query{Period: 203001, Before: true}) {
		b := d.Balance()
		if err := b.Conserve(counted[name], lines[name]); err != nil {
			t.Fatal(err)
		}
		delete(counted, name)
		delete(lines, name)
	}
	if len(counted)+len(lines) > 0 {
		t.Fatalf("in no draft: %v, %v", counted, lines)
	}
}

// close closes a period at both, and holds what came of it against what was to come.
func (w *world) close(t *rapid.T, scope clearing.Scope, period ocpi.Month) {
	h := w.ours
	comes := map[string][2]decimal.Decimal{} // what is owed, and claimed
	for name, d := range drawn(t, h, true, statement.Query{Period: period, CPO: scope.CPO, EMSP: scope.EMSP}) {
		for i := range d.Settled {
			if s := &d.Settled[i]; s.Issued != nil || s.Line != nil {
				comes[name+" "+s.Key.ID] = [2]decimal.Decimal{s.Owed.Net, s.Claim}
			}
		}
	}
	was := len(h.Closings)
	result := must(t, h, scope, period)
	if other := must(t, w.theirs, scope, period); (result.Already == nil) != (other.Already == nil) {
		t.Fatalf("closed here: %v, there: %v", result.Already, other.Already)
	}
	if result.Already != nil {
		if len(h.Closings) != was {
			t.Fatal("it was closed already, and is again")
		}
		return
	}
	w.agree(t)
	w.note(t, result.Closing)
	sums := map[string][2]decimal.Decimal{}
	var keys []ocpi.Key
	for i := range h.Books.CDRs {
		keys = append(keys, h.Books.CDRs[i].Key)
	}
	err := h.Books.IssuedOf(context.Background(), keys, h.Agreed(h.Next).Counted(), func(l *statement.IssuedCDR) error {
		name := fmt.Sprint(l.Key.Party, " ", l.EMSP, " ", l.Currency, " ", l.Key.ID)
		sums[name] = [2]decimal.Decimal{sums[name][0].Add(l.Net), sums[name][1].Add(l.Claim)}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range comes {
		if sum := sums[name]; !sum[0].Equal(c[0]) || !sum[1].Equal(c[1]) {
			t.Fatalf("after the close of %s, lines of %s come to %s of a claim of %s; it owes %s and claims %s", period, name, sum[0], sum[1], c[0], c[1])
		}
	}
	w.marked(t, scope, period, comes)
	gapless(t, h)
	w.proved(t)
}

// proved makes sure that all closes are proved, those of earlier releases by their digests.
func (w *world) proved(t *rapid.T) {
	p := prove(t, proverOf(w.ours))
	if len(p.Faults) > 0 {
		t.Fatalf("proved: %v", p.Faults)
	}
	otherwise, closes := 0, 0
	for _, o := range p.Otherwise {
		otherwise += o.Closes
	}
	for _, c := range w.ours.Closings {
		if c.Editions != clearing.RunningEditions() {
			closes++
		}
	}
	if p.Closes != len(w.ours.Closings) || otherwise != closes {
		t.Fatalf("of %d closes, %d by earlier releases, %d are proved, %d by their digests alone", len(w.ours.Closings), closes, p.Closes, otherwise)
	}
}

// marked makes sure that nothing which was issued is open again once it was looked at.
func (w *world) marked(t *rapid.T, scope clearing.Scope, period ocpi.Month, comes map[string][2]decimal.Decimal) {
	h := w.ours
	q := settlement.SettlementQuery{CPO: scope.CPO, EMSP: scope.EMSP}
	err := h.Books.BookedOpen(context.Background(), q, h.Ends(), h.Agreed(h.Next).Counted(), func(c *settlement.BookedCDR) error {
		name := fmt.Sprint(c.Key.Party, " ", c.EMSP, " ", c.Currency, " ", c.Key.ID)
		if _, looked := comes[name]; looked && h.Agreed(h.Next).ClosedThrough(c.Key.Party, c.EMSP) == period {
			t.Fatalf("%s was looked at by the close of %s, and is open", name, period)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// agree makes sure that both have issued the same bytes to the same pairs, whatever
// numbers they gave.
func (w *world) agree(t *rapid.T) {
	withoutNumber := func(statements map[string]string) map[string]string {
		list := map[string]string{}
		for name, file := range statements {
			if !strings.Contains(name, " FR*OTH ") {
				list[name[:strings.LastIndex(name, " ")]] = file
			}
		}
		return list
	}
	ours := issued(t, w.ours)
	if diff := gocmp.Diff(withoutNumber(ours), withoutNumber(issued(t, w.theirs))); diff != "" {
		t.Fatalf("the two installations issued other statements: %s", diff)
	}
	for name, file := range w.issued {
		if ours[name] != file {
			t.Fatalf("%s was\n%s\nand is\n%s", name, file, ours[name])
		}
	}
	for name, file := range ours {
		if _, err := statement.Parse(strings.NewReader(file)); w.issued[name] == "" && err != nil {
			t.Fatalf("%s is no statement to the other side: %v\n%s", name, err, file)
		}
	}
	w.issued = ours
}

// Lives of CDRs, in which everything happens that can: whatever moves, lines that are
// issued stay; what is open says the same as all there is; one pair alone says the same as
// among all; after a close, lines of each CDR come to what it owes; nothing is without a
// place; and another installation issues the same bytes.
func TestLives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		n := 0
		one := func(t *rapid.T) settlement.BookedCDR {
			list := slices.DeleteFunc(slices.Clone(w.ours.Books.CDRs), func(c settlement.BookedCDR) bool { return c.Key.Party != tnm })
			if len(list) == 0 {
				t.Skip("nothing there")
			}
			return rapid.SampledFrom(list).Draw(t, "CDR")
		}
		amount := func(t *rapid.T, label string) string {
			net := decimal.New(rapid.Int64Range(1, 100).Draw(t, label), -1)
			if rapid.IntRange(0, 3).Draw(t, "tax") == 0 {
				return net.String()
			}
			return net.String() + "/" + net.Mul(dec("1.21")).String()
		}
		ends := func(t *rapid.T) string {
			return fmt.Sprintf("2019-%02d-%02dT%02d:30:00Z", rapid.IntRange(4, 9).Draw(t, "month"), rapid.SampledFrom([]int{1, 15, 30}).Draw(t, "day"), rapid.SampledFrom([]int{1, 12, 23}).Draw(t, "hour"))
		}
		comes := func(t *rapid.T) {
			n++
			words := []string{"cdr", fmt.Sprint("C", n), "ends", ends(t), "emsp", rapid.SampledFrom(emsps).Draw(t, "eMSP"), "currency", rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "SEK"}).Draw(t, "currency"),
				"session", rapid.SampledFrom([]string{"", "", "S1", "S2"}).Draw(t, "session"), "charge", rapid.SampledFrom([]string{"0", "0", "77"}).Draw(t, "charge"),
				"connector", rapid.SampledFrom([]string{"0", "5", "5", "6"}).Draw(t, "connector")}
			claims := amount(t, "claims")
			if n > 2 && rapid.IntRange(0, 2).Draw(t, "is a credit") > 0 {
				of := rapid.SampledFrom([]int{1, 1, 2, n - 1, n + 1}).Draw(t, "of")
				claims = "-" + strings.ReplaceAll(claims, "/", "/-")
				words = append(words, "credits", fmt.Sprint("C", of))
			}
			c := booked(append(words, "claims", claims)...)
			if c.Credit {
				c.Computed.Excl = ocpi.Number{}
			}
			c.Start -= ocpi.Time(rapid.SampledFrom([]int64{0, 1, 11, 5 * 24, 40 * 24}).Draw(t, "hours more") * 3600e9)
			w.change(c, func(*settlement.BookedCDR) {})
		}
		closes := func(t *rapid.T) {
			scope := rapid.SampledFrom(scopes).Draw(t, "scope")
			through := w.ours.Agreed(w.ours.Next).ClosedThrough(scope.CPO, scope.EMSP)
			if through >= 202003 {
				t.Skip("closed for long enough")
			}
			w.close(t, scope, max(w.ours.Begun.Add(1), through.Add(rapid.IntRange(0, 2).Draw(t, "ahead")))) // 0: once more
		}
		both := func(do func(*statementtest.House)) { do(w.ours); do(w.theirs) }
		t.Repeat(map[string]func(*rapid.T){
			"":            w.check,
			"a CDR comes": comes, "one more": comes, "and another": comes, "yet another": comes, "and one": comes,
			"around": w.around,
			"it is priced again": func(t *rapid.T) {
				if c := one(t); !c.Credit {
					computed := booked("claims", amount(t, "computed")).Claimed
					w.change(c, func(c *settlement.BookedCDR) { c.Computed = computed })
				}
			},
			"another copy counts": func(t *rapid.T) {
				c, claimed := one(t), booked("claims", amount(t, "claims")).Claimed
				if c.Credit {
					claimed.Excl = claimed.Excl.Neg()
					if claimed.Incl.IsSet() {
						claimed.Incl = claimed.Incl.Neg()
					}
				}
				w.change(c, func(c *settlement.BookedCDR) { c.Claimed = claimed })
			},
			"a person adopts another copy": func(t *rapid.T) {
				c, other := one(t), booked("claims", amount(t, "claims"), "ends", ends(t), "emsp", rapid.SampledFrom(emsps).Draw(t, "eMSP"))
				both(func(h *statementtest.House) {
					h.Adopt(c.Key, func(c *settlement.BookedCDR) {
						if c.Claimed = other.Claimed; c.Credit {
							c.Claimed.Excl, c.Claimed.Incl = c.Claimed.Excl.Neg(), ocpi.Number{}
						}
						c.Start, c.End, c.Month, c.EMSP = other.Start, other.End, other.Month, other.EMSP
					})
				})
			},
			// A new release: what earlier ones closed is theirs, and some CDRs are priced anew by it.
			"another engine": func(t *rapid.T) {
				w.releases++
				engine := fmt.Sprint("release ", w.releases)
				some := rapid.IntRange(1, 3).Draw(t, "one of how many")
				for i, c := range slices.Clone(w.ours.Books.CDRs) {
					if c.Key.Party != tnm || c.Credit || i%some > 0 {
						continue
					}
					computed := c.Computed
					if rapid.Bool().Draw(t, "comes to another price") {
						computed = booked("claims", amount(t, "computed")).Claimed
					}
					w.change(c, func(c *settlement.BookedCDR) { c.Engine, c.Computed = engine, computed })
				}
				both(func(h *statementtest.House) {
					for _, c := range h.Closings {
						c.Engine = "a release before " + engine
					}
				})
			},
			"the log is read again": func(*rapid.T) {
				b := w.ours.Books
				w.order.Shuffle(len(b.CDRs), func(i, j int) { b.CDRs[i], b.CDRs[j] = b.CDRs[j], b.CDRs[i] })
			},
			"it ended at another time": func(t *rapid.T) {
				c, other := one(t), booked("ends", ends(t))
				w.change(c, func(c *settlement.BookedCDR) { c.Start, c.End, c.Month = other.Start, other.End, other.Month })
			},
			"another debtor": func(t *rapid.T) {
				c, emsp := one(t), rapid.SampledFrom(emsps).Draw(t, "eMSP")
				w.change(c, func(c *settlement.BookedCDR) { c.EMSP, _ = ocpi.ParseParty(emsp) })
			},
			"another currency": func(t *rapid.T) {
				c, currency := one(t), rapid.SampledFrom([]string{"EUR", "SEK"}).Draw(t, "currency")
				w.change(c, func(c *settlement.BookedCDR) { c.Currency = currency })
			},
			"a person decides": func(t *rapid.T) {
				c := one(t)
				act := rapid.SampledFrom([]clearing.Act{clearing.Accept, clearing.Accept, clearing.RejectIt, clearing.HoldIt, ""}).Draw(t, "act")
				var decision *clearing.Decision
				if act != "" {
					decision = &clearing.Decision{Act: act, At: rapid.SampledFrom([]clearing.Owed{"", clearing.OwedClaimed, clearing.OwedComputed}).Draw(t, "at"),
						Covers: rapid.SampledFrom([][]string{nil, {"session_billed_twice", "charge_billed_twice", "difference", "unknown_debtor"}, {"credit_orphan", "original_held", "credit_excess", "credit_mismatch"}}).Draw(t, "covers")}
				}
				both(func(h *statementtest.House) { h.Decide(c.Key, decision) })
			},
			"something is agreed": func(t *rapid.T) {
				scope := rapid.SampledFrom(scopes).Draw(t, "scope")
				apply := rapid.SampledFrom([]func(*clearing.Terms){
					func(t *clearing.Terms) { t.Owed = clearing.OwedLower }, func(t *clearing.Terms) { t.Owed = clearing.OwedComputed }, func(t *clearing.Terms) { t.Owed = clearing.OwedClaimed },
					func(t *clearing.Terms) { t.Pack = "strict" }, func(t *clearing.Terms) { t.Pack = "hubject" }, func(t *clearing.Terms) { t.CutOffDay = 5 },
					func(t *clearing.Terms) { t.Tax.Category = clearing.TaxReverseCharge }, func(t *clearing.Terms) { t.Zone = zoneOf("America/New_York") }, func(t *clearing.Terms) { t.Zone = zoneOf("Asia/Tokyo") },
				}).Draw(t, "what")
				from := w.through(w.ours).Add(rapid.IntRange(1, 2).Draw(t, "from"))
				both(func(h *statementtest.House) { h.Agree(scope, from, apply) })
			},
			"a close": closes, "another close": closes,
		})
	})
}
