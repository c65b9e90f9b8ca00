package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/batch"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// priceFlags are the flags of the price command.
type priceFlags struct {
	cdr, batch, zone, profile, version string
	format                             format
	tariffs                            []string
	expired, noCause                   bool
	scale                              uint8
	workers                            int
}

// newPriceCmd prices CDRs from files, without a service.
func newPriceCmd() *cobra.Command {
	var f priceFlags
	cmd := &cobra.Command{
		Use:   "price (--cdr FILE | --batch FILE) [--tariff FILE]...",
		Short: "Price a CDR, or a file of them, from its tariff",
		Long: `Price a CDR from its tariff and explain each cent, without a service.

--cdr FILE prices one CDR and prints its totals and their explanation; where the
CDR's own total differs, also which reading of the tariff gives it. The exit code
is 0 when the total agrees or there is none, 1 when it differs, 2 when the CDR
cannot be priced.

--batch FILE prices one JSON object a line,
  {"id", "version"?, "time_zone"?, "cdr", "tariffs"?, "reservation_expired"?, "profile"?}
and writes, in order, one a line,
  {"id", "total_cost": {"excl_vat", "incl_vat"}, "total_fixed_cost", "total_energy_cost",
   "total_time_cost", "total_parking_cost", "total_reservation_cost",
   "taxes": [{"name", "percentage", "amount"}], "claim", "reason"?, "cause"?, "findings", "error"?}
with amounts as decimal strings, null where unknown. Where a claim differs, cause
says why, as far as another reading of the tariff gives it,
  {"verdict", "readings": [{"code", "detail", "total_cost"}], "difference", "dimensions"}
and --no-cause leaves it out. A line that cannot be read has an error and the rest
go on; the exit code is 1 then, else 0.

FILE is "-" for standard input. The version of OCPI is recognised where it is not
given. Tariffs beside the CDR are used where it embeds none, or names one that it
does not embed. Without a time zone the CDR's own is used (2.1.1), else that of its
country if it has only one.

Profiles: ` + profileNames() + `.`,
		Example: `  roamclear price --cdr cdr.json
  roamclear price --cdr cdr.json --tariff tariff.json --time-zone Europe/Amsterdam --format json
  roamclear price --batch cdrs.jsonl > prices.jsonl
  zcat cdrs.jsonl.gz | roamclear price --batch - --scale 2`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			defaults, err := f.defaults(cmd)
			if err != nil {
				return &exitError{2, err}
			}
			if f.batch != "" {
				return f.stream(cmd, defaults)
			}
			return f.single(cmd, defaults)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.cdr, "cdr", "", "file with one CDR")
	flags.StringVar(&f.batch, "batch", "", "file with one object a line")
	flags.StringArrayVar(&f.tariffs, "tariff", nil, "file with a tariff, besides those in the CDR; may be repeated")
	flags.StringVar(&f.zone, "time-zone", "", "IANA time zone of the location, such as Europe/Amsterdam")
	flags.StringVar(&f.profile, "profile", "", "how the rules are read (default "+tariff.Default.Name+")")
	f.format.describe(cmd, "text or json (--cdr only)")
	flags.StringVar(&f.version, "ocpi", "", "version of OCPI: 2.1.1, 2.2.1 or 2.3.0 (--cdr only; default recognised)")
	flags.BoolVar(&f.expired, "reservation-expired", false, "whether the reservation expired (--cdr only; default inferred)")
	flags.Uint8Var(&f.scale, "scale", tariff.Default.Scale, "decimals of every amount, at most 12")
	flags.BoolVar(&f.noCause, "no-cause", false, "do not say why a claim differs (--batch only)")
	flags.IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "lines priced at a time (--batch only)")
	cmd.MarkFlagsOneRequired("cdr", "batch")
	for _, only := range []string{"format", "ocpi", "reservation-expired"} {
		cmd.MarkFlagsMutuallyExclusive("batch", only)
	}
	cmd.MarkFlagsMutuallyExclusive("cdr", "batch")
	cmd.MarkFlagsMutuallyExclusive("cdr", "workers")
	cmd.MarkFlagsMutuallyExclusive("cdr", "no-cause")
	must(cmd.MarkFlagFilename("cdr", "json"))
	complete(cmd, "ocpi", versionNames...)
	completeProfile(cmd)
	return cmd
}

