package tariff

import (
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// maxPerCode bounds how often one audit reports the same code.
const maxPerCode = 20

// Audit checks a CDR against itself and its tariffs (prepared are CDR.Tariffs
// in the same order, or nil). It cannot judge local time; [Engine.Audit] can.
func Audit(cdr *ocpi.CDR, prepared []*Prepared) []ocpi.Finding {
	return NewEngine().Audit(&Input{CDR: cdr, Embedded: prepared})
}

// Audit checks a CDR against itself and its tariffs: what Price finds along
// the way, and what only a closer look does. Findings come in a fixed order, at
// most twenty per code.
func (e *Engine) Audit(in *Input) []ocpi.Finding {
	var out Result
	e.Price(in, &out)
	return e.AuditPriced(in, &out)
}

// AuditPriced is Audit of an input that was priced into out. Where the engine has
// priced something else since, it prices the input again.
func (e *Engine) AuditPriced(in *Input, out *Result) []ocpi.Finding {
	if e.in != in || e.cdr != in.CDR {
		e.Price(in, &Result{})
	}
	a := &audit{engine: e, in: in, cdr: in.CDR, price: out}
	for _, f := range out.Findings {
		if f.Code != noticeTexts[noticePeriodNotSplit].Code { // reported for every period below
			a.add(f)
		}
	}
	if in.CDR == nil {
		return a.findings
	}
	a.order()
	a.tariffs()
	if out.OK {
		a.splits()
		a.power()
		a.subtotals()
	}
	a.clock()
	a.volumes()
	a.sums()
	a.credit()
	return a.findings
}

type audit struct {
	engine   *Engine
	in       *Input
	cdr      *ocpi.CDR
	price    *Result
	findings []ocpi.Finding
	counts   map[string]int // only counted, never iterated; made with the first finding
}

func (a *audit) add(f ocpi.Finding) {
	if a.counts == nil {
		a.counts = map[string]int{}
	}
	if a.counts[f.Code]++; a.counts[f.Code] <= maxPerCode {
		a.findings = append(a.findings, f)
	}
}

func (a *audit) find(code string, severity ocpi.Severity, path, format string, args ...any) {
	if a.counts[code] >= maxPerCode {
		return // before a sentence is made
	}
	a.add(ocpi.Finding{Code: code, Severity: severity, Path: path, Detail: fmt.Sprintf(format, args...)})
}

// order checks that periods follow each other within the CDR (mod_cdrs,
// charging_periods).
func (a *audit) order() {
	p := a.cdr.Periods
	for i := 1; i < len(p); i++ {
		if p[i].Start < p[i-1].Start {
			a.find("periods_out_of_order", ocpi.Serious, periodPath(i), "the period starts at %s, before the one ahead of it (%s)", p[i].Start, p[i-1].Start)
		}
	}
	if len(p) > 0 && a.cdr.Start.IsSet() && p[0].Start > a.cdr.Start {
		a.find("start_not_covered", ocpi.Warning, periodPath(0), "the CDR starts at %s, its first period only at %s", a.cdr.Start, p[0].Start)
	}
	if a.cdr.End.IsSet() && a.cdr.End < a.cdr.Start {
		a.find("end_before_start", ocpi.Serious, "end_date_time", "the CDR ends at %s, before it starts", a.cdr.End)
	}
	for i := range p {
		var seen uint32
		for j := range p[i].Dimensions {
			d := p[i].Dimensions[j].Dimension
			if d != ocpi.DimUnknown && seen&(1<<d) != 0 {
				a.find("duplicate_dimension", ocpi.Warning, periodPath(i), "%s is listed more than once; its volumes were added up", d)
			}
			seen |= 1 << d
		}
	}
}

// tariffs checks the snapshot of tariffs (mod_cdrs: as at the session's start).
func (a *audit) tariffs() {
	for i := range a.cdr.Tariffs {
		t := &a.cdr.Tariffs[i]
		path := func() string { return fmt.Sprintf("tariffs[%d]", i) }
		if t.Currency != "" && a.cdr.Currency != "" && !strings.EqualFold(t.Currency, a.cdr.Currency) {
			a.find("currency_differs", ocpi.Serious, path()+".currency", "the CDR is in %s, the tariff in %s", a.cdr.Currency, t.Currency)
		}
		if t.LastUpdated.IsSet() && t.LastUpdated > a.cdr.Start {
			a.find("tariff_changed_after_start", ocpi.Warning, path()+".last_updated", "the tariff was updated at %s, after the charge started: the driver may have accepted another version", t.LastUpdated)
		}
		for _, known := range a.in.Tariffs {
			if known != nil && sameID(known.id, t.ID) && known.updated > t.LastUpdated && known.updated <= a.cdr.Start && known.ValidAt(a.cdr.Start) {
				a.find("stale_tariff", ocpi.Serious, path(), "a version of %s was published before the charge started; the CDR carries the one of %s", known.updated, t.LastUpdated)
				break
			}
		}
	}
}

// subtotals compares the CDR's sub-totals with ours (P-11).
func (a *audit) subtotals() {
	r := &reconciler{in: a.in, base: a.price, minor: ocpi.MinorUnit(a.cdr.Currency)}
	for _, name := range r.dimensions() {
		path := "total_" + name + "_cost"
		a.find("subtotal_differs", ocpi.Warning, path, "the CDR's %s is not what its tariff gives", path)
	}
	if a.price.Claim == ClaimDiffers {
		a.add(TotalDiffers(a.cdr, a.price))
	}
}

// TotalDiffers is the finding of a CDR whose claim differs from its price (P-12).
func TotalDiffers(cdr *ocpi.CDR, price *Result) ocpi.Finding {
	ours := price.Known()
	return ocpi.Finding{Code: "total_differs", Severity: ocpi.Serious, Path: "total_cost",
		Detail: fmt.Sprintf("the CDR claims %s / %s, its tariff gives %s / %s", amountText(cdr.TotalCost.Excl), amountText(cdr.TotalCost.Incl),
			amountText(ours.Excl), amountText(ours.Incl))}
}

// credit checks a credit CDR (P-13).
func (a *audit) credit() {
	c := a.cdr
	switch {
	case c.Credit && c.CreditReferenceID == "":
		a.find("credit_without_reference", ocpi.Serious, "credit_reference_id", "a credit CDR must name the CDR that it credits")
	case !c.Credit && c.CreditReferenceID != "":
		a.find("reference_without_credit", ocpi.Warning, "credit_reference_id", "only a credit CDR names another CDR")
	}
	switch {
	case c.Credit && (c.TotalCost.Excl.Sign() > 0 || c.TotalCost.Incl.Sign() > 0):
		a.find("credit_not_negative", ocpi.Serious, "total_cost", "the total_cost of a credit CDR is the negative of the original's")
	case !c.Credit && c.TotalCost.Excl.IsSet() && c.TotalCost.Incl.IsSet() && c.TotalCost.Excl.Sign() > 0 && c.TotalCost.Incl.Cmp(c.TotalCost.Excl) < 0:
		a.find("incl_below_excl", ocpi.Serious, "total_cost", "the amount after tax (%s) is below the amount before it (%s)", c.TotalCost.Incl, c.TotalCost.Excl)
	}
}
