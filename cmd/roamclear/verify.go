package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/clickhouse"
	"github.com/roamclear/roamclear/settlement/statement"
)

// verifyFlags are the flags of the verify command besides the settings.
type verifyFlags struct {
	quiet  bool
	format format
}

func newVerifyCmd() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that nothing accepted was lost, counted twice or changed",
		Long: "verify walks log and store at one fixed position and proves conservation: every record is there once,\n" +
			"every accepted CDR is priced, rejected, a credit, a repeat or a conflict, exactly once, by its first copy or the one\n" +
			"that a person decided on, as the control log has it, and the sums agree\n" +
			"from the raw bodies through the results to the settlement report. Each statement that was issued is held against\n" +
			"its digest, the numbers and the chain of closes, and drawn again where engine, rules and results are those of then; each\n" +
			"claim has one place: issued, open, held, rejected or zeroed. Of each re-pricing that was applied it is proved that it\n" +
			"replaced what the control log says, and that it is finished. What the log no longer holds is held\n" +
			"against the checkpoint taken before it was trimmed; where there is no such checkpoint, it is told as unproven.\n" +
			"It works beside a running service or without one.\n\n" +
			"Exit code 0: all of it agrees. 1: what does not, or cannot be proved, is printed. 2: there is no installation.",
		Example: "  roamclear verify --data data\n  roamclear verify --data data --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := configFrom(cmd)
			if err != nil {
				return err
			}
			return verify(cmd.Context(), c, cmd.OutOrStdout(), cmd.ErrOrStderr(), &f)
		},
	}
	configFlags(cmd)
	cmd.Flags().BoolVar(&f.quiet, "quiet", false, "no progress bar")
	f.format.register(cmd)
	return cmd
}

func verify(ctx context.Context, c Config, out, progress io.Writer, f *verifyFlags) (err error) {
	b, closeBackends, err := openForVerify(ctx, &c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBackends()) }()

	in, err := followInputs(ctx, b, c.Roaming.issuers())
	if err != nil {
		return err
	}
	defer in.close()
	v := &settlement.Verifier{Log: ledgers{b.log}, Store: b.store, Inputs: in.owned.View(), Policies: in.decisions.policies(), Closings: in.decisions.agreements,
		Choices: choices{b, in.decisions}, Gate: gate{b.log, in.owned, in.decisions.machine}, Fold: foldOf(in.owned.Index)}
	if !f.quiet {
		v.Progress = progressBar(progress)
	}
	report, err := v.Verify(ctx)
	if err != nil {
		return err
	}
	proof, err := proveIssued(ctx, b, in.decisions)
	if err != nil {
		return err
	}
	applied, err := proveApplied(ctx, b, in.decisions)
	if err != nil {
		return err
	}
	proof.Faults = append(proof.Faults, applied.Faults...)
	if f.format.json() {
		if err := writeJSON(out, verifyView(report, proof, applied)); err != nil {
			return err
		}
	} else {
		printReport(out, report, proof, applied)
	}
	if !report.Proved() || len(proof.Faults) > 0 {
		return &exitError{code: 1}
	}
	return nil
}

// proofs is how often what was issued is proved anew where something does not add up: it
// proves nothing while results are changed beside it.
const proofs = 3

// proveIssued proves what closes issued, and that each claim has its place.
func proveIssued(ctx context.Context, b *backends, d *decisions) (proof *statement.Proof, err error) {
	if err := statement.Project(ctx, d.decided, b.store); err != nil { // what a process that died left
		return nil, err
	}
	for range proofs {
		p := statement.Prover{
			Books: b.store, Issues: b.store, Claims: b.store, Control: d.machine.Next(),
			Agreed: func(below int64) statement.Agreed { return agreedBelow{d, below} },
			Waiting: func(ctx context.Context, fn func(*clearing.Request) error) error {
				_, err := d.closes.Requests(ctx, 0, math.MaxInt, fn)
				return err
			},
		}
		p.Closings = func(ctx context.Context, fn func(*clearing.Closing) error) error {
			return d.closes.Closings(ctx, clearing.ClosingQuery{Below: p.Control}, fn)
		}
		if p.Below, err = b.store.CDRCheckpoints(ctx); err != nil {
			return nil, err
		}
		if proof, err = p.Prove(ctx); err != nil || len(proof.Faults) == 0 {
			return proof, err
		}
	}
	return proof, nil
}

