package stations

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// How far back is looked, and how often.
const (
	WorkedWithin = 90 * 24 * time.Hour // for a charge
	FailedWithin = 7 * 24 * time.Hour  // for starts that failed
	workedEvery  = 5 * time.Minute
	// workedOverlap is how much of the time that was looked at before is looked at again:
	// what came then may be stored since.
	workedOverlap = 2*workedEvery + 2*time.Minute
	// maxWorked bounds the connectors and EVSEs whose last charge is kept, and the starts
	// that failed: each takes some 30 bytes. Of more nothing is known.
	maxWorked = 4_000_000
)

// WorkedStore reads what says that EVSEs worked, or did not. It may say the same again.
type WorkedStore interface {
	// LastCharges calls fn for connectors, by pricing.ConnectorHash, with when the last of some
	// charges with energy ended: of CDRs that ended since an instant and came since another.
	LastCharges(ctx context.Context, ended, received ocpi.Time, fn func(connector uint64, end ocpi.Time) error) error
	// EndedSessions calls fn for the Sessions that are COMPLETED or INVALID and changed since an instant.
	EndedSessions(ctx context.Context, since ocpi.Time, fn func(*ingest.ObjectState) error) error
	// CommandsSince calls fn for the commands that were asked for since an instant, and perhaps others.
	CommandsSince(ctx context.Context, since ocpi.Time, fn func(*ingest.ObjectState) error) error
}

// Worked knows of EVSEs when the last charge with energy ended, and how many starts failed
// lately: those that a CPO refused, failed or never answered, and Sessions that ended INVALID
// or without energy. It is some minutes behind what is stored, and safe for concurrent use.
type Worked struct {
	mu    sync.RWMutex // guards everything below
	ready bool
	// In minutes since 1970, by pricing.ConnectorHash: of charges by CDRs, and of EVSEs without
	// a connector of Sessions and starts. What Sessions say counts FailedWithin, no longer than
	// it is read at a start: by then their CDRs are there.
	last, ended map[uint64]uint32
	failed      map[uint64][]uint32
	starts      map[uint64]failedStart // by what tells one from another
}

type failedStart struct {
	evse uint64
	at   uint32
}

// NewWorked returns a Worked that knows nothing.
func NewWorked() *Worked {
	return &Worked{last: map[uint64]uint32{}, ended: map[uint64]uint32{}, failed: map[uint64][]uint32{}, starts: map[uint64]failedStart{}}
}

func minutes(t ocpi.Time) uint32 { return uint32(max(0, int64(t)/(60*ocpi.Second))) }

// Lately is how an EVSE worked. LastCharge is not set where none is known of WorkedWithin.
type Lately struct {
	LastCharge ocpi.Time
	Failed     int
}

// Ready reports whether the store was read once: until then nothing is known.
func (w *Worked) Ready() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.ready
}

// Of returns how an EVSE worked until an instant.
func (w *Worked) Of(owner ocpi.Party, location string, e *ocpi.EVSE, now ocpi.Time) (l Lately) {
	location = ocpi.Fold(location)
	w.mu.RLock()
	defer w.mu.RUnlock()
	last := uint32(0)
	for _, evse := range [...]string{ocpi.Fold(e.UID), ocpi.FoldEVSEID(e.EVSEID)} {
		if evse == "" {
			continue
		}
		key := pricing.ConnectorHash(owner, location, evse, "")
		if at := w.ended[key]; at >= minutes(now-ocpi.Time(FailedWithin)) {
			last = max(last, at)
		}
		for i := range e.Connectors {
			last = max(last, w.last[pricing.ConnectorHash(owner, location, evse, ocpi.Fold(e.Connectors[i].ID))])
		}
		for _, at := range w.failed[key] {
			if since := minutes(now - ocpi.Time(FailedWithin)); at >= since {
				l.Failed++
			}
		}
	}
	if last != 0 && last >= minutes(now-ocpi.Time(WorkedWithin)) {
		l.LastCharge = ocpi.Time(int64(last) * 60 * ocpi.Second)
	}
	return l
}

// charged notes that a charge with energy ended.
func charged(last map[uint64]uint32, key uint64, end ocpi.Time) {
	at := minutes(end)
	if was, known := last[key]; was >= at || !known && len(last) >= maxWorked {
		return
	}
	last[key] = at
}

