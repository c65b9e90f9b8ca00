package statement_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// books keep what one pair has issued, as a close does: lines, and per CDR their sum.
type books struct {
	charges []*statement.Charge
	issued  map[ocpi.Month][]byte
	closed  ocpi.Month
	lines   []statement.Line
}

var pair = ocpi.NewParty("NL", "TNM")

func (b *books) draft(period ocpi.Month) ([]statement.Settled, *statement.Statement) {
	settled := statement.Settle(b.charges, period)
	s := june(statement.Lines(settled)...)
	s.Period = period
	return settled, s
}

// close issues what a draft says.
func (b *books) close(t *rapid.T) {
	period := b.closed.Add(1)
	settled, s := b.draft(period)
	b.issued[period] = []byte(rapidCanonical(t, s))
	for i := range settled {
		c, l := settled[i].Case, settled[i].Line
		if l == nil {
			continue
		}
		b.lines = append(b.lines, *l)
		if c.Issued == nil {
			c.Issued = &clearing.Issued{Period: period, Zeroed: settled[i].State == clearing.Zeroed, Amount: clearing.Amount{Tax: &decimal.Decimal{}}, KWh: &decimal.Decimal{}}
		}
		c.Issued.Amount.Net = c.Issued.Amount.Net.Add(l.Net)
		c.Issued.Amount.Tax, c.Issued.KWh = plus(c.Issued.Amount.Tax, l.LineTax), plus(c.Issued.KWh, l.KWh)
	}
	b.closed = period
	for _, c := range b.charges {
		if c.Issued == nil {
			c.Lands = max(c.Lands, period.Add(1))
		}
	}
}

func plus(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return nil
	}
	sum := a.Add(*b)
	return &sum
}

// check holds the books against the rules that never break.
func (b *books) check(t *rapid.T) {
	period := b.closed.Add(1)
	settled, _ := b.draft(period)
	var claimed, issued, open, apart decimal.Decimal
	for i := range settled {
		s := &settled[i]
		var was decimal.Decimal
		if s.Issued != nil {
			was = s.Issued.Amount.Net
		}
		claimed, issued = claimed.Add(s.Claim), issued.Add(was)
		switch {
		case s.Later:
			apart = apart.Add(s.Claim)
			continue
		case s.Line != nil:
			open = open.Add(s.Line.Net)
		}
		if s.State == clearing.Accepted {
			apart = apart.Add(s.Claim.Sub(s.Owed.Net))
			continue
		}
		apart = apart.Add(s.Claim)
		if !s.Owed.Net.IsZero() {
			t.Fatalf("%s is %s and owes %s", s.Key, s.State, s.Owed.Net)
		}
	}
	if want := issued.Add(open).Add(apart); !claimed.Equal(want) {
		t.Fatalf("claimed %s; issued %s + to be issued %s + apart %s", claimed, issued, open, apart)
	}
	sum := decimal.Decimal{}
	for i := range b.lines {
		sum = sum.Add(b.lines[i].Net)
	}
	if !sum.Equal(issued) {
		t.Fatalf("lines sum to %s, issued is %s", sum, issued)
	}
}

