package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// kindWords say in words what becomes of a result.
var kindWords = map[settlement.ChangeKind]string{
	settlement.NowPriced:    "can be priced now",
	settlement.NowRejected:  "can be priced no longer",
	settlement.NowCredit:    "is a credit now",
	settlement.AmountMoves:  "another amount",
	settlement.ReasonMoves:  "rejected for another reason",
	settlement.DebtorMoves:  "another eMSP owes it",
	settlement.DetailsMoves: "same amount, another breakdown",
}

var causeWords = map[string]string{
	settlement.CauseProfile:  "another profile",
	settlement.CauseTariff:   "another tariff version",
	settlement.CauseTimeZone: "another time zone",
	settlement.CauseZoneDB:   "another time-zone database",
	settlement.CausePartner:  "the debtor",
	settlement.CauseEngine:   "another engine version",
	settlement.CauseRule:     "a rule of the engine",
}

func causeText(causes, reason string) string {
	var words []string
	for c := range strings.SplitSeq(causes, "+") {
		words = append(words, causeWords[c])
	}
	text := strings.Join(words, ", ")
	if reason != "" {
		text += " (" + reason + ")"
	}
	return text
}

func partyText(p ocpi.Party) string {
	if p.IsZero() {
		return "unknown"
	}
	return p.String()
}

// signed writes how much an amount moves: "+1.40", "-0.20", "0.00".
func signed(d decimal.Decimal) string {
	if d.Sign() > 0 {
		return "+" + rest.Money(d)
	}
	return rest.Money(d)
}

func signedIncl(s settlement.Sum) string {
	incl := s.Incl()
	if incl == nil {
		return "unknown"
	}
	return signed(*incl)
}

// table is a table of which some columns hold text and the rest figures.
type table struct {
	b strings.Builder
	w *tabwriter.Writer
}

func newTable(heading ...string) *table {
	t := &table{}
	t.w = tabwriter.NewWriter(&t.b, 0, 0, 2, ' ', 0)
	t.row(heading...)
	return t
}

func (t *table) row(cells ...string) {
	_, _ = io.WriteString(t.w, strings.Join(cells, "\t")+"\n") // into memory
}

func (t *table) String() string {
	_ = t.w.Flush() // into memory
	return t.b.String()
}

func shiftCells(s *settlement.Shift) []string {
	delta := s.Delta()
	return []string{fmt.Sprint(s.Changes), rest.Money(s.Old.Excl), rest.Money(s.New.Excl), signed(delta.Excl), signedIncl(delta)}
}

// maxShownAccounts bounds the rows on a terminal; JSON has them all.
const maxShownAccounts = 40

