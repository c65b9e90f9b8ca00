package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Nobody can be heard of while none of our processes runs: our own silence is not
// partners'. So the log says that we were there, every three hours at least, and what is
// between two of these that are further apart is an outage.
const (
	outageFrom = ocpi.Time(notedAgain + time.Hour)
	maxOutages = 64 // that are kept: of older ones whoever was quiet since then is gone anyway
)

// outage is a time in which none of our processes was there.
type outage struct{ from, to ocpi.Time }

// PartnersWatched says that we are there: from then on a partner's silence is its own.
type PartnersWatched struct{}

// Kind implements Change.
func (PartnersWatched) Kind() Kind { return Kind{"partners.watched", 1} }

// Validate implements Change.
func (PartnersWatched) Validate() error { return nil }

func (d *Partners) watchedOver(e Event, _ PartnersWatched) error {
	s := &d.state.Folded
	if !s.watched.IsSet() {
		s.watched = e.At
	}
	s.watch(e.At)
	return nil
}

// watch notes that we were there. Before it was ever noted nobody knows when we were
// not.
func (s *partners) watch(at ocpi.Time) {
	if !s.watched.IsSet() {
		return
	}
	if at-s.watched > outageFrom {
		s.outages = append(slices.Clone(s.outages[max(0, len(s.outages)+1-maxOutages):]), outage{s.watched, at})
	}
	s.watched = max(s.watched, at)
}

// knownAt is until when it is known, at an instant, who was quiet: while we are away, and
// until we have noted that we are back, it is what it was.
func (s *partners) knownAt(now ocpi.Time) ocpi.Time {
	if s.watched.IsSet() && now-s.watched > outageFrom {
		return s.watched
	}
	return now
}

// quietUntil is when somebody who was heard of last at an instant has been quiet for too
// long, our outages not counted.
func (s *partners) quietUntil(last ocpi.Time) ocpi.Time {
	until := last + ocpi.Time(contactQuiet)
	for _, o := range s.outages {
		if from := max(o.from, last); from < until && from < o.to {
			until += o.to - from
		}
	}
	return until
}

// noteWatched notes that we are here, where that is not noted.
func (d *Partners) noteWatched(ctx context.Context) error {
	if s := d.state.Current(); s.watched.IsSet() && d.machine.Now()-s.watched < ocpi.Time(notedAgain) {
		return nil
	}
	if _, err := d.machine.Do(ctx, Command{Change: PartnersWatched{}}); err != nil {
		return fmt.Errorf("note that partners are watched: %w", err)
	}
	return nil
}
