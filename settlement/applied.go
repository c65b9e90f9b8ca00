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
	"strings"

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

// attemptMark parts the name of a run from the ID of what was, or is to be, recorded of it.
const attemptMark = " (applying "

// applying is the run that prices the CDRs of an applied run as its record says. Its
// results are whole: explanations and reasons are made for what comes to count, not for
// what a report shows. Its name is that of the attempt, so that nobody takes for its own
// what another process, or an earlier one, has priced by another part of the log.
func (a *AppliedRun) applying() Repricing {
	return Repricing{Run: fmt.Sprintf("%s%s%016x)", a.Run, attemptMark, a.ID()), From: a.From, To: a.To, Party: a.Party, Profile: a.Profile, whole: true}
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
	Differ  int64    // that are the run's, and neither what it found nor what a later run did
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
	// NoteApplied notes all results that a run would replace now, beside what is noted under
	// the id: what another process noted of the same attempt stays, for it may be recorded.
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
	// LastApplied returns the last record of a run of that name, "" for any, among the latest ones.
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

// attempt is what is to be recorded of a run that is applied at the present.
func (p *Repricer) attempt(ctx context.Context, r Repricing) (run AppliedRun, err error) {
	run = AppliedRun{
		Run: r.Name(), From: r.From, To: r.To, Party: r.Party, Profile: r.Profile, Cut: Ends{}, AsOf: p.AsOf,
		Engine: tariff.EngineVersion, ZoneDB: tariff.ZoneDBVersion(), By: p.By,
	}
	for _, in := range p.Partitions {
		if run.Cut[in], err = p.Store.Checkpoint(ctx, in); err != nil {
			return run, fmt.Errorf("read where %s ends: %w", in, err)
		}
	}
	return run, nil
}

// again prices the CDRs of a run as its record says, or is to.
func (p *Repricer) again(ctx context.Context, run *AppliedRun) (Repricing, error) {
	again := run.applying()
	partitions, err := p.open(ctx, &again, run.AsOf, run.Cut)
	if err == nil {
		err = p.price(ctx, &again, partitions)
	}
	return again, err
}

// recorded has the control log say what applying a run replaces, and replaces it; nothing
// where nothing is to be.
func (p *Repricer) recorded(ctx context.Context, run AppliedRun) (err error) {
	again := run.applying()
	if err := p.sweep(ctx, again.Name()); err != nil {
		return err
	}
	if err := p.Store.NoteApplied(ctx, NotedRun{run.ID(), run.AsOf.Control}, again.Name()); err != nil {
		return err
	}
	if run.Count, run.Digest, err = DigestApplied(ctx, p.Store, run.ID()); err != nil {
		return err
	}
	if run.Count == 0 { // or another run has swept what this one priced
		return p.overtaken(&run)
	}
	if err := p.Log.Apply(ctx, run); err != nil && (!errors.Is(err, ErrMeanwhile) || p.overtaken(&run) != nil) {
		return err
	}
	if err := p.replace(ctx, again); err != nil {
		return err
	}
	stands, err := p.Store.AppliedStanding(ctx, run.ID())
	if err == nil && stands.Left > 0 {
		err = fmt.Errorf("%d of its results are still to be replaced: apply it again", stands.Left)
	}
	return err
}

// overtaken is ErrMeanwhile where another run was recorded since this one was priced. That
// another process has recorded this very one, priced by the same part of the log, is as good.
func (p *Repricer) overtaken(run *AppliedRun) error {
	if last, ok := p.Log.LastApplied(""); ok && last.Offset >= run.AsOf.Control && last.ID() != run.ID() {
		return ErrMeanwhile
	}
	return nil
}

// sweep removes what was noted of runs that died before they were recorded, and what
// attempts to apply one have priced that can be recorded no more. Those that were recorded
// are finished by now, and own is the one that is about to be.
func (p *Repricer) sweep(ctx context.Context, own string) error {
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
	if err := p.Store.ForgetApplied(ctx, doomed); err != nil {
		return err
	}
	last, ok := p.Log.LastApplied("")
	if !ok {
		return nil
	}
	begun, err := p.Store.Begun(ctx)
	for i := 0; err == nil && i < len(begun); i++ {
		if b := begun[i]; b.Control <= last.Offset && b.Run != own && strings.Contains(b.Run, attemptMark) {
			err = p.Store.ForgetRepricing(ctx, b.Run)
		}
	}
	return err
}

// Finish replaces what the run that was recorded last did not get to before its process
// died. What is recorded has happened: whatever is priced beside it would be compared with
// results that are no more, and give the same version of a result another content. So no
// run is recorded, or begun anew, before the last one is finished. That of r itself is left
// to Apply, which says what of it came to count by it.
func (p *Repricer) Finish(ctx context.Context, r Repricing) error {
	last, ok := p.Log.LastApplied("")
	if !ok || last.Run == r.Name() {
		return nil
	}
	return p.finish(ctx, &last)
}

// finishAll finishes the run that was recorded last, and the last one of a name: an
// earlier version recorded others before that was finished.
func (p *Repricer) finishAll(ctx context.Context, name string) error {
	for _, of := range []string{"", name} {
		last, ok := p.Log.LastApplied(of)
		if !ok {
			continue
		}
		if err := p.finish(ctx, &last); err != nil {
			return err
		}
	}
	return nil
}

// finish has all results of a recorded run replaced. Where what it was to replace them by
// is gone, it follows from the record.
func (p *Repricer) finish(ctx context.Context, run *AppliedRun) error {
	stands, err := p.Store.AppliedStanding(ctx, run.ID())
	if err != nil {
		return err
	}
	again, left := run.applying(), stands.Left
	for _, follows := range []bool{false, true} {
		if err != nil || stands.Left == 0 {
			break
		}
		if follows {
			err = p.repeat(ctx, run)
		}
		if err == nil {
			err = p.replace(ctx, again)
		}
		if err == nil {
			stands, err = p.Store.AppliedStanding(ctx, run.ID())
		}
	}
	if err == nil && stands.Left > 0 {
		err = errors.New("priced again as it was recorded, they do not change: run `roamclear verify`")
	}
	if err == nil {
		err = p.relate(ctx, again)
	}
	if err == nil {
		err = p.Store.ForgetRepricing(ctx, again.Name())
	}
	if err != nil {
		return fmt.Errorf("finish the re-pricing %q first, which control record %d says was applied and %d results of which are still to be replaced: %w", run.Run, run.Offset, left, err)
	}
	if left > 0 && p.Finished != nil {
		p.Finished(run, left)
	}
	return nil
}

// repeat prices the CDRs of a recorded run as it was, where this process can.
func (p *Repricer) repeat(ctx context.Context, run *AppliedRun) error {
	switch {
	case run.Engine != tariff.EngineVersion || run.ZoneDB != tariff.ZoneDBVersion():
		return fmt.Errorf("it was priced by engine %s and time zones %s, this roamclear has %s and %s: apply it again with the one of then", run.Engine, run.ZoneDB, tariff.EngineVersion, tariff.ZoneDBVersion())
	case run.AsOf.Issuers != p.AsOf.Issuers:
		return errors.New("it was priced with another list of issuers (roaming.issuers): apply it again with the one of then")
	}
	if err := p.Store.ForgetRepricing(ctx, run.applying().Name()); err != nil {
		return err
	}
	_, err := p.again(ctx, run)
	return err
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
