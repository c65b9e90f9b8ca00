package control

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// What is found in what partners send is counted by each process (ingest.Tally) and
// noted in the log by kind: at once where there is none of it there, then as soon as
// as many came again, and where a process stops in order. So a kind costs a partner as
// many entries as its count has binary digits; a process that is killed takes less
// than half of a count with it. Neither bodies nor ids are noted: the log is for ever.
const maxCounted = 1000 // kinds, in one event and of one partner

// Counted is how often a kind of finding was found in what a partner sent.
type Counted struct {
	ID       string        `json:"id"` // of the partner
	Code     string        `json:"code"`
	Severity ocpi.Severity `json:"severity"`
	Count    int64         `json:"count"` // beside what is noted
	First    ocpi.Time     `json:"first"`
	Last     ocpi.Time     `json:"last"`
}

// FindingsCounted says what was found since that was last noted.
type FindingsCounted struct {
	Counted []Counted `json:"counted"`
}

// Kind implements Change.
func (FindingsCounted) Kind() Kind { return Kind{"findings.counted", 1} }

// Validate implements Change.
func (c FindingsCounted) Validate() error {
	if len(c.Counted) == 0 || len(c.Counted) > maxCounted {
		return Invalid("counts of %d findings: want 1 to %d", len(c.Counted), maxCounted)
	}
	for _, f := range c.Counted {
		if f.Count <= 0 {
			return Invalid("finding %s of partner %s: %d of it", f.Code, f.ID, f.Count)
		}
		if err := validateName("partner id", f.ID); err != nil {
			return err
		}
		if err := validateName("code of a finding", f.Code); err != nil {
			return err
		}
	}
	return nil
}

// counted notes findings; of partners that were removed meanwhile there are none.
func (d *Partners) counted(_ Event, c FindingsCounted) error {
	s := &d.state.Folded
	for _, f := range c.Counted {
		if _, ok := s.byID.Get(f.ID); !ok {
			continue
		}
		before, _ := s.findings.Get(f.ID)
		is := ingest.Found{Finding: ocpi.Finding{Code: f.Code, Severity: f.Severity, Detail: "found before this process was started, or by another one"}, Count: f.Count, First: f.First, Last: f.Last}
		at, known := slices.BinarySearchFunc(before, f.Code, func(f ingest.Found, code string) int { return cmp.Compare(f.Code, code) })
		list := slices.Clone(before)
		switch {
		case known:
			is.Count += list[at].Count
			is.First, is.Last = min(is.First, list[at].First), max(is.Last, list[at].Last)
			list[at] = is
		case len(list) < maxCounted:
			list = slices.Insert(list, at, is)
		}
		s.findings = s.findings.With(f.ID, list)
	}
	return nil
}

// Noted returns what is noted of the findings in what a partner sent, by code. The
// slice must not be changed.
func (d *Partners) Noted(id string) []ingest.Found {
	list, _ := d.state.Current().findings.Get(id)
	return list
}

// Counts has what a tally counts noted. Only before Run.
func (d *Partners) Counts(t *ingest.Tally) { d.tally = t }

// noteWithin is how long a process that stops may take to note what it knows: it is
// little that is lost, and the rest of the stop has more to save.
const noteWithin = 2 * time.Second

// NoteNow notes all that this process knows and the log does not: it is about to stop.
func (d *Partners) NoteNow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, noteWithin)
	defer cancel()
	return errors.Join(d.noteContact(ctx), d.noteFindings(ctx, func(*ingest.Unnoted) bool { return true }))
}

// noteFindings notes what was found and is due.
func (d *Partners) noteFindings(ctx context.Context, due func(*ingest.Unnoted) bool) error {
	if d.tally == nil {
		return nil
	}
	select {
	case d.noting <- struct{}{}:
		defer func() { <-d.noting }()
	case <-ctx.Done():
		return fmt.Errorf("note findings: %w", ctx.Err())
	}
	if err := d.noteBatch(ctx); err != nil { // of before
		return err
	}
	list := slices.DeleteFunc(d.tally.Unnoted(), func(u ingest.Unnoted) bool {
		_, known := d.Find(u.Partner)
		return !known || !due(&u)
	})
	slices.SortFunc(list, func(a, b ingest.Unnoted) int {
		return cmp.Or(cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.Code, b.Code))
	})
	for some := range slices.Chunk(list, maxCounted) {
		d.batch = newNoteBatch(some)
		if err := d.noteBatch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// noteBatch is what is being noted, as a command that may be repeated: where nobody
// knows whether it is in the log, it must not be counted twice.
type noteBatch struct {
	list    []ingest.Unnoted
	command Command
}

func newNoteBatch(list []ingest.Unnoted) *noteBatch {
	var change FindingsCounted
	for i := range list {
		u := &list[i]
		change.Counted = append(change.Counted, Counted{u.Partner, u.Code, u.Severity, u.Count, u.First, u.Last})
	}
	return &noteBatch{list, Command{ID: rand.Text(), Change: change}}
}

// noteBatch notes the batch, if there is one, and has it be none once its outcome is
// known. The caller holds d.noting.
func (d *Partners) noteBatch(ctx context.Context) error {
	if d.batch == nil {
		return nil
	}
	_, err := d.machine.Do(ctx, d.batch.command)
	refused, ok := errors.AsType[*Refused](err)
	if ok && refused.Kind == RefusedRepeat {
		err = nil // it is in the log since
	}
	if err == nil {
		d.tally.MarkNoted(d.batch.list)
	}
	if err == nil || ok {
		d.batch = nil
	}
	if err != nil {
		return fmt.Errorf("note findings: %w", err)
	}
	return nil
}

// doubled reports whether as much as is noted of a kind was found again.
func (d *Partners) doubled(u *ingest.Unnoted) bool {
	for _, f := range d.Noted(u.Partner) {
		if f.Code == u.Code {
			return u.Count >= f.Count
		}
	}
	return true
}
