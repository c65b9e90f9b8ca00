package command

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// lookAtEarly has the Sessions looked at that came before what is open was known.
func (d *Desk) lookAtEarly() {
	d.mu.Lock()
	defer d.mu.Unlock()
	came, lost := d.early.take()
	for key := range came {
		d.sessions.add(key)
	}
	d.sessions.lost = d.sessions.lost || lost
	d.rouse()
}

// findSessions looks for the Sessions of a partition's commands that came while nobody here
// saw to it: once in the store, later among those that were seen since.
func (d *Desk) findSessions(ctx context.Context, p ingest.Partition) error {
	if err := d.Load(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	var came map[ocpi.Key]bool
	lost := false
	if since := d.unowned[p]; since != nil {
		came, lost = since.take()
		delete(d.unowned, p)
	}
	for key := range came {
		d.sessions.add(key)
	}
	d.rouse()
	looked := d.looked[p] && !lost
	d.mu.Unlock()
	if looked {
		return nil
	}
	if err := d.find(ctx, func(it *item) bool { return it.partition == p }); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looked[p] = true
	return nil
}

// findLost looks for Sessions after more have changed than are kept: of what is seen to here
// now, of other partitions once they are.
func (d *Desk) findLost(ctx context.Context) error {
	d.mu.Lock()
	for p := range d.looked {
		if d.due[p] == nil {
			delete(d.looked, p)
		}
	}
	d.mu.Unlock()
	return d.find(ctx, func(it *item) bool { return d.due[it.partition] != nil })
}

// sessionPage is how many Sessions are read of the store at once.
const sessionPage = 5000

// find looks at the stored Sessions that may be of some commands, page by page: those of
// charges with limits, and those that have changed at a CPO since charges there were asked
// for that wait for one. of is called with d.mu.
func (d *Desk) find(ctx context.Context, of func(it *item) bool) error {
	d.mu.Lock()
	since, charges := map[ocpi.Party]ocpi.Time{}, []ocpi.Key(nil)
	for _, it := range d.open {
		if !of(it) {
			continue
		}
		if at, known := since[it.cpo]; it.waits && (!known || it.asked < at) {
			since[it.cpo] = it.asked
		}
		if it.session != (ocpi.Key{}) {
			charges = append(charges, it.session)
		}
	}
	d.mu.Unlock()
	if _, err := d.lookEach(ctx, charges); err != nil {
		return err
	}
	for cpo, at := range since {
		for after, more := "", true; more; {
			keys, err := d.Store.SessionsSince(ctx, cpo, at-ocpi.Time(early), after, sessionPage)
			if err != nil {
				return fmt.Errorf("read Sessions of %s: %w", cpo, err)
			}
			if _, err := d.lookEach(ctx, keys); err != nil {
				return err
			}
			if more = len(keys) == sessionPage; more {
				after = keys[len(keys)-1].ID
			}
		}
	}
	return nil
}
