package settlement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// OCPIWindow is what a client asks of a list of an OCPI Sender interface:
// last_updated in [From, To), where a zero time does not bound, and of these
// Limit behind After, the Next of the page before, or else from Offset on.
//
// A list is in an order that no change of what is on it moves: whoever follows
// Next meets everything that stays as it is once. What comes, goes or changes
// meanwhile may be met or not.
type OCPIWindow struct {
	From, To time.Time
	Offset   int
	Limit    int
	After    string // counts where Offset is what it says itself
	// ByID is for a reader that is shown ids alone, not whose they are, as in OCPI
	// 2.1.1: the page says what else of the same id is on the lists.
	ByID bool
}

// OCPIQuery selects CDRs for a list: exactly those whose debtor (eMSP) or
// creditor (CPO) is one of the parties. They are in the order of last_updated,
// which says when a CDR was made and never changes, then of position.
type OCPIQuery struct {
	Debtors   []ocpi.Party
	Creditors []ocpi.Party
	// Only, when set, leaves out what is not between one of them and this party.
	Only ocpi.Party
	OCPIWindow
	// ByReceived has From and To bound when the CDR came, instead of its
	// last_updated. Lists begin such a window earlier, see ReceivedAhead.
	ByReceived bool
}

// ListKind says what a list of objects holds.
type ListKind uint8

// Every object is on two lists: its owner's, and that of who else may see it. The
// numbers are stored.
const (
	ListAll  ListKind = iota // what everybody may see, of all owners; it has no Party
	ListOpen                 // of one owner, what everybody may see
	ListOwn                  // of one owner, what it is alone with, or with one other party
	ListWith                 // what another owner has with the party
)

// ObjectList is one list of objects.
type ObjectList struct {
	Kind  ListKind
	Party ocpi.Party
}

// ListsOf calls fn for the lists that an object is on, and for those it has left:
// Locations, Tokens and Tariffs without a recipient may be seen by all, as far as
// lists go; Sessions, invoices, and Tariffs with a recipient, by two parties. What is
// deleted is on none, nor is what OCPI has no lists of.
func ListsOf(s *ingest.ObjectState, fn func(l ObjectList, gone bool)) {
	if !s.Object.Listed() {
		return
	}
	recipient := s.Recipient()
	if recipient.IsZero() && !s.Object.OfTwo() {
		fn(ObjectList{Kind: ListAll}, s.Deleted)
		fn(ObjectList{ListOpen, s.Key.Party}, s.Deleted)
		return
	}
	fn(ObjectList{ListOwn, s.Key.Party}, s.Deleted)
	if !recipient.IsZero() {
		fn(ObjectList{ListWith, recipient}, s.Deleted)
	}
	for _, p := range s.Left {
		fn(ObjectList{ListWith, p}, true)
	}
}

// ListedAt returns when an object changed as one of its lists has it: by its
// last_updated, which dates of lists bound. A Session of which it was found later who
// pays comes to that party's list when that was found, by whatever it says: who reads
// one window after the other would never meet it otherwise.
func ListedAt(s *ingest.ObjectState, l ObjectList) ocpi.Time {
	if l.Kind == ListWith {
		return max(s.LastUpdated, s.Named)
	}
	return s.LastUpdated
}

// ReceivedAt returns when what a list says of an object came to it.
func ReceivedAt(s *ingest.ObjectState, l ObjectList) ocpi.Time {
	if l.Kind == ListWith {
		return max(s.Received, s.Named)
	}
	return s.Received
}

// ListPart is of a list what some owners have on it; with none named it is what all
// have, but for some.
type ListPart struct {
	ObjectList
	Owners []ocpi.Party
	Except []ocpi.Party
}

// holds reports whether what an owner has on a list is in the part.
func (p *ListPart) holds(l ObjectList, owner ocpi.Party) bool {
	return p.ObjectList == l && (len(p.Owners) == 0 || slices.Contains(p.Owners, owner)) && !slices.Contains(p.Except, owner)
}

// ObjectQuery selects objects of a kind: those on any of the lists, each once. They
// are in the order in which they were made, see ingest.Creation.
type ObjectQuery struct {
	Object ingest.Object
	Lists  []ListPart
	OCPIWindow
	// ByReceived, of Sessions, has From and To bound when what the list says came,
	// instead of its last_updated. Lists begin such a window earlier, see ReceivedAhead.
	ByReceived bool
}

// Holds reports whether an object is on one of the lists, in the window.
func (q *ObjectQuery) Holds(s *ingest.ObjectState) (holds bool) {
	ListsOf(s, func(l ObjectList, gone bool) {
		at := ListedAt(s, l)
		if q.ByReceived {
			at = ReceivedAt(s, l)
		}
		holds = holds || !gone && q.in(at.Go()) && slices.ContainsFunc(q.Lists, func(p ListPart) bool { return p.holds(l, s.Key.Party) })
	})
	return holds
}

