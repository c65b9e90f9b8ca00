package settlement

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"golang.org/x/sync/errgroup"
)

// VerifyLog is what verify reads of the log.
type VerifyLog interface {
	ingest.Reader
	// Ledger returns what the group that works on the topic committed last.
	Ledger(ctx context.Context, p ingest.Partition) (ingest.Ledger, error)
}

// VerifyStore is what verify reads of the store. Rows come in the order of
// their offsets, those before next only.
type VerifyStore interface {
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
	// RecordsRange yields every stored row of the range, a doubled one twice.
	RecordsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(ingest.Record) error) error
	// CopiesRange yields the copies of the CDRs that came more than once.
	CopiesRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(StoredCopy) error) error
	// WinnersRange yields what single CDRs are found by: one row an identity.
	WinnersRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(StoredCDR) error) error
	// ListingsRange yields what OCPI lists read.
	ListingsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(StoredListing) error) error
	// ObjectsRange yields the objects that records before next made, as they
	// stand, and ObjectListingsRange their rows in what OCPI lists read, both in
	// the order of those records. They may have changed by records behind it.
	ObjectsRange(ctx context.Context, p ingest.Partition, next int64, fn func(StoredObject) error) error
	ObjectListingsRange(ctx context.Context, p ingest.Partition, next int64, fn func(StoredObjectListing) error) error
	// ChangesBefore yields the records before next that are about objects, KeptObjects
	// the states there are of what records of the partition made, of Tariffs all of them;
	// both in the order of compareIdentities and then of positions, a state perhaps more
	// than once, and perhaps with earlier ones of the object before it.
	ChangesBefore(ctx context.Context, p ingest.Partition, next int64, fn func(StoredChange) error) error
	KeptObjects(ctx context.Context, p ingest.Partition, fn func(KeptObject) error) error
	// StatesAt returns states, those of them that there are.
	StatesAt(ctx context.Context, p ingest.Partition, wanted []StateAt) (map[StateAt]ingest.ObjectState, error)
	// RecordsAt calls fn for some records, in the order of their offsets, each once.
	RecordsAt(ctx context.Context, p ingest.Partition, offsets []int64, fn func(ingest.Record) error) error
	// Chosen yields of which CDRs people chose the copy that counts, and which it is.
	Chosen(ctx context.Context, fn func(ChosenCopy) error) error
	// ListReads returns what eMSPs have read of their lists of CDRs.
	ListReads(ctx context.Context) (map[ocpi.Party]ListRead, error)
	// LateRange yields which CDRs are noted to have come late.
	LateRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(StoredLate) error) error
	// ResultsRange yields what reports read: one row an identity.
	ResultsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(StoredResult) error) error
	// IssuerLists returns the lists of issuers that results rest on, by their digests.
	IssuerLists(ctx context.Context) (map[string]ocpi.Issuers, error)
	// Gaps returns what the log let go of before it was stored: of each gap the
	// first offset and the one behind it.
	Gaps(ctx context.Context, p ingest.Partition) ([][2]int64, error)
	// SettlementAt is Reader.Settlement over the records before next, with these
	// CDRs as those that credits cancel in full.
	SettlementAt(ctx context.Context, q SettlementQuery, next Ends, credited []ocpi.Key) ([]SettlementRow, error)
	// RelationProgress returns how far relations are found.
	RelationProgress(ctx context.Context) (Ends, error)
	// StoredRelations yields the relations that hold.
	StoredRelations(ctx context.Context, fn func(Relation) error) error
	// CreditsNamed yields what credits name.
	CreditsNamed(ctx context.Context, fn func(of ocpi.Key) error) error
	// SharedSessions yields the hashes of Sessions that several copies of CDRs
	// are of, and UnlistedSessions counted CDRs of Sessions that it cannot know.
	SharedSessions(ctx context.Context, fn func(hash uint64) error) error
	UnlistedSessions(ctx context.Context, limit int) ([]ocpi.Key, error)
}