// proveApplied proves which results re-pricings that were applied replaced.
func proveApplied(ctx context.Context, b *backends, d *decisions) (proof *settlement.AppliedProof, err error) {
	for range proofs { // one may be applied meanwhile
		if err := d.machine.CatchUp(ctx); err != nil {
			return nil, err
		}
		all := func(fn func(*settlement.AppliedRun) error) error { return d.repricings.Applied(ctx, 0, fn) }
		if proof, err = settlement.ProveApplied(ctx, all, b.store); err != nil || len(proof.Faults) == 0 {
			return proof, err
		}
	}
	return proof, nil
}

// foldOf folds objects of every kind.
func foldOf(index *reference.Index) settlement.FoldFunc {
	folds := map[ingest.Object]objects.Fold{}
	for _, f := range append(index.Folds(), otherFolds(objects.Sessions{}, objects.Commands{})...) {
		folds[f.Kind()] = f
	}
	return func(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
		f := folds[r.Object]
		if f == nil {
			return nil, ingest.ErrUnknownObject
		}
		return f.Apply(old, r)
	}
}

// openForVerify opens the backends itself when no service has the data
// directory, and else connects to those of the service that has it. It makes
// no installation where there is none.
func openForVerify(ctx context.Context, c *Config) (*backends, func() error, error) {
	quiet := slog.New(slog.DiscardHandler)
	dir, err := openInstallation(c)
	var inUse *exitError
	switch {
	case errors.As(err, &inUse) && inUse.code == exitInUse:
		running, readErr := readService(c.Data)
		if readErr != nil {
			return nil, nil, fmt.Errorf("%w; and it does not say where its backends are: %w", err, readErr)
		}
		c.connectLike(&running)
	case err != nil:
		return nil, nil, err
	}
	certs, b := &certificates{}, (*backends)(nil)
	if err = certs.openServers(c, quiet); err == nil {
		b, err = openBackends(ctx, c, dir, certs, quiet, prometheus.NewRegistry())
	}
	if err != nil {
		if dir != nil {
			err = errors.Join(err, dir.Close())
		}
		return nil, nil, err
	}
	return b, func() error {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		errs := b.Close(closing)
		if dir != nil {
			errs = errors.Join(errs, dir.Close())
		}
		return errs
	}, nil
}

// connectLike has what connects by these settings reach what a running service does.
func (c *Config) connectLike(running *serviceInfo) {
	login, store := running.Kafka.Login, running.ClickHouse
	c.Kafka.Brokers, c.Kafka.Prefix, c.Kafka.TLS = running.Brokers, running.Kafka.Prefix, running.Kafka.TLS
	c.Kafka.SASL = SASLConfig{Mechanism: login.Mechanism, User: login.User, Password: secret{Text: login.Password}}
	c.Store.Addr, c.Store.TLS, c.Store.Database, c.Store.User, c.Store.Password = store.Addr, store.TLS, store.Database, store.User, secret{Text: store.Password}
}

// openInstallation takes the data directory if what is embedded is in it. It is
// nil, and not needed, when log and store are on servers.
func openInstallation(c *Config) (*dataDir, error) {
	var needed []string
	if len(c.Kafka.Brokers) == 0 {
		needed = append(needed, "log")
	}
	if len(c.Store.Addr) == 0 {
		needed = append(needed, "store")
	}
	if len(needed) == 0 {
		return nil, nil
	}
	if err := hasAll(c.Data, "lock"); err != nil {
		return nil, err
	}
	dir, err := openDataDir(c.Data)
	if err != nil {
		return nil, err
	}
	if err := hasAll(c.Data, needed...); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// hasAll refuses a directory that lacks one of the names.
func hasAll(dir string, names ...string) error {
	for _, name := range names {
		path := filepath.Join(dir, name)
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return &exitError{exitUsage, fmt.Errorf("no installation in %s, there is no %s: name its directory with --data, or its servers with --kafka.brokers and --clickhouse.addr", dir, path)}
		}
		if err != nil {
			return fmt.Errorf("look for an installation: %w", err)
		}
	}
	return nil
}

// ledgers reads what each topic's group committed last.
type ledgers struct{ *kafka.Log }

// Ledger implements settlement.VerifyLog.
func (l ledgers) Ledger(ctx context.Context, p ingest.Partition) (ingest.Ledger, error) {
	spec, _ := p.Topic.Spec()
	offsets, err := l.Committed(ctx, spec.Group, p.Topic)
	if err != nil {
		return ingest.Ledger{}, err
	}
	o, ok := offsets[p]
	if !ok || o.Next < 0 {
		return ingest.Ledger{}, nil
	}
	return ingest.ParseLedger(o.Metadata, o.Next)
}

