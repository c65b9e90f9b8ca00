package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// checkFlags are the flags of the check command.
type checkFlags struct {
	service                             serviceFlags
	kind, version, party, zone, profile string
	tariffs                             []string
	format                              format
}

// checkedFile is what would become of one object of one file.
type checkedFile struct {
	File string `json:"file"`
	*report.Preflown
}

// newCheckCmd says what this receiver would answer, without sending anything.
func newCheckCmd() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what a receiver would answer to a CDR, Session, Location or Tariff, and what it is priced at",
		Long: `Say what roamclear would answer if a partner pushed a CDR, Session, Location or
Tariff: the OCPI status, what is wrong with it, what is found in it; and what a CDR
would be priced at, explained to the cent, with the reading of the tariff that gives
its claim where that differs. The same code judges and prices what is pushed; here
nothing is stored and nothing counted.

A FILE holds one object or an array of them, "-" is standard input. What it is, is told
by its members, or by --kind. --ocpi is the version it would be pushed in. An object of
OCPI 2.1.1 does not say whose it is: --party does.

Alone it knows no partners, and no tariffs but those in a CDR and those of --tariff.
With --data or --url a running service is asked, by what it knows: its partners and
what they are refused by agreement, and its tariffs, Locations and Tokens. An API key
in ` + apiKeyVariable + ` (of scope finance:read) opens it too, else it is the admin token.

"price" prices many CDRs fast, "lint" says more of a tariff.

The exit code is 0 when all are accepted, nothing serious is found, and each CDR has a
price that agrees with its claim or makes none; 1 when not; 2 when a file cannot be read.`,
		Example: `  roamclear check cdr.json
  roamclear check --tariff tariff.json --time-zone Europe/Amsterdam cdr.json
  roamclear check --ocpi 2.1.1 --party NL*TNM --format json cdrs.json
  roamclear check --data data session.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error { return f.run(cmd, files) },
	}
	flags := cmd.Flags()
	f.service.register(cmd)
	f.format.register(cmd)
	flags.StringVar(&f.kind, "kind", "", "what it is: "+strings.Join(report.PreflightKinds(), ", ")+" (default told by its members)")
	flags.StringVar(&f.version, "ocpi", ocpi.V221.String(), "version of OCPI that it would be pushed in: 2.1.1, 2.2.1 or 2.3.0")
	flags.StringVar(&f.party, "party", "", "whose it is where it does not say so, such as NL*TNM")
	flags.StringArrayVar(&f.tariffs, "tariff", nil, "file with a tariff that would be known, besides those in the CDR; may be repeated (alone only)")
	flags.StringVar(&f.zone, "time-zone", "", "IANA time zone of the Location, such as Europe/Amsterdam (alone only)")
	flags.StringVar(&f.profile, "profile", "", "how the rules are read (alone only; default "+tariff.Default.Name+")")
	complete(cmd, "kind", report.PreflightKinds()...)
	complete(cmd, "ocpi", versionNames...)
	completeProfile(cmd)
	must(cmd.RegisterFlagCompletionFunc("party", completeParty(&f.service)))
	return cmd
}

func (f *checkFlags) run(cmd *cobra.Command, files []string) error {
	q, err := f.query()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	look, err := f.looks(cmd, q)
	if err != nil {
		return err
	}
	checked, sound := []checkedFile{}, true
	var unread error
	for _, name := range files {
		raw, err := readInput(cmd, name)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		for _, object := range elementsIn(raw) {
			v, err := look(cmd.Context(), object)
			if err != nil {
				err = fmt.Errorf("check %s: %w", name, err)
				if _, wrong := errors.AsType[*rest.Error](err); wrong { // nobody can tell what it is
					return &exitError{exitUsage, err}
				}
				return err
			}
			checked, sound = append(checked, checkedFile{name, v}), sound && v.Sound()
		}
	}
	if err := f.print(cmd, checked); err != nil {
		return fmt.Errorf("write what was found: %w", err)
	}
	switch {
	case unread != nil:
		return &exitError{exitUsage, unread}
	case !sound:
		return &exitError{code: 1}
	}
	return nil
}

// query reads what the flags say of every object.
func (f *checkFlags) query() (q report.PreflightQuery, err error) {
	if q.Kind, err = report.PreflightKind(f.kind); err != nil {
		return q, fmt.Errorf("--%w", err)
	}
	var ok bool
	if q.Version, ok = ocpi.ParseVersion(f.version); !ok {
		return q, fmt.Errorf("--ocpi %q: want 2.1.1, 2.2.1 or 2.3.0", f.version)
	}
	if f.party == "" {
		return q, nil
	}
	if q.Party, ok = ocpi.ParseParty(f.party); !ok {
		return q, fmt.Errorf("--party %q: want country and party id, such as NL*TNM", f.party)
	}
	return q, nil
}

// looks returns what looks at an object: the service that the flags name, else this
// process alone.
func (f *checkFlags) looks(cmd *cobra.Command, q report.PreflightQuery) (func(ctx context.Context, object []byte) (*report.Preflown, error), error) {
	flags := cmd.Flags()
	asked := flags.Changed("data") || flags.Changed("url") || os.Getenv(urlVariable) != ""
	if !asked {
		alone, err := f.alone(cmd, q)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		return func(ctx context.Context, object []byte) (*report.Preflown, error) {
			q.Body = object
			return alone.Look(ctx, q)
		}, nil
	}
	for _, name := range []string{"tariff", "time-zone", "profile"} {
		if flags.Changed(name) {
			return nil, wrongUsage("--%s: a service goes by what it knows; leave it out, or --data and --url", name)
		}
	}
	c, err := f.service.keyClient()
	if err != nil {
		return nil, err
	}
	params := url.Values{}
	for name, value := range map[string]string{"kind": f.kind, "party": f.party} {
		if value != "" {
			params.Set(name, value)
		}
	}
	return func(ctx context.Context, object []byte) (*report.Preflown, error) {
		answer, _, err := c.send(ctx, http.MethodPost, "/check?"+params.Encode(), bytes.NewReader(object), http.Header{"Ocpi-Version": {q.Version.String()}})
		if err != nil {
			return nil, err
		}
		v := &report.Preflown{}
		return v, json.Unmarshal(answer, v)
	}, nil
}

func (f *checkFlags) print(cmd *cobra.Command, checked []checkedFile) error {
	out := cmd.OutOrStdout()
	if f.format.json() {
		return writeJSON(out, checked)
	}
	for i, c := range checked {
		if i > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		owner := ""
		if c.Owner != nil {
			owner = *c.Owner + " "
		}
		if _, err := fmt.Fprintf(out, "%s: %s %s%s, OCPI %s\n", c.File, c.Object, owner, printable(cmp.Or(c.ID, "without an id")), c.Version); err != nil {
			return err
		}
		if err := c.WriteText(out); err != nil {
			return err
		}
	}
	return nil
}