// Verifier proves conservation: every record of the log is in the store once,
// every accepted CDR is priced, rejected, a credit, a repeat or a conflict,
// exactly once, and the sums agree from the raw bodies through the results to
// the settlement report, to the last decimal.
type Verifier struct {
	Log    VerifyLog
	Store  VerifyStore
	Inputs pricing.Inputs
	// Policies says who could be billed; nil: everybody.
	Policies pricing.Policies
	// Closings says through when pairs are closed; nil: none is.
	Closings Closings
	// Choices are what people chose of copies, as the control log has it; nil: what the store
	// says of that is not held against anything.
	Choices ChoiceLog
	// Gate waits until Inputs, Policies and Closings know all that a result of
	// before may rest on; nil: they do.
	Gate pricing.Gate
	// Fold folds objects; nil: what records that are behind the last state of an object
	// would change is not looked at.
	Fold FoldFunc
	// Progress, when set, is called now and then with the records walked so far
	// of a partition, never twice at a time. Partitions are walked side by side.
	Progress func(p ingest.Partition, done, total int64)

	mu      sync.Mutex // guards Progress
	issuers map[string]ocpi.Issuers
	reads   map[ocpi.Party]ListRead
	chosen  map[ocpi.Key]ChosenCopy
}

// Disagreement is one thing that does not add up.
type Disagreement struct {
	Partition ingest.Partition
	Offset    int64 // -1 where it is not about one record
	What      string
}

// String puts the disagreement on one line.
func (d Disagreement) String() string {
	if d.Offset < 0 {
		return fmt.Sprintf("%s: %s", d.Partition, d.What)
	}
	return fmt.Sprintf("%s at offset %d: %s", d.Partition, d.Offset, d.What)
}

// Report is what verify found.
type Report struct {
	Records       int64 // walked, all topics
	TrimmedProven int64 // of them no longer in the log: held against its checkpoint
	Missing       int64 // of a bounded topic, let go of by the log before they were stored, and noted
	Expired       int64 // of a bounded topic, no longer in the log and no longer kept in the store
	Unproven      int64 // of them no longer in the log, and no checkpoint counts them
	Ahead         int64 // in the log, not yet in the store: not part of the proof
	CDRs          int64 // distinct identities
	Priced        int64
	Rejected      int64
	Credits       int64
	Repeats       int64
	Conflicts     int64
	Related       int64 // credits held against what they credit
	Rows          int   // settlement rows compared
	Doubled       int64 // physical rows that a replay left and a merge will remove
	// RelationsAhead are credits whose relations the store has not found yet, or
	// not with all that concerns them: not part of the proof.
	RelationsAhead int64
	// Chosen are CDRs of which another copy counts than the first, as people decided;
	// ChosenAhead of how many that is decided and not carried out yet.
	Chosen, ChosenAhead int64
	Disagreements       []Disagreement
	Omitted             int64 // disagreements beyond maxDisagreements

	overtaken bool // the log was trimmed, during the walk, beyond the ledger that was read before it
}

// Proved reports whether all that was walked agrees with the log or with the
// checkpoint taken before it was trimmed.
func (r *Report) Proved() bool { return len(r.Disagreements) == 0 && r.Unproven == 0 }

const maxDisagreements = 200

func (r *Report) disagree(p ingest.Partition, offset int64, format string, args ...any) {
	if len(r.Disagreements) >= maxDisagreements {
		r.Omitted++
		return
	}
	r.Disagreements = append(r.Disagreements, Disagreement{p, offset, fmt.Sprintf(format, args...)})
}

// maxWalks bounds how often Verify walks again because the results changed
// under it: a reject was healed, or a re-pricing applied, while it walked.
const maxWalks = 3