// versionNames are the versions of OCPI that --ocpi takes.
var versionNames = []string{ocpi.V211.String(), ocpi.V221.String(), ocpi.V230.String()}

func profileNames() string {
	var names []string
	for _, p := range tariff.Profiles() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// completeProfile offers the shell the profiles, with what each does.
func completeProfile(cmd *cobra.Command) {
	var list []cobra.Completion
	for _, p := range tariff.Profiles() {
		list = append(list, cobra.CompletionWithDesc(p.Name, p.Means))
	}
	must(cmd.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)))
}

// defaults checks the flags and reads the tariffs.
func (f *priceFlags) defaults(cmd *cobra.Command) (d batch.Defaults, err error) {
	d.Scale, d.NoCause = f.scale, f.noCause
	if f.scale > ocpi.MaxNumberDecimals {
		return d, fmt.Errorf("--scale %d: want 0 to %d", f.scale, ocpi.MaxNumberDecimals)
	}
	var ok bool
	if d.Profile, ok = tariff.ProfileByName(f.profile); !ok {
		return d, fmt.Errorf("--profile %q: want one of %s", f.profile, profileNames())
	}
	if f.zone != "" {
		if d.Zone, err = tariff.LoadZone(f.zone); err != nil {
			return d, fmt.Errorf("--time-zone: %w", err)
		}
	}
	for _, name := range f.tariffs {
		raw, err := readInput(cmd, name)
		if err != nil {
			return d, err
		}
		d.Tariffs = append(d.Tariffs, raw)
	}
	return d, nil
}

// hints say what to do about a CDR that has no price.
var hints = map[string]error{
	tariff.ReasonNoTimeZone:    errors.New("no price: say where the charge took place, such as --time-zone Europe/Amsterdam"),
	tariff.ReasonUnknownTariff: errors.New("no price: give the tariff that the CDR names, --tariff FILE"),
}

// single prices one CDR.
func (f *priceFlags) single(cmd *cobra.Command, defaults batch.Defaults) error {
	raw, err := readInput(cmd, f.cdr)
	if err != nil {
		return &exitError{2, err}
	}
	r := batch.Request{CDR: raw}
	if f.version != "" {
		var ok bool
		if r.Version, ok = ocpi.ParseVersion(f.version); !ok {
			return &exitError{2, fmt.Errorf("--ocpi %q: want 2.1.1, 2.2.1 or 2.3.0", f.version)}
		}
	}
	if cmd.Flags().Changed("reservation-expired") {
		r.ReservationExpired = &f.expired
	}
	p := batch.NewPricer(defaults)
	write := p.WriteText
	if f.format.json() {
		write = p.WriteJSON
	}
	verdict, err := write(cmd.OutOrStdout(), &r)
	switch {
	case verdict == batch.Bad:
		return &exitError{2, fmt.Errorf("price %s: %w", f.cdr, err)}
	case err != nil:
		return fmt.Errorf("write price: %w", err)
	case verdict == batch.Unpriced:
		return &exitError{2, hints[p.Reason()]}
	case verdict == batch.Differs:
		return &exitError{code: 1}
	}
	return nil
}

// stream prices a file of lines. A line that cannot be read does not stop it, but
// it is a failure: what was asked for is not all there.
func (f *priceFlags) stream(cmd *cobra.Command, defaults batch.Defaults) error {
	in, err := openInput(cmd, f.batch)
	if err != nil {
		return &exitError{2, err}
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<20)
	counts, err := batch.Run(cmd.Context(), in, out, defaults, f.workers)
	if err = errors.Join(err, out.Flush(), in.Close()); err != nil {
		return fmt.Errorf("price %s: %w", f.batch, err)
	}
	cmd.PrintErrln(counts.String())
	if counts[batch.Bad] > 0 {
		return &exitError{code: 1}
	}
	return nil
}

// maxInput bounds a file that is read whole.
const maxInput = 64 << 20

// readInput reads a file, or standard input for "-".
func readInput(cmd *cobra.Command, name string) ([]byte, error) {
	in, err := openInput(cmd, name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(raw) > maxInput {
		return nil, fmt.Errorf("read %s: longer than %d MiB; give one CDR or tariff a file, or use --batch", name, maxInput>>20)
	}
	return raw, nil
}

func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err // says "open NAME: …"
	}
	return file, nil
}
