package clearing

import (
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
)

// CDRAdopted is the decision of a person that another copy of a CDR counts: identity stays,
// and what is owed follows from the content of that copy.
type CDRAdopted struct {
	CDR    string `json:"cdr"`  // the record of the copy that counted
	Copy   string `json:"copy"` // that of the one which counts from then on
	Reason string `json:"reason"`
	By     string `json:"by"`
	scopeData
	Digest  ingest.Digest `json:"digest,omitzero"` // of what was shown, see DigestOf
	Control int64         `json:"control"`         // below which control record who decided had looked
}

func (n *NewDecision) adopted() CDRAdopted {
	c := CDRAdopted{Copy: n.Copy.String(), Reason: n.Reason, By: n.By, scopeData: newScopeData(n.Scope), Digest: n.Digest, Control: n.Control}
	if len(n.Groups) == 1 && len(n.Groups[0].CDRs) == 1 {
		c.CDR = n.Groups[0].CDRs[0].String()
	}
	return c
}

// said is what NewDecision of a valid event was.
func (c CDRAdopted) said() NewDecision {
	n := NewDecision{Act: Adopt, Reason: c.Reason, By: c.By, Scope: c.scope(), Digest: c.Digest, Control: c.Control}
	of, _ := ingest.ParsePosition(c.CDR)
	n.Copy, _ = ingest.ParsePosition(c.Copy)
	n.Groups = []DecidedGroup{{Covers: []string{}, CDRs: []ingest.Position{of}}}
	return n
}

// Kind implements control.Change.
func (CDRAdopted) Kind() control.Kind { return control.Kind{Name: "cdr.adopted", Version: 1} }

// Validate implements control.Change.
func (c CDRAdopted) Validate() error {
	of, known := ingest.ParsePosition(c.CDR)
	other, also := ingest.ParsePosition(c.Copy)
	switch {
	case !known:
		return control.Invalid("cdr: %q is not the record of one CDR, such as 0-1-27", c.CDR)
	case !also:
		return control.Invalid("copy: %q is not the record of a copy, such as 0-1-27", c.Copy)
	case other == of:
		return control.Invalid("copy: %s is the one that counts", other)
	case other.Partition != of.Partition:
		return control.Invalid("copy: %s is in another partition than %s, so of another CDR", other, of)
	case !isReason(c.Reason):
		return control.Invalid("reason: want 1 to %d bytes of UTF-8 without control characters", maxReason)
	case c.By == "" || len(c.By) > maxBy:
		return control.Invalid("by: %d bytes, want 1 to %d", len(c.By), maxBy)
	case c.Control < 0:
		return control.Invalid("control: want no negative number")
	}
	return c.validate()
}

// adopt folds it as a decision about both copies: whoever has seen either looks again.
func (d *Decisions) adopt(e control.Event, c CDRAdopted) error {
	n := c.said()
	cdrs := []ingest.Position{n.Groups[0].CDRs[0], n.Copy}
	slices.SortFunc(cdrs, comparePositions)
	return d.fold(e, &n, cdrs)
}
