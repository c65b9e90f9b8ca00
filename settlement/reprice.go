package settlement

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"golang.org/x/sync/errgroup"
)

// Repricing says which stored CDRs are priced again, and how. The months are
// those of the CDRs' ends in UTC, both inclusive.
type Repricing struct {
	Run      string     // name of the run; "" = its terms
	From, To ocpi.Month //
	Party    ocpi.Party // CPO or eMSP of the CDRs; zero: all
	Profile  string     // pricing profile; "" = each CPO's own

	whole bool // results are kept with their explanations: to be applied
}

// Terms is what a run stands for, on one line. Another engine or time-zone
// database makes another run of the same months.
func (r Repricing) Terms() string {
	terms := []string{r.From.String() + ".." + r.To.String()}
	if !r.Party.IsZero() {
		terms = append(terms, r.Party.String())
	}
	if r.Profile != "" {
		terms = append(terms, r.Profile)
	}
	return strings.Join(append(terms, "engine "+tariff.EngineVersion, "zones "+tariff.ZoneDBVersion()), ", ")
}

// Name is the name of the run.
func (r Repricing) Name() string {
	if r.Run != "" {
		return r.Run
	}
	return r.Terms()
}

// Repriced is one CDR whose result a run would change.
type Repriced struct {
	Change
	Version uint64      // of the result it was compared with
	Row     pricing.Row // the new result, one generation on
}

// RepriceProgress is how far a run got in one partition.
type RepriceProgress struct {
	Terms     string
	Partition int32
	Next      int64        // offset to go on at
	End       int64        // where the partition ended when the run began
	CDRs      int64        // priced again so far
	AsOf      pricing.AsOf // that the run's CDRs are priced by, also when it goes on later
}

// BegunRun is a run that the store has results of, or will.
type BegunRun struct {
	Run     string
	Control int64 // of its AsOf
}

// RepriceStore is what re-pricing needs of the store.
type RepriceStore interface {
	AppliedStore
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
	// CountedResults calls fn for the results that count and can be priced again, of the
	// months and the party of r, in the order of offsets, those of from <= offset < to.
	CountedResults(ctx context.Context, r *Repricing, p ingest.Partition, from, to int64, fn func(*StoredResult) error) error
	// Spent returns how many others of these there are: results that were priced again as
	// often as can be ([pricing.MaxGeneration]), and the CDRs of the first ones.
	Spent(ctx context.Context, r *Repricing, limit int) (n int64, first []ocpi.Key, err error)
	// CDRRecords calls fn for the records at the given offsets, which ascend;
	// one that stands in the store twice may come twice.
	CDRRecords(ctx context.Context, p ingest.Partition, offsets []int64, fn func(*ingest.Record) error) error
	// RepriceProgress returns where a run stands; nothing when it has not begun.
	RepriceProgress(ctx context.Context, run string) ([]RepriceProgress, error)
	// WriteRepriced stores a page of a run and then how far it got. The same
	// page again changes nothing.
	WriteRepriced(ctx context.Context, run string, p ingest.Partition, page []Repriced, progress RepriceProgress) error
	// ForgetRepricing removes a run's results and progress.
	ForgetRepricing(ctx context.Context, run string) error
	// Begun returns the runs that were begun and not forgotten, in the order of names.
	Begun(ctx context.Context) ([]BegunRun, error)
	// Changes calls fn for everything a run would change, in the order of
	// partitions and offsets.
	Changes(ctx context.Context, run string, fn func(*Change) error) error
	// ApplyRepriced makes the new results of one partition count, each unless
	// another result has come to count since it was compared.
	ApplyRepriced(ctx context.Context, run string, p ingest.Partition) error
}

// Applied is how the changes of a run stand.
type Applied struct {
	Applied   int64 // their new result counts
	Pending   int64 // the result they were compared with still counts
	Overtaken int64 // another result counts: the CDR has been priced again since
}

// Add counts one change.
func (a *Applied) Add(c *Change) {
	switch c.Stands {
	case Pending:
		a.Pending++
	case Counts:
		a.Applied++
	default:
		a.Overtaken++
	}
}

// Repricer prices stored CDRs again from their raw bodies with the present
// engine and inputs, beside the results that count: a run overwrites nothing
// until it is applied.
type Repricer struct {
	Store      RepriceStore
	Inputs     pricing.Inputs
	Policies   pricing.Policies
	AsOf       pricing.AsOf       // that CDRs are priced by: the present
	Gate       pricing.Gate       // moves AsOf on before a run is applied; nil: it stays
	Partitions []ingest.Partition // of the CDRs
	Log        AppliedLog         // to apply runs
	By         string             // who does
	// Related, when set, is told of CDRs whose debtor an applied run has changed:
	// credits are held against what they credit by it. See [Relater.Again].
	Related func(ctx context.Context, keys []ocpi.Key) error
	// Finished, when set, is told of a run that had died behind its record, once the results
	// of it that were left have been replaced.
	Finished  func(run *AppliedRun, results int64)
	PageRows  int // CDRs priced between two notes of progress; 0: repricePage
	PageBytes int // of what changes between two notes; 0: repriceBytes
	// Progress, when set, is called now and then with how much is done.
	Progress func(done, total int64)
}

const repricePage = 5000