// in reports whether an instant is in the window.
func (w *OCPIWindow) in(at time.Time) bool {
	return (w.From.IsZero() || !at.Before(w.From)) && (w.To.IsZero() || at.Before(w.To))
}

// OCPIPage is one page of raw bodies with the number of all that match. The
// number is that of when the page was read; where it was reached by After, of when
// the first one was.
type OCPIPage struct {
	Bodies   [][]byte
	Versions []ocpi.Version
	Owners   []ocpi.Party
	Total    int
	Next     string // After of the next page, "" on the last one
	// Identities says which each is, and Others, where it was asked for (ByID), what
	// else of its kind and id is on the lists, whatever the window.
	Identities []ingest.Identity
	Others     [][]ingest.Identity
}

// LateCDRs are CDRs that came to an eMSP's list with a last_updated in a window that
// it had read to its end, so that it meets them only where it asks for that again.
type LateCDRs struct {
	Count int
	Last  ocpi.Time // when the last of them came
}

// ListStore reads lists of OCPI Sender interfaces, of what is stored. ErrCursor
// says that After is none.
type ListStore interface {
	OCPICDRs(ctx context.Context, q OCPIQuery) (OCPIPage, error)
	OCPIObjects(ctx context.Context, q ObjectQuery) (OCPIPage, error)
}

// StoredLists is a ListStore that says how far it has what the log holds.
type StoredLists interface {
	ListStore
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
}

// Lists reads lists, and waits for what was acknowledged.
type Lists struct {
	StoredLists
	Log ingest.Reader
}

// ReceivedAhead is how long before its From a window by receipt begins. A CDR has the
// time at which its body was complete, and is in the log later: an append takes 30
// seconds at most, and so may the one before it, and the clocks of two processes need
// not agree. Who reads one window after the other has had the end of the one before
// without such a CDR: the next one meets it, and some for the second time. To end
// windows earlier instead would lose what is between that end and the To that was
// asked for, where the next one begins.
const ReceivedAhead = 2 * time.Minute

// OCPICDRs implements [ListStore].
func (l Lists) OCPICDRs(ctx context.Context, q OCPIQuery) (OCPIPage, error) {
	if q.ByReceived && !q.From.IsZero() {
		q.From = q.From.Add(-ReceivedAhead)
	}
	return l.StoredLists.OCPICDRs(ctx, q)
}

// OCPIObjects implements [ListStore].
func (l Lists) OCPIObjects(ctx context.Context, q ObjectQuery) (OCPIPage, error) {
	if q.ByReceived && !q.From.IsZero() {
		q.From = q.From.Add(-ReceivedAhead)
	}
	return l.StoredLists.OCPIObjects(ctx, q)
}

// How long a list of CDRs waits for the store, and how often it is asked.
const (
	cdrsWait     = 2 * time.Second
	firstPause   = 10 * time.Millisecond
	longestPause = 160 * time.Millisecond
)

// Await returns when the store has all of a kind that the log held when it was
// called: who reads a list from its beginning calls it first, and meets what was
// acknowledged before. What is not on a list of objects is no longer valid (OCPI
// 2.2.1 transport, "Pull"), so one that lacks some would be wrong: where ctx ends
// before, the error wraps ErrNotYet. A CDR that comes late is not taken for one
// that is gone: after two seconds its list is read as it is, be pricing as late as
// it may. Only strict, as a window by receipt is to be read, waits for CDRs like for
// the others: nobody asks for that window again.
func (l Lists) Await(ctx context.Context, o ingest.Object, strict bool) error {
	wait, lenient := ctx, o == ingest.ObjectCDR && !strict
	if lenient {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, cdrsWait)
		defer cancel()
	}
	err := l.caughtUp(wait, o.Topic())
	if lenient && errors.Is(err, ErrNotYet) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %ss: %w", o, err)
	}
	return nil
}

// caughtUp returns when the store has all that the log held of a topic when it
// was called.
func (l Lists) caughtUp(ctx context.Context, topic ingest.Topic) error {
	for _, p := range l.Log.Partitions(topic) {
		_, end, err := l.Log.Bounds(ctx, p)
		if err != nil {
			return fmt.Errorf("%w: read the end of %s: %w", ErrUnavailable, p, err)
		}
		if err := l.stored(ctx, p, end); err != nil {
			return err
		}
	}
	return nil
}

// stored returns when the store has everything of a partition before end.
func (l Lists) stored(ctx context.Context, p ingest.Partition, end int64) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		next, err := l.Checkpoint(ctx, p)
		if err != nil || next >= end {
			return err
		}
		if !ingest.Pause(ctx, pause) {
			return fmt.Errorf("%s at %d of %d: %w: %w", p, next, end, ErrNotYet, ctx.Err())
		}
	}
}
