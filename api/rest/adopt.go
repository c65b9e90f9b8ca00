package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// Copies is which copies of CDRs count, for who decides about these. What is decided about
// one of which another copy is to count would be about what nobody was shown.
type Copies struct {
	Of      *settlement.Copies // of the one CDR that is meant; nil: several are
	Pending []ocpi.Key         // other copies of these are to count, as was decided, and do not yet
	More    int                // how many there are besides
}

// maxCopiesNamed bounds the copies that a refusal names.
const maxCopiesNamed = 20

// adopts reads what a request says of the copy that is to count.
func (s *selection) adopts(r *DecisionRequest) error {
	switch {
	case s.decision.Act != clearing.Adopt && r.Copy != "":
		return Invalid("copy", "only of adopt, which says what copy is to count")
	case s.decision.Act != clearing.Adopt:
		return nil
	case r.CDR == "":
		return Invalid("cdr", "required: of adopt, the key of the CDR of which another copy is to count")
	case r.Copy == "":
		return Invalid("copy", "required: the receipt of the copy that is to count, such as 1-0-4711")
	case r.At != "":
		return Invalid("at", "not of adopt: rules say what the copy comes to")
	}
	var ok bool
	if s.decision.Copy, ok = ingest.ParsePosition(r.Copy); !ok {
		return Invalid("copy", "%q is not the receipt of a copy, such as 1-0-4711", r.Copy)
	}
	return nil
}

// stand takes how copies stand before what is meant is drawn.
func (s *selection) stand(c Copies) error {
	if s.copies = c.Of; c.More > 0 {
		return conflict("cdr", "of %d CDRs other copies are to count, as was decided, and are not priced yet: decide in a moment", len(c.Pending)+c.More)
	}
	s.pending = map[ocpi.Key]bool{}
	for _, k := range c.Pending {
		s.pending[k] = true
	}
	return nil
}

// settled refuses a decision about a CDR of which another copy is to count than is shown. To
// undo is to have the first one count, whichever does.
func (s *selection) settled(key ocpi.Key) error {
	switch {
	case s.copies != nil && s.copies.Pending != nil && s.decision.Act != clearing.Undo:
		return conflict("cdr", "copy %s of %s is to count, as was decided, and is not priced yet: decide in a moment, or undo that", s.copies.Pending, key)
	case s.copies == nil && s.pending[key]:
		return conflict("cdr", "another copy of %s is to count, as was decided, and is not priced yet: decide in a moment", key)
	}
	return nil
}

// replaces refuses to have another copy count that is none, or where none can.
func (s *selection) replaces(key ocpi.Key) error {
	c := s.copies
	if c == nil {
		return nil
	}
	counts, spent := c.Counts(), c.Generation >= pricing.MaxGeneration
	if s.decision.Act == clearing.Undo {
		if spent && (counts.Position != c.First || c.Pending != nil) {
			return spentCopies(key)
		}
		return nil
	}
	at := slices.IndexFunc(c.All, func(o settlement.Copy) bool { return o.Position == s.decision.Copy })
	switch {
	case at < 0:
		return Invalid("copy", "%s is no copy of %s: these are %s", s.decision.Copy, key, copiesText(c))
	case at == 0:
		return conflict("copy", "%s is the copy of %s that counts already", s.decision.Copy, key)
	case c.All[at].Hash == counts.Hash:
		return conflict("copy", "%s says the same as %s, the copy of %s that counts already", s.decision.Copy, counts.Position, key)
	case spent:
		return spentCopies(key)
	}
	return nil
}

func spentCopies(key ocpi.Key) error {
	return conflict("cdr", "the result of %s was replaced %d times, as often as can be: no other copy of it can count any more", key, pricing.MaxGeneration)
}

// copiesText names copies: "1-0-0 (the first, counts), 1-0-2".
func copiesText(c *settlement.Copies) string {
	var list []string
	for i := range c.All {
		if i == maxCopiesNamed {
			list = append(list, fmt.Sprintf("and %d more", len(c.All)-i))
			break
		}
		at, what := c.All[i].Position, ""
		switch {
		case at == c.First && i == 0:
			what = " (the first, counts)"
		case at == c.First:
			what = " (the first)"
		case i == 0:
			what = " (counts)"
		}
		list = append(list, at.String()+what)
	}
	return strings.Join(list, ", ")
}

// conflict is an error about what is decided already, or cannot be.
func conflict(field, format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Code: "conflict", Field: field, Message: fmt.Sprintf(format, args...)}
}
