package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
)

// lintFlags are the flags of the lint command.
type lintFlags struct {
	version, failOn string
	format          format
	explain         bool
}

// lintedFile is what was found in one tariff of one file.
type lintedFile struct {
	File string `json:"file"`
	lint.Report
}

// newLintCmd checks tariffs, without a service.
func newLintCmd() *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Find what makes a tariff unpriceable, ambiguous or surprising",
		Long: `Find what makes a tariff unpriceable, ambiguous or surprising: prices that can
never apply, hours without a price, limits that never bite, wrong units, slips of
the pen. Each finding says what it means for the price and how to mend it.

A FILE holds one OCPI tariff or an array of them, "-" is standard input. The
version of OCPI is recognised where it is not given.

The exit code is 0 when nothing of the severity of --fail-on or above was found,
1 when it was, 2 when a file cannot be read.`,
		Example: `  roamclear lint tariff.json
  roamclear lint --explain tariff.json
  roamclear lint --format json --fail-on warning tariffs/*.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error { return f.run(cmd, files) },
	}
	flags := cmd.Flags()
	f.format.register(cmd)
	flags.StringVar(&f.version, "ocpi", "", "version of OCPI: 2.1.1, 2.2.1 or 2.3.0 (default recognised)")
	flags.StringVar(&f.failOn, "fail-on", "serious", "lowest severity that fails: info, warning or serious")
	complete(cmd, "ocpi", versionNames...)
	complete(cmd, "fail-on", "info", "warning", "serious")
	flags.BoolVar(&f.explain, "explain", false, "print the tariff as a price list too")
	return cmd
}

func (f *lintFlags) run(cmd *cobra.Command, files []string) error {
	var version ocpi.Version
	var failOn ocpi.Severity
	if f.version != "" {
		var ok bool
		if version, ok = ocpi.ParseVersion(f.version); !ok {
			return &exitError{2, fmt.Errorf("--ocpi %q: want 2.1.1, 2.2.1 or 2.3.0", f.version)}
		}
	}
	if err := failOn.UnmarshalText([]byte(f.failOn)); err != nil {
		return &exitError{2, fmt.Errorf("--fail-on: %w", err)}
	}
	read := lint.Tariff
	if f.explain {
		read = lint.Explained
	}
	linted := []lintedFile{}
	var unread error
	for _, name := range files {
		raw, err := readInput(cmd, name)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		for _, tariff := range elementsIn(raw) {
			linted = append(linted, lintedFile{name, read(tariff, version)})
		}
	}
	if err := f.print(cmd, linted); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	if unread != nil {
		return &exitError{2, unread}
	}
	if slices.ContainsFunc(linted, func(l lintedFile) bool {
		worst, found := l.Worst()
		return found && worst >= failOn
	}) {
		return &exitError{code: 1}
	}
	return nil
}

// elementsIn returns the objects of a file: the elements of an array, else the
// file as it is.
func elementsIn(raw []byte) [][]byte {
	if text := bytes.TrimSpace(raw); len(text) == 0 || text[0] != '[' {
		return [][]byte{raw}
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return [][]byte{raw} // whoever reads it says what is wrong with it
	}
	elements := make([][]byte, len(list))
	for i := range list {
		elements[i] = list[i]
	}
	return elements
}

func (f *lintFlags) print(cmd *cobra.Command, linted []lintedFile) error {
	out := cmd.OutOrStdout()
	if f.format.json() {
		return writeJSON(out, linted)
	}
	for i := range linted {
		if i > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		name := linted[i].Tariff
		if name == "" {
			name = "without an id"
		}
		if _, err := fmt.Fprintf(out, "%s: tariff %s, OCPI %s\n", linted[i].File, name, linted[i].Version); err != nil {
			return err
		}
		if err := linted[i].WriteText(out); err != nil {
			return err
		}
	}
	return nil
}
