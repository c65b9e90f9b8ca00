package settlement

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// ErrMeanwhile says that a run was not applied: another one was, since its CDRs were
// priced again.
var ErrMeanwhile = errors.New("another re-pricing was applied meanwhile, so nothing was applied: apply it again")

// AppliedRun is a re-pricing that was applied, as the control log has it: on what terms,
// what its results rest on, and what it replaced. The record comes before the results it
// is about, so that results never move without one; what is left of them where a process
// died between is replaced when the run is applied again.
type AppliedRun struct {
	Run            string // its name
	From, To       ocpi.Month
	Party          ocpi.Party
	Profile        string
	Cut            Ends         // CDRs at offsets below were priced again
	AsOf           pricing.AsOf // that they were priced by: which tariffs, debtors and profiles
	Engine, ZoneDB string
	Count          int64         // of the results to be replaced
	Digest         ingest.Digest // over them: see DigestApplied
	By             string
	Offset         int64     // of its control record
	At             ocpi.Time // of the record
}

// ID names what is noted of it in the store. No two have one: of two on the same terms the
// later one is priced by a later part of the control log.
func (a *AppliedRun) ID() uint64 {
	h := sha256.New()
	fmt.Fprintf(h, "%q %s %s %s %q %d %d %q %q %q", a.Run, a.From, a.To, a.Party, a.Profile, a.AsOf.Reference, a.AsOf.Control, a.AsOf.Issuers, a.Engine, a.ZoneDB) //nolint:errcheck // a hash takes everything
	partitions := make([]ingest.Partition, 0, len(a.Cut))
	for p := range a.Cut {
		partitions = append(partitions, p)
	}
	slices.SortFunc(partitions, func(a, b ingest.Partition) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Number, b.Number))
	})
	for _, p := range partitions {
		fmt.Fprintf(h, " %d/%d %d", p.Epoch, p.Number, a.Cut[p]) //nolint:errcheck // as above
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// AppliedCDR is a result that an applied run replaces, by digests of what a report or a
// partner sees of the old one and of the new one.
type AppliedCDR struct {
	Key      ocpi.Key
	Old, New uint64
}

// AppliedStanding is how what an applied run replaces stands.
type AppliedStanding struct {
	Left    int64    // results still to be replaced
	Since   int64    // that were replaced by others since, or whose CDR another copy stands for
	Differ  int64    // that are the run's, and not what it found
	Example ocpi.Key // of Differ
}

// NotedRun is what the store notes of a run that is applied, or was to be: control is that
// of its AsOf.
type NotedRun struct {
	ID      uint64
	Control int64
}

// AppliedStore keeps which results applied runs replace. What is noted counts only once a
// record of the control log says so.
type AppliedStore interface {
	// NoteApplied notes all results that a run would replace now, in the place of what was
	// noted under the id.
	NoteApplied(ctx context.Context, n NotedRun, run string) error
	// AppliedCDRs calls fn for what is noted under an id, in the order of CPO and id.
	AppliedCDRs(ctx context.Context, id uint64, fn func(*AppliedCDR) error) error
	AppliedStanding(ctx context.Context, id uint64) (AppliedStanding, error)
	// Noted returns all that is noted; ForgetApplied removes some of it.
	Noted(ctx context.Context) ([]NotedRun, error)
	ForgetApplied(ctx context.Context, ids []uint64) error
}

// AppliedLog is what the control log has of applied runs: a clearing.Repricings.
type AppliedLog interface {
	// Apply records a run. Errors: ErrMeanwhile, and those of the log; after an outcome
	// that is not known LastApplied says whether it is there.
	Apply(ctx context.Context, a AppliedRun) error
	// LastApplied returns the last record of a run of that name, among the latest ones.
	LastApplied(run string) (AppliedRun, bool)
	// Doomed reports whether no record can name what is noted any more, and none does.
	Doomed(ctx context.Context, n NotedRun) (bool, error)
}

// DigestApplied counts what is noted under an id and returns its digest: SHA-256 over a line
// each, in the order of CPO and id: the key, quoted as in Go, and the digests of the old
// and the new result in hexadecimal.
func DigestApplied(ctx context.Context, s AppliedStore, id uint64) (n int64, digest ingest.Digest, err error) {
	h := sha256.New()
	var line []byte
	err = s.AppliedCDRs(ctx, id, func(c *AppliedCDR) error {
		n++
		line = strconv.AppendQuote(line[:0], c.Key.String())
		line = fmt.Appendf(line, " %016x %016x\n", c.Old, c.New)
		h.Write(line)
		return nil
	})
	return n, ingest.Digest(h.Sum(nil)), err
}

// recorded has the control log say what applying a run replaces, and replaces it; nothing
// where nothing is to be.
func (p *Repricer) recorded(ctx context.Context, r, again Repricing, partitions []RepriceProgress) (err error) {
	if err := p.sweep(ctx); err != nil {
		return err
	}
	run := AppliedRun{
		Run: r.Name(), From: r.From, To: r.To, Party: r.Party, Profile: r.Profile, Cut: Ends{}, AsOf: partitions[0].AsOf,
		Engine: tariff.EngineVersion, ZoneDB: tariff.ZoneDBVersion(), By: p.By,
	}
	for i := range partitions {
		run.Cut[p.Partitions[i]] = partitions[i].End
	}
	if err := p.Store.NoteApplied(ctx, NotedRun{run.ID(), run.AsOf.Control}, again.Name()); err != nil {
		return err
	}
	if run.Count, run.Digest, err = DigestApplied(ctx, p.Store, run.ID()); err != nil || run.Count == 0 {
		return err
	}
	if err := p.Log.Apply(ctx, run); err != nil {
		return err
	}
	if err := p.replace(ctx, again); err != nil {
		return err
	}
	stands, err := p.Store.AppliedStanding(ctx, run.ID())
	if err == nil && stands.Left > 0 { // another process had begun to apply the same run
		err = fmt.Errorf("%d of its results are still to be replaced: apply it again", stands.Left)
	}
	return err
}

// sweep removes what was noted of runs that died before they were recorded.
func (p *Repricer) sweep(ctx context.Context) error {
	noted, err := p.Store.Noted(ctx)
	if err != nil {
		return err
	}
	var doomed []uint64
	for _, n := range noted {
		is, err := p.Log.Doomed(ctx, n)
		if err != nil {
			return err
		}
		if is {
			doomed = append(doomed, n.ID)
		}
	}
	return p.Store.ForgetApplied(ctx, doomed)
}

// finish replaces what an earlier attempt recorded and did not get to. Where what it was
// to be replaced by is gone too, it is priced again like all that is left.
func (p *Repricer) finish(ctx context.Context, r, again Repricing) error {
	last, ok := p.Log.LastApplied(r.Name())
	if !ok {
		return nil
	}
	stands, err := p.Store.AppliedStanding(ctx, last.ID())
	if err != nil || stands.Left == 0 {
		return err
	}
	return p.replace(ctx, again)
}

// replace makes the results of a run count, each unless another one has come to.
func (p *Repricer) replace(ctx context.Context, again Repricing) error {
	for _, in := range p.Partitions {
		if err := p.Store.ApplyRepriced(ctx, again.Name(), in); err != nil {
			return err
		}
	}
	return nil
}

// AppliedProof is what was proved of the re-pricings that were applied.
type AppliedProof struct {
	Runs   int
	CDRs   int64 // results that they replaced
	Since  int64 // of them, those that others replaced since
	Faults []string
}

// ProveApplied holds the re-pricings that applied calls its function for against what the
// store has of them, and that against the results, where nothing replaced them since.
// Errors are those of what it reads.
func ProveApplied(ctx context.Context, applied func(fn func(*AppliedRun) error) error, s AppliedStore) (*AppliedProof, error) {
	p := &AppliedProof{}
	err := applied(func(a *AppliedRun) error {
		fault := func(format string, args ...any) {
			if len(p.Faults) < maxDisagreements {
				p.Faults = append(p.Faults, fmt.Sprintf("the re-pricing %q (control record %d) ", a.Run, a.Offset)+fmt.Sprintf(format, args...))
			}
		}
		n, digest, err := DigestApplied(ctx, s, a.ID())
		if err != nil {
			return err
		}
		stands, err := s.AppliedStanding(ctx, a.ID())
		if err != nil {
			return err
		}
		p.Runs, p.CDRs, p.Since = p.Runs+1, p.CDRs+n, p.Since+stands.Since
		switch {
		case n != a.Count:
			fault("replaced %d results, and the store has %d of them", a.Count, n)
		case digest != a.Digest:
			fault("replaced results of digest %x, and the store has those of %x", a.Digest, digest)
		}
		if stands.Left > 0 {
			fault("is not finished: %d of its results are still to be replaced, apply it again", stands.Left)
		}
		if stands.Differ > 0 {
			fault("found another result of %s than the one that stands as its own, and so of %d CDRs in all", stands.Example, stands.Differ)
		}
		return nil
	})
	return p, err
}