// Whatever moves, an issued line never changes; after the next close what is issued of
// each CDR is what it comes to; no cent is without a place; and the order in which
// things came changes nothing.
func TestWhateverMovesTheBooksHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &books{issued: map[ocpi.Month][]byte{}, closed: 201905}
		before := map[ocpi.Month]string{}
		any := func(label string) *statement.Charge {
			if len(b.charges) == 0 {
				t.Skip("nothing there")
			}
			return rapid.SampledFrom(b.charges).Draw(t, label)
		}
		amount := func(label string) *clearing.Amount {
			a := &clearing.Amount{Net: decimal.New(rapid.Int64Range(-20, 100).Draw(t, label), -1)}
			if rapid.IntRange(0, 4).Draw(t, "tax is stated") > 0 {
				tax := a.Net.Mul(dec("0.21"))
				a.Tax = &tax
			}
			return a
		}
		comes := func(t *rapid.T) {
			n := len(b.charges) + 1
			c := &statement.Charge{Case: &clearing.Case{
				Key: ocpi.Key{Party: pair, ID: fmt.Sprint("C", n)}, Owed: clearing.OwedClaimed, Claimed: amount("claimed"), KWh: ref("20"),
				LastUpdated: ocpi.Time(rapid.IntRange(1, 5).Draw(t, "last updated")),
			}, Belongs: 201906, Lands: max(b.closed.Add(1), rapid.SampledFrom([]ocpi.Month{201905, 201906, 201908}).Draw(t, "lands")), Tax: stated, Country: "NLD"}
			if n > 2 && rapid.IntRange(0, 2).Draw(t, "is a credit") > 0 { // most of the same two, so that they meet
				c.Credit, c.CreditOf = true, ocpi.Key{Party: pair, ID: fmt.Sprint("C", rapid.SampledFrom([]int{1, 1, 1, 2, 2, n - 1, n + 1}).Draw(t, "of"))}
				c.Mismatched = rapid.IntRange(0, 9).Draw(t, "mismatched") == 0
			} else if rapid.Bool().Draw(t, "is priced") {
				c.Computed = amount("computed")
			}
			b.charges = append(b.charges, c)
		}
		t.Repeat(map[string]func(*rapid.T){
			"":            func(t *rapid.T) { b.check(t) },
			"a CDR comes": comes, "one more comes": comes, "and one more": comes, "and another": comes, "and yet another": comes, // most of what happens
			"it is priced again": func(t *rapid.T) {
				if c := any("CDR"); !c.Credit {
					c.Computed = amount("computed")
				}
			},
			"another copy counts": func(t *rapid.T) { any("CDR").Claimed = amount("claimed") },
			"another agreement": func(t *rapid.T) {
				c := any("CDR")
				c.Owed, c.Tolerated = clearing.OwedLower, rapid.Bool().Draw(t, "tolerated")
			},
			"it is another debtor's": func(t *rapid.T) { c := any("CDR"); c.Elsewhere = c.Issued != nil },
			"a rule strikes": func(t *rapid.T) {
				c := any("CDR")
				g := clearing.Ground{Code: rapid.SampledFrom([]string{"energy", "age"}).Draw(t, "rule"),
					Effect: rapid.SampledFrom([]clearing.Effect{clearing.Note, clearing.Zero, clearing.Hold, clearing.Reject}).Draw(t, "effect")}
				if !slices.ContainsFunc(c.Grounds, func(o clearing.Ground) bool { return o.Code == g.Code }) {
					c.Grounds = append(c.Grounds, g)
				}
			},
			"a person decides": func(t *rapid.T) {
				c := any("CDR")
				acts := []clearing.Act{clearing.Accept, clearing.RejectIt, ""}
				if c.Issued == nil {
					acts = append(acts, clearing.HoldIt)
				}
				act := rapid.SampledFrom(acts).Draw(t, "act")
				if c.Decision = nil; act != "" { // "" undoes
					c.Decision = &clearing.Decision{Act: act, At: rapid.SampledFrom([]clearing.Owed{"", clearing.OwedClaimed, clearing.OwedComputed}).Draw(t, "at"), Covers: codesOf(c.Grounds)}
				}
			},
			"a close": func(t *rapid.T) {
				if b.closed >= 202012 {
					t.Skip("closed for long enough")
				}
				shuffled := &books{charges: slices.Clone(b.charges)}
				rand.Shuffle(len(shuffled.charges), func(i, j int) {
					shuffled.charges[i], shuffled.charges[j] = shuffled.charges[j], shuffled.charges[i]
				})
				_, other := shuffled.draft(b.closed.Add(1))
				want := rapidCanonical(t, other)
				b.close(t)
				if got := string(b.issued[b.closed]); got != want {
					t.Fatalf("in another order it is\n%s\nwhere it was\n%s", want, got)
				}
				before[b.closed] = string(b.issued[b.closed])
				settled, again := b.draft(b.closed)
				if len(again.Lines) > 0 {
					t.Fatalf("closed, and something is left to issue: %s", rapidCanonical(t, again))
				}
				for i := range settled {
					s := &settled[i]
					if s.Issued != nil && !s.Issued.Amount.Net.Equal(s.Owed.Net) {
						t.Fatalf("%s comes to %s, and %s is issued", s.Key, s.Owed.Net, s.Issued.Amount.Net)
					}
				}
				for period, bytes := range b.issued {
					if s, err := statement.Parse(strings.NewReader(string(bytes))); err != nil || rapidCanonical(t, s) != before[period] {
						t.Fatalf("%s: %v", period, err)
					}
				}
			},
		})
	})
}

