package settlement

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Ends are offsets by partition: of all that stands below them.
type Ends map[ingest.Partition]int64

// Range is a run of records of one partition: from <= offset < to. The zero
// Range holds none.
type Range struct {
	ingest.Partition
	From, To int64
}

// Touched is a CDR whose credits are to be looked at again. Key.ID is "" for
// the credits of a CPO that name none.
type Touched struct {
	Key ocpi.Key
	// Crowded: more credits name it than are looked at together.
	Crowded bool
}

// StoredClaim is a counted CDR as the rules of credits read it.
type StoredClaim struct {
	Key    ocpi.Key
	Month  ocpi.Month
	Booked ocpi.Time // see ocpi.BookedAt; not set where that is not known
	CreditClaim
}

// StoredCredit is a counted credit CDR with the CDR it names.
type StoredCredit struct {
	StoredClaim
	Of      ocpi.Key
	Control int64 // end of the control log that it was booked by, -1: not kept
}

// Closings knows through when pairs are closed.
type Closings interface {
	// ClosedBelow reports whether the period that a charge belongs to, booked at an instant,
	// was closed for its pair, or settled elsewhere, by control records below an offset, once
	// everything below has been folded.
	ClosedBelow(ctx context.Context, cpo, emsp ocpi.Party, booked ocpi.Time, below int64) (bool, error)
}

// RelationStore is what the pass reads and writes of the store. Only what
// stands below the ends is seen, so what it finds follows from them.
type RelationStore interface {
	// CDRCheckpoints returns how far every partition of CDRs is stored.
	CDRCheckpoints(ctx context.Context) (Ends, error)
	// RelationProgress returns how far relations are found.
	RelationProgress(ctx context.Context) (Ends, error)
	// CreditsTouched returns the CDRs that a credit names and that stand in the
	// range, or that a credit in the range names.
	CreditsTouched(ctx context.Context, in Range) ([]Touched, error)
	// CreditsUndecided returns CDRs of relations CreditUndecided, in the order of
	// their identities, those after a key.
	CreditsUndecided(ctx context.Context, after ocpi.Key, limit int) ([]ocpi.Key, error)
	// CreditsAbout returns the CDRs among the keys that a credit names, and those
	// that credits among the keys name, but for the crowded ones.
	CreditsAbout(ctx context.Context, keys []ocpi.Key) ([]ocpi.Key, error)
	// Claims yields the counted CDRs of the keys, as far as there are.
	Claims(ctx context.Context, keys []ocpi.Key, below Ends, fn func(StoredClaim) error) error
	// CreditSums yields what the credits that name each key claim, summed over
	// those that Credits.Add may take together; the sum has no key of its own.
	CreditSums(ctx context.Context, keys []ocpi.Key, below Ends, fn func(sum StoredCredit, n uint64) error) error
	// CreditsOf yields the credits that name the keys; with a range, those in it.
	CreditsOf(ctx context.Context, keys []ocpi.Key, in Range, below Ends, fn func(StoredCredit) error) error
	// SessionsTouched returns the CDRs of each Session that one in the range is
	// of, or one of the keys, and that several are of; those that repeat the same
	// CDR, and CDRs that do not count, included.
	SessionsTouched(ctx context.Context, in Range, keys []ocpi.Key) ([][]ocpi.Key, error)
	// SessionCDRs yields the counted CDRs of the keys that name a Session and
	// are no credits.
	SessionCDRs(ctx context.Context, keys []ocpi.Key, below Ends, fn func(SessionCDR) error) error
	// TwinsHeld yields the relations SessionBilledTwice of the keys that hold.
	TwinsHeld(ctx context.Context, keys []ocpi.Key, fn func(Relation) error) error
	// WriteRelations stores relations; of one relation, the highest version counts.
	WriteRelations(ctx context.Context, version uint64, relations []Relation) error
	WriteRelationProgress(ctx context.Context, p ingest.Partition, next int64) error
	// RelationsHeld yields the relations that hold of the keys, from either side.
	RelationsHeld(ctx context.Context, keys []ocpi.Key, fn func(Relation) error) error
}

// Relater finds the relations between CDRs: set by set of those that new
// records touch, so that what it costs follows what is new. It may die, begin
// anew or run twice at a time: what it writes follows from what is stored below
// the ends it read, and carries a version that grows with them.
type Relater struct {
	Store    RelationStore
	Closings Closings // nil: nothing is closed
	Logger   *slog.Logger
	Metrics  *RelationMetrics

	undecided ocpi.Key // the last one looked at again
	sweep     time.Time
	found     func(*Relation) // told of what is written; nil: nobody is
}

// Bounds of the pass.
const (
	relateEvery   = time.Second
	relatePage    = 50_000 // records looked at together
	relateKeys    = 1_000  // CDRs whose credits are looked at together
	relateRows    = 5_000  // relations written together
	undecidedPage = 1_000
	// undecidedEvery is how often credits are looked at again whose eMSP was not
	// known: a Token that came later names it, and no record of a CDR does.
	undecidedEvery = time.Minute
)