// Verify walks log and store at one fixed position: what the store had
// checkpointed when it began. Disagreements found while results changed prove
// nothing, so it walks again then.
func (v *Verifier) Verify(ctx context.Context) (*Report, error) {
	for walk, overtaken := 1, false; ; walk++ {
		report, moved, err := v.once(ctx, overtaken)
		if err != nil || !moved || report.Proved() || walk == maxWalks {
			return report, err
		}
		overtaken = report.overtaken
	}
}

// once walks everything once; moved says that the settlement report of the
// fixed position is not what it was when the walk began, or the log was trimmed
// beyond the checkpoint read then.
func (v *Verifier) once(ctx context.Context, overtaken bool) (report *Report, moved bool, err error) {
	report = &Report{}
	relations, err := v.openRelations(ctx, report)
	if err != nil {
		return nil, false, fmt.Errorf("read relations: %w", err)
	}
	var least Ends
	if overtaken {
		if least, err = v.checkpoints(ctx); err != nil {
			return nil, false, err
		}
	}
	nexts, credited := Ends{}, relations.credited()
	var walkers []*walker
	for _, spec := range ingest.Topics() {
		if !spec.Stored() {
			continue
		}
		for _, p := range v.Log.Partitions(spec.Topic) {
			w, err := v.open(ctx, p)
			if err == nil && overtaken {
				err = v.stopAtCommit(ctx, w, least[p])
			}
			if err != nil {
				return nil, false, err
			}
			if walkers = append(walkers, w); p.Topic == ingest.TopicCDRs {
				nexts[p] = w.next
			}
		}
	}
	if err := relations.name(ctx, v.Store); err != nil {
		return nil, false, err
	}
	if v.issuers, err = v.Store.IssuerLists(ctx); err != nil { // of results below the fixed position all are there
		return nil, false, fmt.Errorf("read lists of issuers: %w", err)
	}
	if v.reads, err = v.Store.ListReads(ctx); err != nil {
		return nil, false, fmt.Errorf("read what was read of lists: %w", err)
	}
	report.reads(v.reads, v.Log.Partitions(ingest.TopicCDRs)[0])
	if err := v.choose(ctx, report); err != nil {
		return nil, false, fmt.Errorf("read which copies are to count: %w", err)
	}
	if err := v.catchUp(ctx); err != nil {
		return nil, false, err
	}
	before, err := v.Store.SettlementAt(ctx, SettlementQuery{}, nexts, credited)
	if err != nil {
		return nil, false, fmt.Errorf("read settlement report: %w", err)
	}
	books, err := v.walkAll(ctx, report, walkers, relations)
	if err != nil {
		return nil, false, err
	}
	after, err := v.Store.SettlementAt(ctx, SettlementQuery{}, nexts, credited)
	if err != nil {
		return nil, false, fmt.Errorf("read settlement report: %w", err)
	}
	if err := relations.compare(ctx); err != nil {
		return nil, false, err
	}
	report.Rows = len(after)
	books.compare(report, after)
	return report, report.overtaken || !sameRows(before, after), nil
}

// choose reads of which CDRs people chose the copy that counts, and proves that they did.
func (v *Verifier) choose(ctx context.Context, report *Report) error {
	var below int64
	var all []ChosenCopy
	if v.Choices != nil {
		var err error
		if below, err = v.Choices.Known(ctx); err != nil {
			return err
		}
	}
	v.chosen = map[ocpi.Key]ChosenCopy{}
	err := v.Store.Chosen(ctx, func(c ChosenCopy) error {
		v.chosen[c.Key], all = c, append(all, c)
		switch {
		case c.Pending:
			report.ChosenAhead++
		case c.Position != c.First:
			report.Chosen++
		}
		return nil
	})
	if err != nil || v.Choices == nil {
		return err
	}
	log, err := v.Choices.Choices(ctx)
	if err != nil {
		return err
	}
	proveChoices(report, log, all, below)
	return nil
}