// start notes a start that failed, or that it did not after all. id tells it from others.
func (w *Worked) start(id, evse uint64, at ocpi.Time, failed bool) {
	was, known := w.starts[id]
	now := failedStart{evse, minutes(at)}
	if known == failed && (!known || was == now) || !known && len(w.starts) >= maxWorked {
		return
	}
	if known {
		w.unfail(id, was)
	}
	if failed {
		w.starts[id] = now
		w.failed[evse] = append(w.failed[evse], now.at)
	}
}

func (w *Worked) unfail(id uint64, was failedStart) {
	delete(w.starts, id)
	list := w.failed[was.evse]
	for i, at := range list {
		if at == was.at {
			list[i] = list[len(list)-1]
			w.failed[was.evse] = list[:len(list)-1]
			break
		}
	}
	if len(w.failed[was.evse]) == 0 {
		delete(w.failed, was.evse)
	}
}

// session notes what a Session says. One of which it is not known whether energy flowed says
// nothing.
func (w *Worked) session(s *ingest.ObjectState) {
	_ = objects.Decode(func(d *ocpi.Decoder) error {
		v, err := d.Session(s.Version, s.Body)
		if err != nil || v.LocationID == "" || v.EVSEUID == "" {
			return err // of a state that an older decoder could read
		}
		evse := pricing.ConnectorHash(s.Key.Party, ocpi.Fold(v.LocationID), ocpi.Fold(v.EVSEUID), "")
		end := v.End
		if !end.IsSet() {
			end = v.LastUpdated
		}
		end = min(end, s.Received)
		failed := v.Status == "INVALID" || v.Status == "COMPLETED" && v.KWh.IsSet() && v.KWh.Sign() <= 0
		w.start(pricing.ConnectorHash(s.Key.Party, "session", s.Key.ID, ""), evse, end, failed)
		if v.Status == "COMPLETED" && v.KWh.Sign() > 0 {
			charged(w.ended, evse, end)
		}
		return nil
	})
}

// command notes what became of a command.
func (w *Worked) command(s *ingest.ObjectState) {
	c, err := objects.ReadCommand(s)
	if err != nil {
		return // of a later version
	}
	cpo, ok := ocpi.ParseParty(c.CPO)
	if c.Type != ocpi.StartSession || c.Point != nil || !ok || c.Location == "" || c.EVSE == "" {
		return
	}
	evse := pricing.ConnectorHash(cpo, ocpi.Fold(c.Location), ocpi.Fold(c.EVSE), "")
	w.start(pricing.ConnectorHash(s.Key.Party, "command", s.Key.ID, ""), evse, c.Asked, c.Over())
}

// Run keeps it up to date until ctx ends.
func (w *Worked) Run(ctx context.Context, store WorkedStore, logger *slog.Logger, now func() time.Time) error {
	var before ocpi.Time
	for {
		at := ocpi.TimeOf(now())
		if err := w.Refresh(ctx, store, before, at); err == nil {
			before = at
		} else if ctx.Err() == nil {
			logger.Warn("how stations worked lately is not read, and told as it was", "error", err)
		}
		if !ingest.Pause(ctx, workedEvery) {
			return nil
		}
	}
}

// Refresh reads what came since it was read before, all that counts where that is not set.
func (w *Worked) Refresh(ctx context.Context, store WorkedStore, before, now ocpi.Time) error {
	charges, since := ocpi.Time(0), now-ocpi.Time(FailedWithin)
	if before.IsSet() {
		charges = before - ocpi.Time(workedOverlap)
		since = charges
	}
	err := store.LastCharges(ctx, now-ocpi.Time(WorkedWithin), charges, func(connector uint64, end ocpi.Time) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		charged(w.last, connector, end)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read last charges: %w", err)
	}
	err = store.EndedSessions(ctx, since, func(s *ingest.ObjectState) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.session(s)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read Sessions that ended: %w", err)
	}
	// A command may be over long after it was asked for.
	err = store.CommandsSince(ctx, min(since, now-ocpi.Time(24*time.Hour)), func(s *ingest.ObjectState) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.command(s)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read starts: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep(now)
	w.ready = true
	return nil
}

// sweep forgets what is told no more.
func (w *Worked) sweep(now ocpi.Time) {
	for key, at := range w.last {
		if at < minutes(now-ocpi.Time(WorkedWithin)) {
			delete(w.last, key)
		}
	}
	for key, at := range w.ended {
		if at < minutes(now-ocpi.Time(FailedWithin)) {
			delete(w.ended, key)
		}
	}
	for id, s := range w.starts {
		if s.at < minutes(now-ocpi.Time(FailedWithin)) {
			w.unfail(id, s)
		}
	}
}
