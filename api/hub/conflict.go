package hub

import (
	"context"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// conflictHeader says that a copy of a CDR came before, and counts: "true" where
// it has another content, "unknown" where only its bytes are known to be others.
const conflictHeader = "X-Roamclear-Conflict"

// Bounds of looking for the copy that came before. Whatever comes of it, the CDR
// is durable, and listed where it is a conflict: its sender is only told sooner.
const (
	lookUpWithin   = 250 * time.Millisecond // where nothing is known of the CDR here,
	lookUpEvery    = 250 * time.Millisecond // no more often in the long run,
	lookUpsAtOnce  = 20                     // and so many after a pause
	comparesAtOnce = 4                      // where other bytes are known to have come
)

const otherBytes = "a copy of this CDR with other bytes came before: where it says something else, that one counts"

// conflict returns what is to be told of a copy that came before: nothing where
// there is none, or none with another content.
func (x *exchange) conflict(r *ingest.Receipt) (message, header string) {
	switch r.Earlier {
	case ingest.EarlierUnknown:
		return x.lookUp(r.Key)
	case ingest.EarlierOther:
		return x.compare(r.Key)
	}
	return "", ""
}

// lookUp asks the store, now and then, whether an older copy is there: always
// would cost more than all else that is done for a CDR.
func (x *exchange) lookUp(key ocpi.Key) (message, header string) {
	if !x.s.lookUps.Take(x.s.Now()) {
		return "", ""
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), lookUpWithin)
	defer cancel()
	first, _, err := x.s.CDRs.First(ctx, key)
	if err != nil {
		return "", "" // there is none, or it cannot be known now
	}
	return differing(first, x.body)
}

// compare waits until the store has the first copy.
func (x *exchange) compare(key ocpi.Key) (message, header string) {
	if !x.s.compares.Enter() {
		return otherBytes, "unknown"
	}
	defer x.s.compares.Leave()
	first, _, err := x.stored(key)
	if err != nil {
		return otherBytes, "unknown"
	}
	return differing(first, x.body)
}

// differing says in what a copy differs from the first.
func differing(first, copied []byte) (message, header string) {
	const told = 3
	list, more, err := ocpi.Diff(first, copied, told)
	if err != nil || len(list) == 0 {
		return "", "" // the first was accepted, so it is JSON
	}
	message = "a copy of this CDR with other content came before and counts; this one is kept as evidence. It differs in "
	for i, d := range list {
		if i > 0 {
			message += ", "
		}
		message += fmt.Sprintf("%s (%s, was %s)", d.Path, orNothing(d.Other), orNothing(d.First))
	}
	if more > 0 {
		message += fmt.Sprintf(" and %d more", more)
	}
	return message, "true"
}

func orNothing(v []byte) string {
	if v == nil {
		return "nothing"
	}
	return string(v)
}
