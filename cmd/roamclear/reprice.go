package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// repriceFlags are the flags of the reprice command besides the settings.
type repriceFlags struct {
	from, to, party, profile, run string
	format                        format
	restart, apply, quiet         bool
}

// newRepriceCmd prices stored CDRs again.
func newRepriceCmd() *cobra.Command {
	var f repriceFlags
	cmd := &cobra.Command{
		Use:   "reprice --from YYYY-MM [--to YYYY-MM]",
		Short: "Price stored CDRs again and report what would change",
		Long: `Price the stored CDRs of some months (of their end, UTC) again from their raw
bodies, with this version's engine and the tariffs, locations and partners known
now, and report what would change: by how much, in which rows of the settlement
report, and why. Nothing is overwritten.

A run is named by its months, party, profile and engine, or by --run. Stopped, the
same command goes on where it was; complete, it only reports again. --restart
begins it anew, to include CDRs, tariffs and partners that came since.

--apply makes what was reported count, after reporting it, whichever month it is
of: what a statement has of it already stays, and the next one has the difference.
The CDRs are priced again first: when partners, tariffs, locations or CDRs that
came since make them come to anything else than the run found, nothing is applied,
the difference is printed and the exit code is 1. The control log says first what
is replaced, by a digest; interrupted, the same command does what is left, and so
does any other with --apply or --restart, before its own. Applied again, nothing
changes. list shows what was applied.

It works beside a running service or without one.

Profiles: ` + profileNames() + `.`,
		Example: `  roamclear reprice --data data --from 2019-01 --to 2019-03
  roamclear reprice --data data --from 2019-01 --party GB/DUN --profile STEP_NONE --format json
  roamclear reprice --data data --from 2019-01 --to 2019-03 --apply
  roamclear reprice list --data data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := f.repricing()
			if err != nil {
				return &exitError{2, err}
			}
			c, err := configFrom(cmd)
			if err != nil {
				return err
			}
			var progress func(done, total int64)
			if !f.quiet {
				progress = repriceBar(cmd.ErrOrStderr())
			}
			return reprice(cmd.Context(), c, r, &f, cmd.OutOrStdout(), cmd.ErrOrStderr(), progress)
		},
	}
	configFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "first month, such as 2019-01")
	flags.StringVar(&f.to, "to", "", "last month (default the first)")
	flags.StringVar(&f.party, "party", "", "only CDRs of this CPO or eMSP, such as GB/DUN (default all)")
	flags.StringVar(&f.profile, "profile", "", "how the rules are read (default as each partner's policy says)")
	flags.StringVar(&f.run, "run", "", "name of the run (default made of what it prices)")
	f.format.register(cmd)
	flags.BoolVar(&f.restart, "restart", false, "begin the run anew")
	flags.BoolVar(&f.apply, "apply", false, "make the new results count")
	flags.BoolVar(&f.quiet, "quiet", false, "no progress bar")
	must(cmd.MarkFlagRequired("from"))
	completeProfile(cmd)
	cmd.AddCommand(newRepriceListCmd())
	return cmd
}

// maxRunName bounds the name of a run, in bytes.
const maxRunName = 200

// repricing checks the flags.
func (f *repriceFlags) repricing() (r settlement.Repricing, err error) {
	if f.to == "" {
		f.to = f.from
	}
	r.Run, r.Profile = f.run, f.profile
	if r.From, err = ocpi.ParseMonth(f.from); err != nil {
		return r, fmt.Errorf("--from: %w", err)
	}
	if r.To, err = ocpi.ParseMonth(f.to); err != nil {
		return r, fmt.Errorf("--to: %w", err)
	}
	if r.From.Compare(r.To) > 0 {
		return r, fmt.Errorf("--from %s is after --to %s", r.From, r.To)
	}
	if f.party != "" {
		var ok bool
		if r.Party, ok = ocpi.ParseParty(f.party); !ok {
			return r, fmt.Errorf("--party %q: want a country and a party, such as GB/DUN", f.party)
		}
	}
	if p, ok := tariff.ProfileByName(f.profile); !ok {
		return r, fmt.Errorf("--profile %q: want one of %s", f.profile, profileNames())
	} else if f.profile != "" {
		r.Profile = p.Name
	}
	if len(f.run) > maxRunName || !utf8.ValidString(f.run) {
		return r, fmt.Errorf("--run: %d bytes, want at most %d of UTF-8", len(f.run), maxRunName)
	}
	return r, nil
}

// reprice carries out one run on the log and the store of c. What of another run it had to
// finish first is told beside its report.
func reprice(ctx context.Context, c Config, r settlement.Repricing, f *repriceFlags, out, beside io.Writer, progress func(done, total int64)) (err error) {
	p, closeAll, err := openRepricer(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	p.Progress = progress
	p.Finished = func(run *settlement.AppliedRun, results int64) {
		fmt.Fprintf(beside, "finished the re-pricing %q: control record %d says that it was applied, and %d of its results were still to be replaced\n", run.Run, run.Offset, results) //nolint:errcheck // standard error
	}
	switch {
	case f.restart:
		err = p.Restart(ctx, r)
	case f.apply:
		err = p.Finish(ctx, r)
	}
	if err != nil {
		return err
	}
	report, err := p.Run(ctx, r)
	if err != nil {
		return err
	}
	if !f.format.json() {
		if err := printRepricing(out, report); err != nil {
			return err
		}
	}
	view := repriceView(report)
	if f.apply {
		var applied settlement.Application
		applied, err = p.Apply(ctx, r)
		if err != nil && !errors.Is(err, settlement.ErrDiffers) {
			return err
		}
		view.applied(&applied)
		if !f.format.json() {
			if err := printApplied(out, &applied); err != nil {
				return err
			}
		}
	}
	if f.format.json() {
		return errors.Join(err, writeJSON(out, view))
	}
	return err
}

// openRepricer opens log and store and folds what prices depend on.
func openRepricer(ctx context.Context, c Config) (_ *settlement.Repricer, closeAll func() error, err error) {
	b, closeBackends, err := openForVerify(ctx, &c)
	if err != nil {
		return nil, nil, err
	}
	in, err := followInputs(ctx, b, c.Roaming.issuers())
	if err != nil {
		return nil, nil, errors.Join(err, closeBackends())
	}
	if err := b.store.NoteIssuers(ctx, in.owned.Issuers); err != nil {
		in.close()
		return nil, nil, errors.Join(err, closeBackends())
	}
	return &settlement.Repricer{
		Store: b.store, Inputs: in.owned.View(), Policies: in.decisions.policies(), AsOf: in.at, Gate: gate{b.log, in.owned, in.decisions.machine},
		Partitions: b.log.Partitions(ingest.TopicCDRs), Log: in.decisions.repricings, By: clearing.ByLocal,
		Related: (&settlement.Relater{Store: b.store, Closings: in.decisions.agreements}).Again,
	}, func() error { in.close(); return closeBackends() }, nil
}

func repriceBar(w io.Writer) func(done, total int64) {
	bar := newBar(w, -1, "pricing again")
	return func(done, total int64) {
		bar.ChangeMax64(total)
		bar.Set64(done) //nolint:errcheck // a bar that cannot be drawn changes no result
	}
}