// Run begins the run or goes on where it stopped, and returns its report.
// When the run is complete already, it only reports.
func (p *Repricer) Run(ctx context.Context, r Repricing) (*RepriceReport, error) {
	partitions, err := p.open(ctx, &r, p.AsOf, nil)
	if err != nil {
		return nil, err
	}
	report := newRepriceReport(&r)
	for _, part := range partitions {
		report.Resumed += part.CDRs
	}
	if err := p.price(ctx, &r, partitions); err != nil {
		return nil, err
	}
	for _, part := range partitions {
		report.CDRs += part.CDRs
	}
	if err := p.Store.Changes(ctx, r.Name(), report.add); err != nil {
		return nil, fmt.Errorf("read what the run %q would change: %w", r.Name(), err)
	}
	if report.Spent, report.SpentCDRs, err = p.Store.Spent(ctx, &r, maxSpent); err != nil {
		return nil, fmt.Errorf("read what the run %q cannot price again: %w", r.Name(), err)
	}
	report.finish()
	return report, nil
}

// price prices what is left of a run, partitions side by side.
func (p *Repricer) price(ctx context.Context, r *Repricing, partitions []RepriceProgress) error {
	var total, done int64
	for _, part := range partitions {
		total, done = total+part.End, done+part.Next
	}
	var mu sync.Mutex // guards done
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for i := range partitions {
		part := &partitions[i]
		g.Go(func() error {
			err := p.partition(ctx, r, part, func(by int64) {
				mu.Lock()
				defer mu.Unlock()
				done += by
				if p.Progress != nil {
					p.Progress(done, total)
				}
			})
			if err != nil {
				cancel(err)
			}
			return err
		})
	}
	return g.Wait()
}

// open returns where each partition of the run stands; a new run is priced as of at and
// ends where cut says, nil: where the store ends now.
func (p *Repricer) open(ctx context.Context, r *Repricing, at pricing.AsOf, cut Ends) ([]RepriceProgress, error) {
	known, err := p.Store.RepriceProgress(ctx, r.Name())
	if err != nil {
		return nil, fmt.Errorf("read progress of the run %q: %w", r.Name(), err)
	}
	if len(known) == 0 {
		// What an interrupted --restart may have left is no part of this run.
		if err := p.Store.ForgetRepricing(ctx, r.Name()); err != nil {
			return nil, fmt.Errorf("begin the run %q: %w", r.Name(), err)
		}
	}
	partitions := make([]RepriceProgress, len(p.Partitions))
	begun := make([]bool, len(p.Partitions))
	for _, k := range known {
		if k.Terms != r.Terms() {
			return nil, fmt.Errorf("the run %q was begun for %s, not for %s: name another with --run, or begin it anew with --restart", r.Name(), k.Terms, r.Terms())
		}
		if k.Partition < 0 || int(k.Partition) >= len(p.Partitions) {
			return nil, fmt.Errorf("the run %q has a partition %d, the log does not: begin it anew with --restart", r.Name(), k.Partition)
		}
		if !k.AsOf.Kept() { // of a version that did not keep it
			k.AsOf = p.AsOf
		}
		if k.AsOf.Issuers == "" {
			k.AsOf.Issuers = p.AsOf.Issuers
		}
		if k.AsOf.Issuers != p.AsOf.Issuers {
			return nil, fmt.Errorf("the run %q was begun with another list of issuers (roaming.issuers): begin it anew with --restart", r.Name())
		}
		partitions[k.Partition], begun[k.Partition], at = k, true, k.AsOf
	}
	for i := range partitions {
		if begun[i] {
			continue
		}
		end := cut[p.Partitions[i]]
		if cut == nil {
			if end, err = p.Store.Checkpoint(ctx, p.Partitions[i]); err != nil {
				return nil, fmt.Errorf("read where %s ends: %w", p.Partitions[i], err)
			}
		}
		partitions[i] = RepriceProgress{Terms: r.Terms(), Partition: p.Partitions[i].Number, End: end, AsOf: at}
		if err := p.Store.WriteRepriced(ctx, r.Name(), p.Partitions[i], nil, partitions[i]); err != nil {
			return nil, fmt.Errorf("begin the run %q: %w", r.Name(), err)
		}
	}
	return partitions, nil
}

// partition prices what is left of one partition, page by page.
func (p *Repricer) partition(ctx context.Context, r *Repricing, progress *RepriceProgress, moved func(by int64)) error {
	if progress.Next >= progress.End {
		return nil
	}
	size := p.PageRows
	if size <= 0 {
		size = repricePage
	}
	inputs := pricing.Own(p.Inputs)
	w := &repricePages{Repricer: p, repricing: r, progress: progress, inputs: inputs, pricer: pricing.NewPricer(inputs, p.Policies), moved: moved}
	err := p.Store.CountedResults(ctx, r, p.Partitions[progress.Partition], progress.Next, progress.End, func(c *StoredResult) error {
		w.page = append(w.page, *c)
		if len(w.page) < size {
			return nil
		}
		return w.price(ctx, w.page[len(w.page)-1].Record.Offset+1)
	})
	if err == nil {
		err = w.price(ctx, progress.End)
	}
	if err != nil {
		return fmt.Errorf("price partition %d again: %w", progress.Partition, errors.Join(err, context.Cause(ctx)))
	}
	return nil
}