func codesOf(grounds []clearing.Ground) (codes []string) {
	for _, g := range grounds {
		codes = append(codes, g.Code)
	}
	return codes
}

// A credit comes to no earlier statement than what it credits.
func TestACreditComesWithWhatItCredits(t *testing.T) {
	list := func(originalLands ocpi.Month) []*statement.Charge {
		original := &statement.Charge{Case: &clearing.Case{Key: ocpi.Key{Party: pair, ID: "C1"}, Owed: clearing.OwedClaimed, Claimed: &clearing.Amount{Net: dec("10")}}, Lands: originalLands}
		credit := &statement.Charge{Case: &clearing.Case{Key: ocpi.Key{Party: pair, ID: "K1"}, Owed: clearing.OwedClaimed, Claimed: &clearing.Amount{Net: dec("-10")}, Credit: true}, CreditOf: original.Key, Lands: 201906}
		return []*statement.Charge{credit, original}
	}
	if lines := statement.Lines(statement.Settle(list(201907), 201906)); len(lines) > 0 {
		t.Errorf("the original lands in July, the statement of June has %v", lines)
	}
	for _, period := range []ocpi.Month{201906, 201907} {
		if lines := statement.Lines(statement.Settle(list(period), period)); len(lines) != 2 {
			t.Errorf("the original lands in %s, its statement has %v", period, lines)
		}
	}
}

// A credit takes back what its CDR was taxed by, whatever is agreed since: else the tax of
// what is credited whole would stay paid. One that credits nothing here has its own terms.
func TestACreditIsTaxedByWhatItCredits(t *testing.T) {
	amount := func(net, tax string) *clearing.Amount {
		d := dec(tax)
		return &clearing.Amount{Net: dec(net), Tax: &d}
	}
	reverse, standard := clearing.Tax{Category: clearing.TaxReverseCharge}, clearing.Tax{Category: clearing.TaxStandard, Rate: ocpi.MustNumber("21")}
	for name, tc := range map[string]struct {
		was, now clearing.Tax
		want     string
	}{
		"reverse charge since":            {clearing.Tax{Category: clearing.TaxStated}, reverse, "-9 stated -1.8; -4 reverse_charge"},
		"a standard rate since":           {clearing.Tax{Category: clearing.TaxStated}, standard, "-9 stated -1.8; -4 standard 21"},
		"reverse charge before, and none": {reverse, clearing.Tax{Category: clearing.TaxStated}, "-9 reverse_charge; -4 stated -0.8"},
	} {
		charge := func(id string, credit bool, tax clearing.Tax, claimed *clearing.Amount) *statement.Charge {
			return &statement.Charge{Case: &clearing.Case{Key: ocpi.Key{Party: pair, ID: id}, Owed: clearing.OwedClaimed, Credit: credit, Claimed: claimed}, Belongs: 201906, Lands: 201906, Tax: tax}
		}
		original := charge("C1", false, tc.was, amount("9", "1.8"))
		original.Belongs, original.Issued = 201905, &clearing.Issued{Period: 201905, Amount: *amount("9", "1.8"), KWh: nil}
		credit, orphan := charge("K1", true, tc.now, amount("-9", "-1.8")), charge("K2", true, tc.now, amount("-4", "-0.8"))
		credit.CreditOf, orphan.CreditOf = original.Key, ocpi.Key{Party: pair, ID: "NONE"}
		orphan.Decision = &clearing.Decision{Act: clearing.Accept, Covers: []string{clearing.GroundCreditOrphan}}
		var got []string
		for _, l := range statement.Lines(statement.Settle([]*statement.Charge{original, credit, orphan}, 201906)) {
			text := fmt.Sprint(l.Net, " ", l.Category)
			if l.LineTax != nil {
				text += " " + l.LineTax.String()
			}
			if l.Rate.IsSet() {
				text += " " + l.Rate.String()
			}
			got = append(got, text)
		}
		if text := strings.Join(got, "; "); text != tc.want {
			t.Errorf("%s: %s, want %s", name, text, tc.want)
		}
	}
}
