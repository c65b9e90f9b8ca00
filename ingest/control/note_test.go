package control

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// lossyLog is a log whose appends may be held up, or lose their answers.
type lossyLog struct {
	*ingesttest.Log
	lose, hang bool
}

func (l *lossyLog) Append(ctx context.Context, topic ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	if l.hang {
		<-ctx.Done()
		return ingest.Position{}, ctx.Err()
	}
	pos, err := l.Log.Append(ctx, topic, e, body)
	if l.lose {
		l.lose = false
		return ingest.Position{}, ingest.ErrOutcomeUnknown
	}
	return pos, err
}

// counting is a house that counts findings, with Dundee as its partner, which was heard
// of.
func counting(t *testing.T, log *lossyLog) (house, *ingest.Tally) {
	t.Helper()
	var tally ingest.Tally
	c := open(t, log, Options{})
	c.partners.Counts(&tally)
	controltest.Run(t, c)
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.partners.Authenticate("Token dundee-token"); !ok {
		t.Fatal("Dundee is not known")
	}
	return c, &tally
}

func noted(c house, id string) (count int64) {
	for _, f := range c.partners.Noted(id) {
		count += f.Count
	}
	return count
}

// A process that stops notes all, however many kinds there are.
func TestTheStopNotesAllKinds(t *testing.T) {
	c, tally := counting(t, &lossyLog{Log: ingesttest.NewLog(1)})
	for n := range 3 {
		id := fmt.Sprintf("A%02d", n)
		if _, _, err := c.partners.Add(t.Context(), "", NewPartner{Name: id, Roles: []Role{NewRole("CPO", "NL", id)}}); err != nil {
			t.Fatal(err)
		}
		for code := range 700 {
			tally.Note("nl-"+fmt.Sprintf("a%02d", n)+"-cpo", "/x", 1, ocpi.Finding{Code: fmt.Sprint("code_", code)})
		}
	}
	if err := c.partners.NoteNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if id := fmt.Sprintf("nl-a%02d-cpo", n); noted(c, id) != 700 {
			t.Errorf("%d of %s are noted", noted(c, id), id)
		}
	}
}

// What may be in the log or not is noted once.
func TestALostAnswerDoublesNoCount(t *testing.T) {
	log := &lossyLog{Log: ingesttest.NewLog(1)}
	c, tally := counting(t, log)
	slash := ocpi.Finding{Code: "trailing_slash"}
	all := func(*ingest.Unnoted) bool { return true }
	tally.Note("gb-dun-cpo", "/x", 1, slash)
	log.lose = true
	if err := c.partners.noteFindings(t.Context(), all); !errors.Is(err, ingest.ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	tally.Note("gb-dun-cpo", "/x", 2, slash)
	for range 2 {
		if err := c.partners.noteFindings(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	if n := noted(c, "gb-dun-cpo"); n != 2 || len(tally.Unnoted()) > 0 {
		t.Errorf("%d are noted, and %v to be", n, tally.Unnoted())
	}
}

// That nobody can note who was heard of keeps nothing else from being noted, and no
// stop waits for it long.
func TestTheStopIsNotLostToNotes(t *testing.T) {
	log := &lossyLog{Log: ingesttest.NewLog(1)}
	c, tally := counting(t, log)
	tally.Note("gb-dun-cpo", "/x", 1, ocpi.Finding{Code: "trailing_slash"})
	failed := errors.New("broken")
	log.FailNext(failed)
	if err := c.partners.NoteNow(t.Context()); !errors.Is(err, failed) || noted(c, "gb-dun-cpo") != 1 {
		t.Errorf("%d are noted, %v", noted(c, "gb-dun-cpo"), err)
	}
	synctest.Test(t, func(t *testing.T) {
		log := &lossyLog{Log: ingesttest.NewLog(1)}
		c, tally := counting(t, log)
		tally.Note("gb-dun-cpo", "/x", 1, ocpi.Finding{Code: "trailing_slash"})
		log.hang = true
		began := time.Now()
		if err := c.partners.NoteNow(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > noteWithin {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// Who comes by the id of a partner that was removed is another one.
func TestTheFindingsOfAFormerPartner(t *testing.T) {
	c, tally := counting(t, &lossyLog{Log: ingesttest.NewLog(1)})
	tally.Note("gb-dun-cpo", "/secret/path", 1, ocpi.Finding{Code: "trailing_slash"})
	before := tally.Unnoted()
	if err := c.partners.Remove(t.Context(), "", "gb-dun-cpo", 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.partners.Add(t.Context(), "", dundee()); err != nil {
		t.Fatal(err)
	}
	tally.MarkNoted(before) // of one that was under way
	if found := tally.With("gb-dun-cpo", c.partners.Noted("gb-dun-cpo")); len(found) > 0 {
		t.Errorf("it has %+v", found)
	}
	tally.Note("gb-dun-cpo", "/x", 2, ocpi.Finding{Code: "trailing_slash"})
	if left := tally.Unnoted(); len(left) != 1 || left[0].Count != 1 {
		t.Errorf("to be noted: %+v", left)
	}
}