// RelationMetrics says how far the relations are behind.
type RelationMetrics struct {
	behind prometheus.Gauge
	errors prometheus.Counter
}

// NewRelationMetrics registers the metrics of the pass.
func NewRelationMetrics(reg prometheus.Registerer) *RelationMetrics {
	m := &RelationMetrics{
		behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "roamclear_relations_behind_records", Help: "Stored CDR records whose relations to other CDRs (credits) are not found yet, in the process that looks for them."}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_relations_errors_total", Help: "Attempts to find relations between CDRs that failed and were made again."}),
	}
	reg.MustRegister(m.behind, m.errors)
	return m
}

// Run looks for relations until ctx ends, at most a quarter of the time. What
// fails is tried again: nothing else waits for it.
func (r *Relater) Run(ctx context.Context) error {
	defer r.Metrics.behind.Set(0)
	for {
		began := time.Now()
		more, err := r.Step(ctx)
		if err != nil && ctx.Err() == nil {
			r.Metrics.errors.Inc()
			r.Logger.Warn("find relations between CDRs", "error", err)
		}
		pause := 3 * time.Since(began)
		if !more || err != nil {
			pause = max(pause, relateEvery)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Step looks at one page of new records of every partition; more says that
// there are further ones.
func (r *Relater) Step(ctx context.Context) (more bool, err error) {
	stored, err := r.Store.CDRCheckpoints(ctx)
	if err != nil {
		return false, err
	}
	found, err := r.Store.RelationProgress(ctx)
	if err != nil {
		return false, err
	}
	behind := int64(0)
	for p, end := range stored {
		next := found[p]
		if next >= end {
			continue
		}
		in := Range{Partition: p, From: next, To: min(end, next+relatePage)}
		if err := r.relate(ctx, in, stored); err != nil {
			return false, fmt.Errorf("find relations of %s %d to %d: %w", p, in.From, in.To, err)
		}
		behind += end - in.To
	}
	r.Metrics.behind.Set(float64(behind))
	return behind > 0, r.again(ctx, stored)
}

// relate finds the relations that the records of a range touch, and then notes
// how far it has come.
func (r *Relater) relate(ctx context.Context, in Range, below Ends) error {
	touched, err := r.Store.CreditsTouched(ctx, in)
	if err != nil {
		return err
	}
	var keys, crowded, nameless []ocpi.Key
	for _, t := range touched {
		switch {
		case t.Key.ID == "":
			nameless = append(nameless, t.Key)
		case t.Crowded:
			crowded = append(crowded, t.Key)
		default:
			keys = append(keys, t.Key)
		}
	}
	if err := r.sets(ctx, keys, below); err != nil {
		return err
	}
	// Of what is crowded and of what names nothing, only the new ones are
	// looked at: what is said of one does not depend on the others.
	if err := r.each(ctx, nameless, in, below, func(StoredCredit) (RelationKind, bool) { return CreditOrphan, false }); err != nil {
		return err
	}
	if err := r.each(ctx, crowded, in, below, func(StoredCredit) (RelationKind, bool) { return CreditExcess, false }); err != nil {
		return err
	}
	// Whether a Session is billed twice depends on what credits cancel.
	if err := r.sessions(ctx, in, keys, below); err != nil {
		return err
	}
	return r.Store.WriteRelationProgress(ctx, in.Partition, in.To)
}

// again looks at some of those once more of which it was not known whose
// charges they are.
func (r *Relater) again(ctx context.Context, below Ends) error {
	if time.Since(r.sweep) < undecidedEvery {
		return nil
	}
	keys, err := r.Store.CreditsUndecided(ctx, r.undecided, undecidedPage)
	if err != nil {
		return err
	}
	if err := r.sets(ctx, keys, below); err != nil {
		return err
	}
	if err := r.sessions(ctx, Range{}, keys, below); err != nil {
		return err
	}
	r.sweep, r.undecided = time.Now(), ocpi.Key{}
	if len(keys) == undecidedPage {
		r.undecided = keys[len(keys)-1]
	}
	return nil
}

// Again looks once more at what the CDRs of the keys have to do with: their
// debtors have changed, and no new record says so.
func (r *Relater) Again(ctx context.Context, keys []ocpi.Key) error {
	below, err := r.Store.CDRCheckpoints(ctx)
	if err != nil {
		return err
	}
	about, err := r.Store.CreditsAbout(ctx, keys)
	if err != nil {
		return err
	}
	if err := r.sets(ctx, about, below); err != nil {
		return err
	}
	return r.sessions(ctx, Range{}, append(about, keys...), below)
}

// relationID tells relations apart, as they are stored.
type relationID struct {
	kind       RelationKind
	month      ocpi.Month
	key, other ocpi.Key
}

func (r *Relation) id() relationID { return relationID{r.Kind, r.Month, r.Key, r.Other} }

// Changed is Again of CDRs whose content is another one: what held of them and follows from
// it no more is taken back, be it with what they credited or shared a Session with before.
func (r *Relater) Changed(ctx context.Context, keys []ocpi.Key) error {
	held := map[relationID]Relation{}
	about := map[ocpi.Key]bool{}
	for _, k := range keys {
		about[k] = true
	}
	err := r.Store.RelationsHeld(ctx, keys, func(h Relation) error {
		held[h.id()], about[h.Key], about[h.Other] = h, true, true
		return nil
	})
	if err != nil {
		return err
	}
	again := Relater{Store: r.Store, Closings: r.Closings, found: func(f *Relation) { delete(held, f.id()) }}
	if err := again.Again(ctx, slices.Collect(maps.Keys(about))); err != nil {
		return err
	}
	below, err := r.Store.CDRCheckpoints(ctx)
	if err != nil {
		return err
	}
	w := r.writer(below)
	for _, h := range held {
		h.Active = false
		if err := w.add(ctx, []Relation{h}); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// sets finds the relations of all credits of the keys.
func (r *Relater) sets(ctx context.Context, keys []ocpi.Key, below Ends) error {
	for len(keys) > 0 {
		n := min(len(keys), relateKeys)
		if err := r.set(ctx, keys[:n], below); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func (r *Relater) set(ctx context.Context, keys []ocpi.Key, below Ends) error {
	originals, credits := map[ocpi.Key]*StoredClaim{}, map[ocpi.Key]*Credits{}
	err := r.Store.Claims(ctx, keys, below, func(c StoredClaim) error {
		originals[c.Key] = &c
		credits[c.Key] = CreditsOf(&c.CreditClaim)
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if credits[key] == nil {
			credits[key] = CreditsOf(nil)
		}
	}
	err = r.Store.CreditSums(ctx, keys, below, func(sum StoredCredit, n uint64) (err error) {
		sum.Late, err = late(ctx, r.Closings, originals[sum.Of], sum.Control)
		credits[sum.Of].Add(&sum.CreditClaim, n)
		return err
	})
	if err != nil {
		return err
	}
	w := r.writer(below)
	err = r.Store.CreditsOf(ctx, keys, Range{}, below, func(c StoredCredit) (err error) {
		if c.Late, err = late(ctx, r.Closings, originals[c.Of], c.Control); err != nil {
			return err
		}
		set := credits[c.Of]
		return w.add(ctx, RelationsOf(&c, originals[c.Of], set.Of(&c.CreditClaim), set.Cancels(&c.CreditClaim)))
	})
	if err != nil {
		return err
	}
	return w.flush(ctx)
}

// late reports whether a credit was booked when the period of its original was
// closed, by the part of the control log that stands with it: nothing that comes
// later changes it.
func late(ctx context.Context, closings Closings, original *StoredClaim, control int64) (bool, error) {
	if closings == nil || original == nil || control <= 0 {
		return false, nil
	}
	return closings.ClosedBelow(ctx, original.Key.Party, original.EMSP, original.Booked, control)
}

// each finds the relations of the credits in a range, one by one.
func (r *Relater) each(ctx context.Context, keys []ocpi.Key, in Range, below Ends, say func(StoredCredit) (RelationKind, bool)) error {
	if len(keys) == 0 {
		return nil
	}
	w := r.writer(below)
	err := r.Store.CreditsOf(ctx, keys, in, below, func(c StoredCredit) error {
		kind, cancels := say(c)
		return w.add(ctx, RelationsOf(&c, nil, kind, cancels))
	})
	if err != nil {
		return err
	}
	return w.flush(ctx)
}

// creditKinds are the kinds a credit may have with what it names.
var creditKinds = [...]RelationKind{CreditExcess, CreditMismatch, CreditOrphan, CreditUndecided}

// RelationsOf are the rows of a credit and its original, nil when there is none:
// what holds and what does not, for it may have held before.
func RelationsOf(credit *StoredCredit, original *StoredClaim, said RelationKind, cancels bool) []Relation {
	var out []Relation
	for _, kind := range creditKinds {
		out = append(out, Relation{Key: credit.Key, Kind: kind, Other: credit.Of, EMSP: credit.EMSP, Month: credit.Month, Active: kind == said})
	}
	if original != nil {
		out = append(out, Relation{Key: original.Key, Kind: Credited, Other: credit.Key, EMSP: original.EMSP, Month: original.Month, Active: cancels})
	}
	return out
}

// relationWriter gathers relations into inserts.
type relationWriter struct {
	store   RelationStore
	version uint64
	rows    []Relation
	found   func(*Relation)
}

// writer returns a writer of what was found below the ends. They only grow, and
// with them the version.
func (r *Relater) writer(below Ends) *relationWriter {
	w := &relationWriter{store: r.Store, found: r.found}
	for _, end := range below {
		w.version += uint64(end)
	}
	return w
}

func (w *relationWriter) add(ctx context.Context, relations []Relation) error {
	for i := range relations {
		if w.found != nil {
			w.found(&relations[i])
		}
	}
	w.rows = append(w.rows, relations...)
	if len(w.rows) < relateRows {
		return nil
	}
	return w.flush(ctx)
}

func (w *relationWriter) flush(ctx context.Context) error {
	if len(w.rows) == 0 {
		return nil
	}
	if err := w.store.WriteRelations(ctx, w.version, w.rows); err != nil {
		return err
	}
	w.rows = w.rows[:0]
	return nil
}
