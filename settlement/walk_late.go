package settlement

import (
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Span is a window of last_updated, [Since, Until).
type Span struct{ Since, Until ocpi.Time }

// ListRead is what an eMSP has read of its list of CDRs to its end.
type ListRead struct {
	Spans []Span // ascending, apart
	Noted ocpi.Time
	Full  bool // of more spans than are kept
}

// covers reports whether the instant is in one of the spans.
func (r *ListRead) covers(at ocpi.Time) bool {
	return slices.ContainsFunc(r.Spans, func(s Span) bool { return s.Since <= at && at < s.Until })
}

// StoredLate is a CDR that is noted to have come late to the list of an eMSP.
type StoredLate struct {
	Party    ocpi.Party
	Position ingest.Position
	Received ocpi.Time
}

// lateFrom is how long after it was noted what an eMSP has read a CDR must have come to
// be late for sure: the clocks of two processes need not agree, nor is a CDR stored when
// it comes.
const lateFrom = ocpi.Time(ReceivedAhead)

// reads proves, as far as it can be, what eMSPs have read: what that is is in no log.
func (r *Report) reads(all map[ocpi.Party]ListRead, p ingest.Partition) {
	for _, party := range slices.SortedFunc(maps.Keys(all), func(a, b ocpi.Party) int {
		return compareIdentities(ingest.Identity{Key: ocpi.Key{Party: a}}, ingest.Identity{Key: ocpi.Key{Party: b}})
	}) {
		read := all[party]
		for i, s := range read.Spans {
			if s.Since >= s.Until || i > 0 && s.Since <= read.Spans[i-1].Until || s.Until > read.Noted+lateFrom {
				r.disagree(p, -1, "list_reads has %s read from %s to %s, noted %s: no list is read like this", party, s.Since, s.Until, read.Noted)
			}
		}
		if len(read.Spans) == 0 {
			r.disagree(p, -1, "list_reads has %s, and nothing that it read", party)
		}
	}
}

// late holds which CDRs are noted to have come late against what their eMSPs had read
// then. When a window was read is not kept, only when that was noted last: what came
// later into it is late for sure, what came earlier may be.
func (c *cdrWalk) late(r *ingest.Record, cdr *StoredCDR, listed []StoredListing) error {
	rows, err := c.lates.allAt(r)
	if err != nil {
		return err
	}
	if cdr == nil {
		return nil // which is told
	}
	noted := false
	for _, row := range rows {
		if row.Party == cdr.EMSP {
			noted = true
		} else if !cdr.Moved {
			c.disagree(r.Offset, "late_cdrs has CDR %s for %s, whose it never was", r.Key, row.Party)
		}
		if read := c.reads[row.Party]; !read.Full && !read.covers(cdr.LastUpdated) {
			c.disagree(r.Offset, "late_cdrs has CDR %s, last updated %s, for %s, which has read no such window", r.Key, cdr.LastUpdated, row.Party)
		}
	}
	for i := range listed {
		l := &listed[i]
		read, ok := c.reads[l.Party]
		if !l.Creditor && ok && !noted && cdr.LastUpdated.IsSet() && read.covers(cdr.LastUpdated) && l.Received > read.Noted+lateFrom {
			c.disagree(r.Offset, "late_cdrs lacks CDR %s, which came to %s at %s into a window that it had read", r.Key, l.Party, l.Received)
		}
	}
	return nil
}
