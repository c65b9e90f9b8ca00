package pricing

import (
	"time"

	"github.com/roamclear/roamclear/ingest"
)

// fairQueue orders the records of a turn so that every sender has the same
// share of the time: next is a record of the sender that has used the least,
// its own in the order of the log. What senders used of the turn before counts
// too: a single costly CDR may take a whole turn. So a sender whose CDRs are
// costly to price keeps nobody waiting but itself.
type fairQueue struct {
	senders []*senderQueue
	current *senderQueue
	began   time.Time
}

type senderQueue struct {
	sender  string
	records []int // places of what is left
	used    time.Duration
	before  time.Duration // of used, in the turn before
}

// fairSlice is how much more than the others a sender may use before it is
// another's turn: cheap CDRs are not worth looking at all senders for each.
const fairSlice = time.Millisecond

// newFairQueue returns the queue of a turn; used is what senders used of the one
// before.
func newFairQueue(records []ingest.Record, used map[string]time.Duration) *fairQueue {
	q := &fairQueue{}
	bySender := map[string]*senderQueue{}
	for i := range records {
		s := bySender[records[i].Sender]
		if s == nil {
			before := used[records[i].Sender]
			s = &senderQueue{sender: records[i].Sender, used: before, before: before}
			bySender[records[i].Sender] = s
			q.senders = append(q.senders, s)
		}
		s.records = append(s.records, i)
	}
	return q
}

// next returns the place of the record that comes next; ok is false at the end.
func (q *fairQueue) next() (place int, ok bool) {
	var least *senderQueue
	if c := q.current; c != nil && len(c.records) > 0 && len(q.senders) == 1 {
		least = c
	} else {
		least = q.least()
	}
	if least == nil {
		return 0, false
	}
	q.current, q.began = least, time.Now()
	place, least.records = least.records[0], least.records[1:]
	return place, true
}

// least returns the sender to go on with: the current one while it is within
// fairSlice of the one that has used the least.
func (q *fairQueue) least() *senderQueue {
	var least *senderQueue
	for _, s := range q.senders {
		if len(s.records) > 0 && (least == nil || s.used < least.used) {
			least = s
		}
	}
	if c := q.current; c != nil && len(c.records) > 0 && c.used < least.used+fairSlice {
		return c
	}
	return least
}

// spent charges the time since next to the record's sender.
func (q *fairQueue) spent() { q.current.used += time.Since(q.began) }

// usedNow is what each sender has used of this turn.
func (q *fairQueue) usedNow() map[string]time.Duration {
	used := make(map[string]time.Duration, len(q.senders))
	for _, s := range q.senders {
		used[s.sender] = s.used - s.before
	}
	return used
}
