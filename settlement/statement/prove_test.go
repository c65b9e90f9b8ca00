package statement_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
	"github.com/shopspring/decimal"
)

// proverOf proves a house by all that it has now.
func proverOf(h *statementtest.House) *statement.Prover {
	return &statement.Prover{
		Books: h.Books, Issues: h.Books, Claims: h.Books, Agreed: h.Agreed, Control: h.Next, Below: h.Ends(),
		Closings: func(_ context.Context, fn func(*clearing.Closing) error) error {
			for _, c := range h.Closings {
				copied := *c
				if err := fn(&copied); err != nil {
					return err
				}
			}
			return nil
		},
		Waiting: func(_ context.Context, fn func(*clearing.Request) error) error {
			for _, r := range h.Requests {
				if h.Refuses(r.Attempt) != nil {
					continue
				}
				if err := fn(r); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func prove(t tb, p *statement.Prover) *statement.Proof {
	t.Helper()
	proof, err := p.Prove(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// twoMonths is a house that has closed two months, and has something open.
func twoMonths(t *testing.T) *statementtest.House {
	t.Helper()
	h := threePairs()
	add := func(c settlement.BookedCDR) {
		c.Position.Offset, c.Version = int64(len(h.Books.CDRs)), uint64(len(h.Books.CDRs)+1)
		h.Books.CDRs = append(h.Books.CDRs, c)
	}
	closes := func(period ocpi.Month) {
		r := closeOf(h, period)
		r.Carry = true
		if _, err := h.Closer().Close(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	add(booked("cdr", "C7", "ends", "2019-06-20T11:00:00Z", "claims", "9/10"))
	h.Decide(ocpi.NewKey("NL", "TNM", "C7"), &clearing.Decision{Act: clearing.HoldIt})
	closes(201906)
	add(booked("cdr", "C8", "ends", "2019-06-21T11:00:00Z", "claims", "1/1.21")) // late
	add(booked("cdr", "C9", "ends", "2019-07-21T11:00:00Z", "claims", "2/2.42", "emsp", "FR*OTH"))
	closes(201907)
	add(booked("cdr", "D1", "ends", "2019-08-21T11:00:00Z", "claims", "3/3.63"))
	return h
}

func TestProof(t *testing.T) {
	h := twoMonths(t)
	p := prove(t, proverOf(h))
	if len(p.Faults) > 0 {
		t.Fatalf("%q", p.Faults)
	}
	want := statement.Proof{Closes: 2, Statements: 7, Lines: 9, Again: 7, Places: 4, CDRs: 11}
	if p.Closes != want.Closes || p.Statements != want.Statements || p.Lines != want.Lines || p.Again != want.Again || p.Places != want.Places || p.CDRs != want.CDRs {
		t.Errorf("proved %+v, want %+v", *p, want)
	}
	// A CDR that was priced again since: the statements of its pair, of which the second
	// has its difference now, cannot come to the same once more.
	c := cdrOf(h, "C2")
	c.Claimed.Excl, c.Version, c.AsOf = ocpi.NewNumber(9, 0), 99, pricing.AsOf{Control: h.Next}
	if p = prove(t, proverOf(h)); len(p.Faults) > 0 || p.Again != want.Again-2 {
		t.Errorf("priced again since: %d again, %q", p.Again, p.Faults)
	}
	// One that is another's now.
	c = cdrOf(h, "C6")
	c.EMSP, c.Version, c.AsOf = ocpi.NewParty("DE", "EMP"), 98, pricing.AsOf{Control: h.Next}
	if p = prove(t, proverOf(h)); len(p.Faults) > 0 || p.Again != want.Again-4 {
		t.Errorf("another's since: %d again, %q", p.Again, p.Faults)
	}
}

// What other editions drew is held against its digests, never drawn again: whatever it came to
// by the rules of then is no fault.
func TestProofOfWhatOtherEditionsDrew(t *testing.T) {
	ours := clearing.RunningEditions()
	other := func(set func(*clearing.Editions)) clearing.Editions {
		e := ours
		set(&e)
		return e
	}
	for _, c := range []struct {
		by        string
		editions  clearing.Editions
		again     int
		otherwise []statement.Otherwise
	}{
		{by: "the running ones", editions: ours, again: 7},
		{by: "other rules", editions: other(func(e *clearing.Editions) { e.Rules = "0-0123456789ab" }), again: 3},
		{by: "rules of before their edition was kept", editions: other(func(e *clearing.Editions) { e.Rules = "" }), again: 3},
		{by: "another engine", editions: other(func(e *clearing.Editions) { e.Engine = "0" }), again: 3},
		{by: "other time zones", editions: other(func(e *clearing.Editions) { e.ZoneDB = "1999a" }), again: 3},
	} {
		h := twoMonths(t)
		h.Closings[0].Editions = c.editions
		if c.editions != ours {
			c.otherwise = []statement.Otherwise{{Editions: c.editions, Closes: 1, Statements: 4, First: h.Closings[0].Offset, Last: h.Closings[0].Offset}}
		}
		p := prove(t, proverOf(h))
		if diff := cmp.Diff(c.otherwise, p.Otherwise); len(p.Faults) > 0 || p.Again != c.again || diff != "" {
			t.Errorf("%s: %d again, %q %s", c.by, p.Again, p.Faults, diff)
		}
		// As if the same came to something else by now.
		h.Agree(clearing.Scope{}, 201901, func(t *clearing.Terms) { t.Tax = clearing.Tax{Category: clearing.TaxExempt} })
		h.Settings[0].Offset = -1
		p = prove(t, proverOf(h))
		if told := slices.ContainsFunc(p.Faults, func(f string) bool {
			return strings.Contains(f, "the close of 2019-06") && strings.Contains(f, "when it is drawn again")
		}); told != (c.editions == ours) {
			t.Errorf("%s: %q", c.by, p.Faults)
		}
	}
}

func cdrOf(h *statementtest.House, id string) *settlement.BookedCDR {
	i := slices.IndexFunc(h.Books.CDRs, func(c settlement.BookedCDR) bool { return c.Key.ID == id })
	return &h.Books.CDRs[i]
}

// damaged is what was stored, and something else.
type damaged struct {
	*statementtest.Books
	lost   string // a CDR that is not open any more
	issued func(*statement.IssuedCDR) bool
	line   func(*statement.IssuedLine) bool
	issue  func(*statement.Issue) bool
	claims func(*statement.Tally)
}

func (d *damaged) BookedOpen(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, attempts []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	return d.Books.BookedOpen(ctx, q, below, attempts, func(c *settlement.BookedCDR) error {
		if c.Key.ID == d.lost {
			return nil
		}
		return fn(c)
	})
}

func (d *damaged) IssuedIn(ctx context.Context, units []statement.Unit, attempts []clearing.Counted, fn func(*statement.IssuedCDR) error) error {
	return d.Books.IssuedIn(ctx, units, attempts, func(c *statement.IssuedCDR) error {
		if d.issued != nil && !d.issued(c) {
			return nil
		}
		return fn(c)
	})
}

func (d *damaged) Lines(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.IssuedLine) error) error {
	return d.Books.Lines(ctx, q, attempts, func(l *statement.IssuedLine) error {
		if d.line != nil && !d.line(l) {
			return nil
		}
		return fn(l)
	})
}

func (d *damaged) Issues(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.Issue) error) error {
	return d.Books.Issues(ctx, q, attempts, func(i *statement.Issue) error {
		if d.issue != nil && !d.issue(i) {
			return nil
		}
		return fn(i)
	})
}

func (d *damaged) BookedClaims(ctx context.Context, below settlement.Ends, fn func(cpo, emsp ocpi.Party, currency string, t statement.Tally) error) error {
	return d.Books.BookedClaims(ctx, below, func(cpo, emsp ocpi.Party, currency string, t statement.Tally) error {
		if d.claims != nil {
			d.claims(&t)
		}
		return fn(cpo, emsp, currency, t)
	})
}

// Whatever is not as it was closed is found, and said.
func TestWhatIsWrongIsFound(t *testing.T) {
	cent := decimal.New(1, -2)
	for _, c := range []struct {
		wrong  string
		damage func(h *statementtest.House, d *damaged)
		says   string
	}{
		{"a line has another amount", func(_ *statementtest.House, d *damaged) {
			d.line = func(l *statement.IssuedLine) bool {
				if l.Key.ID == "C2" {
					l.Line.Net, l.Net = l.Line.Net.Add(cent), l.Net.Add(cent)
				}
				return true
			}
		}, "its SHA-256 is"},
		{"a line is lost", func(_ *statementtest.House, d *damaged) {
			d.line = func(l *statement.IssuedLine) bool { return l.Key.ID != "C2" }
		}, "it has 2 lines, and had 3"},
		{"a statement is lost with its lines", func(_ *statementtest.House, d *damaged) {
			d.line = func(l *statement.IssuedLine) bool { return l.Key.ID != "C6" }
			d.issue = func(i *statement.Issue) bool { return i.EMSP.Country != "FR" || i.Period != 201906 }
		}, "its statements come to root"},
		{"a statement has another sum", func(_ *statementtest.House, d *damaged) {
			d.issue = func(i *statement.Issue) bool {
				i.Rounding = i.Rounding.Add(cent)
				return true
			}
		}, "of rounding"},
		{"a statement is in another month of reports", func(_ *statementtest.House, d *damaged) {
			d.issue = func(i *statement.Issue) bool {
				i.Months = slices.Clone(i.Months)
				i.Months[0].Month++
				return true
			}
		}, "more than reports have of them, in 1 lines more"},
		{"a statement has another sum in reports", func(_ *statementtest.House, d *damaged) {
			d.issue = func(i *statement.Issue) bool {
				i.Months = slices.Clone(i.Months)
				i.Months[0].Net = i.Months[0].Net.Add(cent)
				return true
			}
		}, "of CDRs that were booked in 2019-06, the lines of NL*TNM to AT*EMP in EUR come to -0.01 more than reports have of them, in 0 lines more"},
		{"a line does not count as issued", func(_ *statementtest.House, d *damaged) {
			d.issued = func(c *statement.IssuedCDR) bool { return c.Key.ID != "C2" }
		}, "NL*TNM*C2 has a line to DE*EMP in EUR, and does not count as issued"},
		{"a line counts with another amount", func(_ *statementtest.House, d *damaged) {
			d.issued = func(c *statement.IssuedCDR) bool {
				c.Net = c.Net.Add(cent)
				return true
			}
		}, "counts as issued with"},
		{"a CDR that is open is not found", func(_ *statementtest.House, d *damaged) { d.lost = "D1" }, "what is open comes to the draft \"\""},
		{"more CDRs count than have a place", func(_ *statementtest.House, d *damaged) {
			d.claims = func(t *statement.Tally) { t.Count++ }
		}, "have a place and claim"},
		{"they claim more", func(_ *statementtest.House, d *damaged) {
			d.claims = func(t *statement.Tally) { t.Net = t.Net.Add(cent) }
		}, "have a place and claim"},
		{"a number is left out", func(h *statementtest.House, _ *damaged) { h.Closings[1].Firsts[0]++ }, "from 6, not from 5"},
		{"the chain is broken", func(h *statementtest.House, _ *damaged) { h.Closings[0].Chain[3] = 1 }, "as the close before"},
		{"the record has another root", func(h *statementtest.House, _ *damaged) { h.Closings[0].Root[3]++ }, "its statements come to root"},
		{"the record has another sum", func(h *statementtest.House, _ *damaged) {
			h.Closings[0].Net["EUR"] = h.Closings[0].Net["EUR"].Add(cent)
		}, "its lines come to"},
		{"the record has more lines", func(h *statementtest.House, _ *damaged) { h.Closings[0].Lines++ }, "and it says"},
		{"a result is another one without having been priced again", func(h *statementtest.House, _ *damaged) {
			cdrOf(h, "C2").Claimed.Excl = ocpi.NewNumber(9, 0)
		}, "when it is drawn again"},
		{"what was issued is of no CDR any more", func(h *statementtest.House, _ *damaged) {
			cdrOf(h, "C4").Key.ID = "Z4"
		}, "AT*EMP"},
	} {
		t.Run(c.wrong, func(t *testing.T) {
			h := twoMonths(t)
			d := &damaged{Books: h.Books}
			c.damage(h, d)
			p := proverOf(h)
			p.Books, p.Issues, p.Claims = d, d, d
			if faults := prove(t, p).Faults; !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, c.says) }) {
				t.Errorf("want %q, found: %q", c.says, faults)
			}
		})
	}
}