var _ settlement.VerifyStore = (*clickhouse.Store)(nil)

func progressBar(w io.Writer) func(ingest.Partition, int64, int64) {
	var bar *progressbar.ProgressBar
	current := ""
	return func(p ingest.Partition, done, total int64) {
		if name := p.String(); name != current {
			current = name
			bar = newBar(w, total, name)
		}
		bar.Set64(done) //nolint:errcheck // a bar that cannot be drawn changes no result
	}
}

func editionsText(e clearing.Editions) string {
	return fmt.Sprintf("engine %s, time zones %s, rules %s", e.Engine, e.ZoneDB, cmp.Or(e.Rules, "of before these had an edition"))
}

func printReport(w io.Writer, r *settlement.Report, s *statement.Proof, a *settlement.AppliedProof) {
	var lines []any
	p := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	p("records   %d walked: %d against the log, %d against the checkpoint taken before it was trimmed", r.Records, r.Records-r.TrimmedProven-r.Unproven, r.TrimmedProven)
	p("cdrs      %d: %d priced, %d rejected, %d credits; beside them %d repeats, %d conflicts", r.CDRs, r.Priced, r.Rejected, r.Credits, r.Repeats, r.Conflicts)
	if r.Chosen > 0 {
		p("copies    of %d CDRs another copy counts than the first, as people decided", r.Chosen)
	}
	p("relations %d credits held against the CDRs they credit", r.Related)
	p("report    %d settlement rows, compared with sums over raw bodies and results", r.Rows)
	p("claims    each of %d CDRs has one place, in %d pairs and currencies", s.CDRs, s.Places)
	if s.Closes > 0 {
		p("issued    %d statements of %d closes, %d lines: as they were issued, their numbers without a gap; %d came to the same when drawn again, of the others digests were compared",
			s.Statements, s.Closes, s.Lines, s.Again)
	}
	for i := range s.Otherwise {
		o := &s.Otherwise[i]
		p("editions  %d statements of %d closes (control records %d to %d) were drawn by %s, and not by %s: their digests alone were compared",
			o.Statements, o.Closes, o.First, o.Last, editionsText(o.Editions), editionsText(clearing.RunningEditions()))
	}
	if s.Requests > 0 {
		p("requests  %d closes wait for their approval: their %d lines are as they were written, and count nowhere", s.Requests, s.RequestLines)
	}
	if a.Runs > 0 {
		p("repriced  %d results by %d re-pricings that were applied: as the control log says; %d of them were replaced by others since", a.CDRs, a.Runs, a.Since)
	}
	if r.Ahead > 0 {
		p("ahead     %d records are in the log and not yet in the store: not part of this proof", r.Ahead)
	}
	if r.ChosenAhead > 0 {
		p("ahead     of %d CDRs another copy is to count, as people decided, and is not priced yet: not part of this proof", r.ChosenAhead)
	}
	if r.RelationsAhead > 0 {
		p("ahead     the relations of %d credits are not found yet: not part of this proof", r.RelationsAhead)
	}
	if r.Doubled > 0 {
		p("doubled   %d physical rows left by replays, counted once everywhere", r.Doubled)
	}
	for _, d := range r.Disagreements {
		p("DISAGREES %s", d)
	}
	if r.Omitted > 0 {
		p("DISAGREES … and %d more", r.Omitted)
	}
	for _, fault := range s.Faults {
		p("DISAGREES %s", fault)
	}
	if s.More > 0 {
		p("DISAGREES … and %d more of what was issued or claimed", s.More)
	}
	if r.Missing > 0 {
		p("missing   %d bodies we could not use were let go of by the log before they were stored", r.Missing)
	}
	if r.Expired > 0 {
		p("expired   %d bodies we could not use are no longer kept", r.Expired)
	}
	if r.Unproven > 0 {
		p("UNPROVEN  %d records are no longer in the log, and no checkpoint counts them: the groups' commits are gone or were made anew; put them back, with the log they belong to, from a backup", r.Unproven)
	}
	if r.Proved() && len(s.Faults) == 0 {
		p("verified  log, store and report agree to the last decimal")
	}
	for _, l := range lines {
		fmt.Fprintln(w, l) //nolint:errcheck // a terminal that went away changes no result
	}
}
