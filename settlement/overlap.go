package settlement

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// ConnectorCharge is a charge at a connector, as the rule of connectors at which two charges
// were at once reads it: a counted CDR that credits nothing.
type ConnectorCharge struct {
	Key         ocpi.Key // its party is the CPO
	Position    ingest.Position
	Connector   uint64 // pricing.Measures.ConnectorHash
	ConnectorID string // folded: what is alike in the hash has to be looked at
	Start, End  ocpi.Time
}

const (
	// LongestCharge bounds the charges that are taken to occupy a connector, a week as the rule
	// of durations does: what is said to last longer says a wrong time, or is a car that was
	// left. So of other months no more than this is read.
	LongestCharge = 7 * 24 * 3600 * ocpi.Time(ocpi.Second)
	// Handover is for how long two charges may be at one connector, and no fault of theirs:
	// times are rounded, and clocks differ.
	Handover = 60 * ocpi.Time(ocpi.Second)
)

// Occupies reports whether it is known at which connector the charge was, and when.
func (c *ConnectorCharge) Occupies() bool {
	// As unsigned numbers their difference fits, whatever the two are.
	return c.Connector != 0 && c.Start.IsSet() && c.End.IsSet() && c.Start < c.End && uint64(c.End)-uint64(c.Start) <= uint64(LongestCharge) && c.Start < c.until()
}

// until is the end of what another charge must not have of its connector.
func (c *ConnectorCharge) until() ocpi.Time { return c.End - Handover }

func (c *ConnectorCharge) at(o *ConnectorCharge) bool {
	return c.Connector == o.Connector && c.Key.Party == o.Key.Party && c.ConnectorID == o.ConnectorID
}

// Overlaps returns which of some charges were at a connector while another one was, for more
// than a Handover, and which that was: of those that began before the one that ends last, else
// the first that began after it. What is said of a charge follows from those that overlap it,
// whatever others there are, and in whatever order. It costs a sort.
func Overlaps(charges []ConnectorCharge) map[ocpi.Key]ocpi.Key {
	sorted := make([]*ConnectorCharge, 0, len(charges))
	for i := range charges {
		if charges[i].Occupies() {
			sorted = append(sorted, &charges[i])
		}
	}
	slices.SortFunc(sorted, func(a, b *ConnectorCharge) int {
		return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Key.Party.Country, b.Key.Party.Country), cmp.Compare(a.Key.Party.ID, b.Key.Party.ID),
			cmp.Compare(a.ConnectorID, b.ConnectorID), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Key.ID, b.Key.ID))
	})
	others := map[ocpi.Key]ocpi.Key{}
	var last *ConnectorCharge // of those before at this connector, the one that ends last
	for _, c := range sorted {
		if last != nil && !last.at(c) {
			last = nil
		}
		if last != nil && last.until() > c.Start {
			others[c.Key] = last.Key
			if _, told := others[last.Key]; !told {
				others[last.Key] = c.Key
			}
		}
		if last == nil || last.End < c.End {
			last = c
		}
	}
	return others
}
