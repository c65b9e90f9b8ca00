package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// Bounds of bringing results to who asked. A partner that does not take them keeps nobody
// waiting but itself: it has few places of its own, and none of a partition's.
const (
	deliveredToOne  = 8               // at once, to one partner
	deliveredAtOnce = 512             // at once, in all
	deliverWithin   = 5 * time.Second // one try
	maxDeliveries   = 6               // tries
	deliverFor      = time.Hour       // after which a result is brought no more
)

// deliveries is what is on its way to who asked, and what waits for it. Desk.mu guards it.
type deliveries struct {
	under   map[string]int // of a partner
	all     int
	waiting map[string][]*item // of a partner, the first first
}

// tells reports whether a result is still to be brought to who asked.
func (d *Desk) tells(c *objects.Command) bool {
	said, _ := c.Undelivered()
	return said != nil && ocpi.TimeOf(d.Now()) < said.At+ocpi.Time(deliverFor)
}

// enter reports whether a result may go to who asked now, after so many tries; every true
// must be followed by one leave. Where it may not the command is seen to again once it may,
// or when it is too late.
func (d *Desk) enter(e *Entry, it *item) (tries int, may bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	to, s := e.Command.Partner, &d.deliveries
	if s.under[to] < deliveredToOne && s.all < deliveredAtOnce {
		s.under[to]++
		s.all++
		return it.tries, true
	}
	if !it.queued {
		it.queued = true
		s.waiting[to] = append(s.waiting[to], it)
	}
	it.busy = false
	switch {
	case d.open[it.key] != it: // it was closed meanwhile
	case it.again:
		d.schedule(it, 1)
	default:
		said, _ := e.Command.Undelivered()
		d.schedule(it, said.At+ocpi.Time(deliverFor))
	}
	return 0, false
}

// leave ends what enter let in, and has the next one seen to: of the same partner, else of
// any that has a place left.
func (d *Desk) leave(to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.deliveries
	s.all--
	if s.under[to]--; s.under[to] == 0 {
		delete(s.under, to)
	}
	if d.wakeNext(to) {
		return
	}
	for other := range s.waiting {
		if s.under[other] < deliveredToOne && d.wakeNext(other) {
			return
		}
	}
}

// wakeNext has the first that waits for a partner, and is seen to here, seen to now. The
// caller holds d.mu.
func (d *Desk) wakeNext(to string) bool {
	s := &d.deliveries
	for len(s.waiting[to]) > 0 {
		it := s.waiting[to][0]
		if s.waiting[to] = s.waiting[to][1:]; len(s.waiting[to]) == 0 {
			delete(s.waiting, to)
		}
		it.queued = false
		if d.open[it.key] != it {
			continue // it was closed meanwhile
		}
		if it.again = it.busy; !it.busy {
			d.schedule(it, 1)
		}
		if d.due[it.partition] != nil {
			return true
		}
	}
	return false
}

// deliver brings a result to who asked, once: what comes of it is a record, or an error
// where it is to be tried again.
func (d *Desk) deliver(ctx context.Context, e *Entry, tries int) error {
	said, of := e.Command.Undelivered()
	err := d.post(ctx, e, said)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed, _ := errors.AsType[*partner.Error](err)
	if err != nil && failed != nil && (tries < maxDeliveries-1 || errors.Is(err, partner.ErrNoTurn)) {
		return fmt.Errorf("bring a result: %w", err)
	}
	done := objects.CommandDelivery{Of: of, OK: err == nil}
	if err != nil {
		done.Detail = bounded(err.Error())
		d.Logger.Warn("a result could not be brought to who asked", "command", e.Key.String(), "partner", e.Command.Partner, "error", err)
	}
	return d.note(ctx, e, "", objects.CommandDelivered, done)
}

// post posts a result to the response_url of who asked, in its version.
func (d *Desk) post(ctx context.Context, e *Entry, said *objects.CommandSaid) error {
	to, ok := d.Partners.Find(e.Command.Partner)
	if !ok {
		return fmt.Errorf("partner %s: %w", e.Command.Partner, partner.ErrNotRegistered)
	}
	from, _ := ocpi.ParseVersion(said.Version)
	asked, _ := ocpi.ParseVersion(e.Command.Version)
	cpo, _ := ocpi.ParseParty(e.Command.CPO)
	answer := convert.CommandResult(said.Answer(), from, asked)
	return d.Sender.Deliver(ctx, partner.Delivery{
		To: to, URL: ocpi.Text(e.Command.Body, "response_url"), Body: answer.EncodeResult(asked), From: cpo, For: e.Key.Party,
		Correlation: e.Command.Correlation, Within: deliverWithin,
	})
}
