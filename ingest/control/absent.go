package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// MaxAbsent is how many ids are kept of what one list lacks.
const MaxAbsent = 100

// Bounds of what absences take of the control log: the ids of one, and how often one
// that goes on is noted again, unless its count changes by more than half.
const (
	maxAbsentBytes = 8 << 10
	absentAgain    = ocpi.Time(24 * time.Hour)
)

// Absence is what we hold of a partner's and a list lacked that was read to its end.
// OCPI has no way to say that a Location or a Token is gone, and lists are wrong too:
// so it is told, and what is here stays.
type Absence struct {
	Module string   // as OCPI has it
	Count  int      // of objects
	IDs    []string // of the first of them, with their owner: "NL*TNM*LOC1"; [MaxAbsent] at most
	Since  ocpi.Time
	Last   ocpi.Time // when it was noted like this
}

// Found returns the absence as a finding.
func (a *Absence) Found() ingest.Found {
	const named = 5
	ids := a.IDs[:min(named, len(a.IDs))]
	some := strings.Join(ids, ", ")
	if a.Count > len(ids) {
		some += fmt.Sprintf(" and %d more", a.Count-len(ids))
	}
	return ingest.Found{
		Finding: ocpi.Finding{Code: "absent_from_list", Severity: ocpi.Warning, Path: a.Module, Detail: "here, and not on the partner's whole list of " + a.Module + ": " + some + "; it stays"},
		In:      "list of " + a.Module, Count: int64(a.Count), First: a.Since, Last: a.Last,
	}
}

// PartnerAbsent says what a complete list of a partner lacked of what is here; none
// of it any more where Count is 0.
type PartnerAbsent struct {
	ID     string   `json:"id"`
	Module string   `json:"module"`
	Count  int      `json:"count"`
	IDs    []string `json:"ids,omitempty"`
}

// Kind implements Change.
func (PartnerAbsent) Kind() Kind { return Kind{"partner.absent", 1} }

// Validate implements Change.
func (c PartnerAbsent) Validate() error {
	if c.Count < 0 || len(c.IDs) > min(c.Count, MaxAbsent) {
		return Invalid("%d ids of %d objects that a list lacks: want %d at most", len(c.IDs), c.Count, MaxAbsent)
	}
	if err := validateName("module", c.Module); err != nil {
		return err
	}
	return validateName("partner id", c.ID)
}

func (d *Partners) absent(e Event, c PartnerAbsent) error {
	s := &d.state.Folded
	if _, err := s.expect(c.ID, e); err != nil {
		return err
	}
	before, _ := s.absences.Get(c.ID)
	at, known := slices.BinarySearchFunc(before, c.Module, func(a Absence, module string) int { return cmp.Compare(a.Module, module) })
	is := Absence{Module: c.Module, Count: c.Count, IDs: c.IDs, Since: e.At, Last: e.At}
	list := slices.Clone(before)
	switch {
	case c.Count == 0 && !known:
		return nil
	case c.Count == 0:
		list = slices.Delete(list, at, at+1)
	case known:
		is.Since = list[at].Since
		list[at] = is
	default:
		list = slices.Insert(list, at, is)
	}
	s.absences = s.absences.With(c.ID, list)
	return nil
}

// Absent returns what the partner's complete lists lacked when they were read last, by
// module. The slices must not be changed.
func (d *Partners) Absent(id string) []Absence {
	list, _ := d.state.Current().absences.Get(id)
	return list
}

// NoteAbsent notes what a complete list of a partner lacks: so many objects, of which
// the first ids, of which so many are kept as fit. What is noted like this already is no
// event, nor is another one of about as many within a day. Errors as in [Machine.Do].
func (d *Partners) NoteAbsent(ctx context.Context, id, module string, count int, ids []string) error {
	var was Absence
	for _, a := range d.Absent(id) {
		if a.Module == module {
			was = a
		}
	}
	ids = fitting(ids)
	if was.Count == count && slices.Equal(was.IDs, ids) {
		return nil
	}
	if 2*max(count-was.Count, was.Count-count) <= was.Count && d.machine.Now()-was.Last < absentAgain {
		return nil
	}
	_, err := d.machine.Do(ctx, Command{Change: PartnerAbsent{ID: id, Module: module, Count: count, IDs: ids}})
	return err
}

// fitting returns the first ids, so many as an event has room for.
func fitting(ids []string) []string {
	room := maxAbsentBytes
	for i, id := range ids {
		if room -= len(id); room < 0 {
			return ids[:i]
		}
	}
	return ids
}
