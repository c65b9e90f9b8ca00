package settlement

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// Adoption is a decision that a copy of a CDR is to count, which was not the one that does,
// and that is not carried out yet.
type Adoption struct {
	Key        ocpi.Key
	Control    int64         // of its control record
	Record     ingest.Record // the copy that is to count
	Stands     bool          // it counts already, and all that it is found by says so
	Generation uint16        // of the result that counts, of whichever copy
}

// Copies are those of a CDR, and which of them counts.
type Copies struct {
	All        []Copy           // the one that counts first, the others as they came
	First      ingest.Position  // of all that came: it counts unless a person chose another one
	Pending    *ingest.Position // the copy that is to count, as was decided, and does not yet; else nil
	Generation uint16           // of the result that counts
}

// Counts is the copy that counts.
func (c *Copies) Counts() *Copy { return &c.All[0] }

// AdoptionStore has other copies of CDRs count.
type AdoptionStore interface {
	// Adoptions returns what is to be carried out of a partition's CDRs, of each the last
	// decision, in the order of these; of more than limit, and of more than fit in memory,
	// the first.
	Adoptions(ctx context.Context, p ingest.Partition, limit int) ([]Adoption, error)
	// WriteAdopted stores results of copies that do not count, each with a Generation
	// above that of the one which does, and has them count: lists and reports have these
	// copies from then on. After an interruption they are to be written again, with
	// another Generation: Adoptions says so.
	WriteAdopted(ctx context.Context, p ingest.Partition, rows []pricing.Row) error
	// NoteAdopted notes that decisions are carried out.
	NoteAdopted(ctx context.Context, p ingest.Partition, list []Adoption) error
}

// Adopter carries out decisions about which copy of a CDR counts. The copy is priced as a
// CDR is that came now, by what is known; its result takes the place of the one that
// counted. It may die anywhere, and begin anew.
type Adopter struct {
	Store    AdoptionStore
	Gate     pricing.Gate
	Inputs   pricing.Inputs
	Policies pricing.Policies
	// Known has the store know all decisions that are in the control log by now.
	Known func(ctx context.Context) error
	// Related is told of CDRs whose content is another one now. See [Relater.Changed].
	Related func(ctx context.Context, keys []ocpi.Key) error
	Logger  *slog.Logger
}

const adoptPage = 100

// Run carries out what is decided of a partition's CDRs until ctx ends. causes counts
// control records.
func (a *Adopter) Run(ctx context.Context, p ingest.Partition, causes func() uint64) error {
	inputs := pricing.Own(a.Inputs)
	pricer := pricing.NewPricer(inputs, a.Policies)
	ingest.Sweep(ctx, causes, func(ctx context.Context) (bool, error) {
		return false, a.once(ctx, p, inputs, pricer)
	}, func(err error) {
		a.Logger.Warn("have other copies of CDRs count", "partition", p, "error", err)
	})
	return nil
}

func (a *Adopter) once(ctx context.Context, p ingest.Partition, in pricing.Inputs, pricer *pricing.Pricer) error {
	at, err := a.Gate.CatchUp(ctx)
	if err != nil {
		return fmt.Errorf("wait for tariffs, locations and partners: %w", err)
	}
	if err := a.Known(ctx); err != nil {
		return err
	}
	for {
		list, err := a.Store.Adoptions(ctx, p, adoptPage)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := a.carryOut(ctx, p, list, at, in, pricer); err != nil {
			return fmt.Errorf("have other copies of %d CDRs count: %w", len(list), err)
		}
	}
}

func (a *Adopter) carryOut(ctx context.Context, p ingest.Partition, list []Adoption, at pricing.AsOf, in pricing.Inputs, pricer *pricing.Pricer) error {
	var rows []pricing.Row
	var keys []ocpi.Key
	for i := range list {
		of := &list[i]
		keys = append(keys, of.Key)
		switch {
		case of.Stands:
			continue
		case of.Generation == pricing.MaxGeneration:
			a.Logger.Error("another copy of a CDR cannot count: its result was replaced as often as can be", "cdr", of.Key, "copy", of.Record.Position, "times", pricing.MaxGeneration)
			continue
		}
		var row pricing.Row
		err := pricing.Gather(ctx, in, 1, func(int) bool {
			pricer.Price(&of.Record, &row, at)
			return true
		})
		if err != nil {
			return fmt.Errorf("read old versions of tariffs: %w", err)
		}
		row.Generation = of.Generation + 1
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		if err := a.Store.WriteAdopted(ctx, p, rows); err != nil {
			return err
		}
	}
	if err := a.Related(ctx, keys); err != nil {
		return err
	}
	if err := a.Store.NoteAdopted(ctx, p, list); err != nil {
		return err
	}
	for i := range rows {
		a.Logger.Info("another copy of a CDR counts now, as was decided", "cdr", rows[i].Record.Key, "copy", rows[i].Record.Position)
	}
	return nil
}