// checkpoints returns how far CDRs are stored.
func (v *Verifier) checkpoints(ctx context.Context) (Ends, error) {
	ends := Ends{}
	for _, p := range v.Log.Partitions(ingest.TopicCDRs) {
		next, err := v.Store.Checkpoint(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("read checkpoint of the store %s: %w", p, err)
		}
		ends[p] = next
	}
	return ends, nil
}

// A commit follows its checkpoint in the store within a moment.
const (
	commitPause = 100 * time.Millisecond
	commitTries = 100
)

// stopAtCommit has a walk end where the group's commit does. A busy service
// trims the log as fast as it commits: what it stored after the ledger was read
// is gone from the log before the walk gets there, and nothing proves it, while
// the ledger proves all before it. Relations rest on what was stored before
// least, so a commit that does not reach it is waited for.
func (v *Verifier) stopAtCommit(ctx context.Context, w *walker, least int64) (err error) {
	for try := 0; w.committed.Next > 0 && w.committed.Next < least && try < commitTries; try++ {
		select {
		case <-time.After(commitPause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if w.committed, err = v.Log.Ledger(ctx, w.partition); err != nil {
			return fmt.Errorf("read checkpoint of the log %s: %w", w.partition, err)
		}
	}
	if c := w.committed.Next; c > 0 && c >= least && c < w.next {
		w.report.Ahead += w.next - c
		w.next = c
	}
	return nil
}

// catchUp comes after the fixed position is taken: a running service may have
// priced what stands below it by what came a moment ago.
func (v *Verifier) catchUp(ctx context.Context) error {
	if v.Gate == nil {
		return nil
	}
	if _, err := v.Gate.CatchUp(ctx); err != nil {
		return fmt.Errorf("wait for tariffs, locations and partners: %w", err)
	}
	return nil
}

// walkAll walks partitions side by side, each with a report and books of its own,
// and adds them up in the order of the walkers.
func (v *Verifier) walkAll(ctx context.Context, report *Report, walkers []*walker, relations *relationProof) (*books, error) {
	all := make([]*books, len(walkers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, w := range walkers {
		all[i] = newBooks(relations.cancelled)
		g.Go(func() error {
			switch w.partition.Topic {
			case ingest.TopicCDRs:
				return v.walkCDRs(ctx, w, all[i], relations)
			case ingest.TopicSessions, ingest.TopicCommands, ingest.TopicReference:
				return v.walkObjects(ctx, w)
			}
			return v.walk(ctx, w, func(*ingest.Record) error { return nil })
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	total := newBooks(relations.cancelled)
	for i, w := range walkers {
		report.join(w.report)
		total.join(all[i])
	}
	return total, nil
}

// join adds what was found of one partition.
func (r *Report) join(o *Report) {
	r.Records += o.Records
	r.TrimmedProven += o.TrimmedProven
	r.Missing += o.Missing
	r.Expired += o.Expired
	r.Unproven += o.Unproven
	r.Ahead += o.Ahead
	r.CDRs += o.CDRs
	r.Priced += o.Priced
	r.Rejected += o.Rejected
	r.Credits += o.Credits
	r.Repeats += o.Repeats
	r.Conflicts += o.Conflicts
	r.Doubled += o.Doubled
	r.Omitted += o.Omitted
	r.overtaken = r.overtaken || o.overtaken
	for _, d := range o.Disagreements {
		r.disagree(d.Partition, d.Offset, "%s", d.What)
	}
}

// sameRows reports whether two readings of the report say the same.
func sameRows(a, b []SettlementRow) bool {
	return slices.EqualFunc(a, b, func(x, y SettlementRow) bool {
		return x.CPO == y.CPO && x.EMSP == y.EMSP && x.Month == y.Month && x.Currency == y.Currency && len(diffRows(&x, &y)) == 0 && len(diffTaxes(taxesOf(&x), taxesOf(&y))) == 0
	})
}
