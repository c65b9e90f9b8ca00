package settlement

import (
	"cmp"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// CauseUnknown is the cause of a claim that differs and was not reconciled: it was
// priced before that was done.
const CauseUnknown = "unknown"

// statedPrefix begins the causes that only the CDR states: a fee, a discount.
const statedPrefix = "stated_"

// CauseCount is how many CDRs that were priced, and that credits do not cancel, one
// CPO claims from one eMSP for one month, currency and cause. Cause is "" where the
// claim does not differ, else as [pricing.Reconciliation.Cause] has it. Readings
// are the codes of all readings that give the claim, ascending, where there are
// several.
type CauseCount struct {
	CPO, EMSP         ocpi.Party
	Month             ocpi.Month
	Currency          string
	Cause             string
	Readings          []string
	Count             uint64
	Claimed, Computed Sum
}

// Evidence is what the other CDRs of the same CPO, eMSP, month and currency say
// of one cause. It follows from the stored results alone: whoever counts the same
// rows finds the same.
type Evidence struct {
	Reading string // the code it is about
	Gives   uint64 // CDRs whose claim this reading gives, or that state it
	Alone   uint64 // those of them whose claim no other reading gives
	Of      uint64 // CDRs that differ; of what only CDRs state, all that were priced
	// Holds: the reading narrows several to one, or all CDRs state it.
	Holds bool
}

// CauseRow is a line of the report of causes: why CDRs of a settlement row differ.
type CauseRow struct {
	CauseCount
	Evidence Evidence // zero where the cause needs none, or there is none
}

// Difference is what the partner claims beyond what we computed.
func (r *CauseRow) Difference() Sum { return r.Claimed.Sub(r.Computed) }

// CauseRows makes the report of counts, which come in the order of their months and
// parties. CDRs whose claim several readings give are counted by the one that
// narrows them; those that agree are left out.
func CauseRows(counts []CauseCount) (rows []CauseRow) {
	for from := 0; from < len(counts); {
		to := from + 1
		for to < len(counts) && counts[from].sameGroup(&counts[to]) {
			to++
		}
		rows = append(rows, causesOf(counts[from:to])...)
		from = to
	}
	return rows
}

func (c *CauseCount) sameGroup(o *CauseCount) bool {
	return c.CPO == o.CPO && c.EMSP == o.EMSP && c.Month == o.Month && c.Currency == o.Currency
}

// causesOf makes the lines of one settlement row, the most frequent cause first.
func causesOf(group []CauseCount) (rows []CauseRow) {
	for i := range group {
		c := group[i]
		if c.Cause == "" {
			continue
		}
		e := EvidenceOf(c.Cause, c.Readings, group)
		at := slices.IndexFunc(rows, func(r CauseRow) bool { return r.Cause == c.Cause && r.Evidence.Reading == e.Reading })
		if at < 0 {
			c.Readings = nil
			rows = append(rows, CauseRow{CauseCount: c, Evidence: e})
			continue
		}
		r := &rows[at]
		r.Count, r.Claimed, r.Computed = r.Count+c.Count, r.Claimed.Add(c.Claimed), r.Computed.Add(c.Computed)
	}
	slices.SortStableFunc(rows, func(a, b CauseRow) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Evidence.Reading, b.Evidence.Reading))
	})
	return rows
}

// EvidenceOf asks the counts of one CPO, eMSP, month and currency about a CDR
// whose claim differs for cause, and whose claim the readings give, where there
// are several.
//
// Of several readings the one narrows that gives the claims of more of these CDRs
// than any other, of equal ones that which gives more of them alone; it must give
// at least two, and more than half of all that differ. What only CDRs state holds
// where all of them do, and there are at least two.
func EvidenceOf(cause string, readings []string, group []CauseCount) Evidence {
	if strings.HasPrefix(cause, statedPrefix) {
		e := evidence(cause, group)
		e.Of = 0
		for i := range group {
			e.Of += group[i].Count
		}
		e.Holds = e.Gives == e.Of && e.Of > 1
		return e
	}
	if cause != string(tariff.VerdictSeveral) {
		return Evidence{}
	}
	best, tied := Evidence{}, false
	for _, reading := range readings {
		e := evidence(reading, group)
		switch order := cmp.Or(cmp.Compare(e.Gives, best.Gives), cmp.Compare(e.Alone, best.Alone)); {
		case order > 0:
			best, tied = e, false
		case order == 0:
			tied = true
		}
	}
	best.Holds = true
	if tied || best.Gives < 2 || 2*best.Gives <= best.Of {
		return Evidence{}
	}
	return best
}

// evidence counts the CDRs that differ, and those whose claim one reading gives.
func evidence(reading string, group []CauseCount) Evidence {
	e := Evidence{Reading: reading}
	for i := range group {
		c := &group[i]
		switch {
		case c.Cause == "":
			continue
		case c.Cause == reading:
			e.Alone += c.Count
			e.Gives += c.Count
		case slices.Contains(c.Readings, reading):
			e.Gives += c.Count
		}
		e.Of += c.Count
	}
	return e
}