// printRepricing prints a run's report for people.
func printRepricing(w io.Writer, r *settlement.RepriceReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Run        %s\n", r.Repricing.Name())
	fmt.Fprintf(&b, "Priced     %d CDRs again", r.CDRs)
	if r.Resumed > 0 {
		fmt.Fprintf(&b, ", %d of them before this call", r.Resumed)
	}
	fmt.Fprintf(&b, "\nChanges    %d results: %d pending, %d applied, %d overtaken by a newer result\n", r.Changed, r.Applied.Pending, r.Applied.Applied, r.Applied.Overtaken)
	if r.Spent > 0 {
		fmt.Fprintf(&b, "Not again  %d CDRs were priced again %d times, as often as can be: their results stay (%s)\n", r.Spent, pricing.MaxGeneration, firstOnes(r.SpentCDRs, r.Spent))
	}
	if r.Changed == 0 {
		b.WriteString("Every result would be the same.\n")
	} else {
		writeShifts(&b, r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// firstOnes names the first ones of so many CDRs.
func firstOnes(keys []ocpi.Key, of int64) string {
	var names []string
	for _, k := range keys {
		names = append(names, k.String())
	}
	if int64(len(names)) < of {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

func writeShifts(b *strings.Builder, r *settlement.RepriceReport) {
	b.WriteString("\nAmounts are the computed totals excluding VAT of the CDRs whose results change; an\nunpriced CDR counts as nothing.\n")
	figures := []string{"CDRs", "OLD", "NEW", "MOVES", "INCL. VAT"}
	t := newTable(append([]string{"CURRENCY"}, figures...)...)
	for i := range r.Currencies {
		c := &r.Currencies[i]
		t.row(append([]string{c.Currency}, shiftCells(&c.Shift)...)...)
	}
	fmt.Fprintf(b, "\n%s", t)

	t = newTable(append([]string{"CHANGE", "BECAUSE OF", "CURRENCY"}, figures...)...)
	for i := range r.Causes {
		c := &r.Causes[i]
		t.row(append([]string{kindWords[c.Kind], causeText(c.Causes, c.Reason), c.Currency}, shiftCells(&c.Shift)...)...)
	}
	fmt.Fprintf(b, "\n%s", t)

	t = newTable(append([]string{"MONTH", "CPO", "EMSP", "CURRENCY"}, figures...)...)
	for i := range r.Accounts[:min(len(r.Accounts), maxShownAccounts)] {
		a := &r.Accounts[i]
		t.row(append([]string{a.Month.String(), a.CPO.String(), partyText(a.EMSP), a.Currency}, shiftCells(&a.Shift)...)...)
	}
	fmt.Fprintf(b, "\n%s", t)
	if more := len(r.Accounts) - maxShownAccounts; more > 0 {
		fmt.Fprintf(b, "… and %d more rows: --format json has them all\n", more)
	}

	if len(r.Largest) == 0 {
		return
	}
	t = newTable("LARGEST", "MONTH", "EMSP", "CURRENCY", "OLD", "NEW", "BECAUSE OF")
	for i := range r.Largest {
		c := &r.Largest[i]
		t.row(c.Key.String(), c.Month.String(), partyText(c.New.EMSP), c.Currency, sideText(&c.Old), sideText(&c.New), causeText(c.Causes, ""))
	}
	fmt.Fprintf(b, "\n%s", t)
}

func sideText(s *settlement.ChangeSide) string {
	if s.Reason != "" {
		return s.Reason
	}
	if !s.Computed.Excl.IsSet() {
		return s.Status.String()
	}
	return rest.Money(s.Computed.Excl.Decimal())
}

// printApplied says what applying moved: when that is nothing, in words of its
// own, and why.
func printApplied(w io.Writer, a *settlement.Application) (err error) {
	moved := a.After.Applied - a.Before.Applied
	switch {
	case !a.Difference.IsZero():
		err = printDifference(w, &a.Difference)
	case moved == 0:
		_, err = fmt.Fprintf(w, "\nApplied    NOTHING: there is nothing left to apply, %d of the run's changes counted before\n", a.After.Applied)
	default:
		_, err = fmt.Fprintf(w, "\nApplied    %d results; %d count in all\n", moved, a.After.Applied)
	}
	return err
}

func printDifference(w io.Writer, d *settlement.Difference) error {
	t := newTable("CDR", "MONTH", "CURRENCY", "THIS RUN", "NOW")
	for _, x := range d.Examples {
		c := cmp.Or(x.Now, x.Then)
		t.row(c.Key.String(), c.Month.String(), c.Currency, foundText(x.Then), foundText(x.Now))
	}
	more := ""
	if n := d.Appeared + d.Vanished + d.Changed - int64(len(d.Examples)); n > 0 {
		more = fmt.Sprintf("… and %d more\n", n)
	}
	_, err := fmt.Fprintf(w, "\nApplied    NOTHING: priced again now, %d CDRs come to another result, %d more would change, %d no longer\n\n%s%s",
		d.Changed, d.Appeared, d.Vanished, t, more)
	return err
}

// foundText is what a CDR would come to by a change, in one word.
func foundText(c *settlement.Change) string {
	if c == nil {
		return "no change"
	}
	return sideText(&c.New)
}
