package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/spf13/cobra"
)

// newStatementCmd shows what pairs owe each other.
func newStatementCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "statement",
		Short: "Show what an eMSP owes a CPO for a period, and hold it against what they have",
		Long: `Statements of a running service: what an eMSP owes a CPO for a period, in one
currency, line by line. Until a period is closed they are drafts: what a close would
issue now, by what is stored and agreed.

Their form is such that a partner who holds the same CDRs, agreement and decisions
computes the same bytes: see docs/statement.md.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newStatementListCmd(&service), newStatementShowCmd(&service), newStatementExportCmd(&service), newStatementCompareCmd(&service))
	return cmd
}

// statementFlags name statements.
type statementFlags struct {
	scopeFlags
	period   monthFlag
	currency string
}

func (f *statementFlags) register(cmd *cobra.Command, service *serviceFlags, one bool) {
	f.scopeFlags.register(cmd, service, "all its pairs", "all pairs")
	cmd.Flags().Var(&f.period, "period", "the period, such as 2019-06")
	cmd.Flags().StringVar(&f.currency, "currency", "", "the currency, such as EUR")
	must(cmd.MarkFlagRequired("period"))
	if one {
		for _, name := range []string{"cpo", "emsp", "currency"} {
			must(cmd.MarkFlagRequired(name))
		}
	}
}

func (f *statementFlags) query() string {
	q := f.add(url.Values{"period": {f.period.String()}})
	if f.currency != "" {
		q.Set("currency", f.currency)
	}
	return q.Encode()
}

func newStatementListCmd(service *serviceFlags) *cobra.Command {
	var of statementFlags
	cmd := newShowCmd(service, &cobra.Command{
		Use: "list --period MONTH [--cpo CC*ID] [--emsp CC*ID] [--currency CODE]", Short: "List the statements of a period, with what is held",
		Example: "  roamclear statement list --period 2019-06 --data data\n  roamclear statement list --period 2019-06 --cpo NL*TNM --format json",
		Args:    cobra.NoArgs,
	}, func([]string) string { return "/statements?" + of.query() }, statementRows)
	of.register(cmd, service, false)
	return cmd
}

// statementList is the answer of GET /admin/v1/statements.
type statementList struct {
	Statements []rest.StatementRow `json:"statements"`
}

func statementRows(list *statementList) [][]string {
	rows := [][]string{{"CPO", "EMSP", "PERIOD", "CURRENCY", "LINES", "KWH", "NET", "TAX", "PAYABLE", "BY", "HELD", "CLAIM", "REJECTED", "CLAIM", ""}}
	for _, s := range list.Statements {
		what := "draft"
		if s.Issued {
			what = "issued as " + orDash(s.Number)
			if s.DueOn != nil {
				what += ", due " + *s.DueOn
			}
		}
		if s.Problem != nil {
			what = *s.Problem
		}
		rows = append(rows, []string{s.CPO, s.EMSP, s.Period, s.Currency, fmt.Sprint(s.Lines), s.KWh, s.Net, orDash(s.Tax), orDash(s.Payable), orDash(s.Debtor),
			fmt.Sprint(s.Held.Count), s.Held.Claimed, fmt.Sprint(s.Rejected.Count), s.Rejected.Claimed, what})
	}
	return rows
}

// orDash is a text, or a dash for what is not known.
func orDash(s *string) string {
	if s == nil {
		return "–"
	}
	return *s
}

func newStatementShowCmd(service *serviceFlags) *cobra.Command {
	var of statementFlags
	var f choice
	cmd := &cobra.Command{
		Use:   "show --cpo CC*ID --emsp CC*ID --period MONTH --currency CODE",
		Short: "Write one statement: its canonical form, or a table",
		Long: `Write one statement to standard output, in its canonical form, or as CSV: its envelope
(number, dates, names, digest), then its lines with what a partner needs to look them up.
Standard error says whether it is a draft, its digest, and when it is due.`,
		Example: `  roamclear statement show --cpo NL*TNM --emsp DE*EMP --period 2019-06 --currency EUR
  roamclear statement show --cpo NL*TNM --emsp DE*EMP --period 2019-06 --currency EUR --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			return showStatement(cmd, c, &of, f.value)
		},
	}
	of.register(cmd, service, true)
	f.register(cmd, "format", "json or csv", "json", "csv")
	return cmd
}

func showStatement(cmd *cobra.Command, c *adminClient, of *statementFlags, format string) error {
	file, said, err := fetchStatement(cmd.Context(), c, of.query(), format)
	if err != nil {
		return fmt.Errorf("%s statement: %w", cmd.Name(), err)
	}
	cmd.PrintErrln(said)
	_, err = cmd.OutOrStdout().Write(file)
	return err
}

// fetchStatement returns one statement as it is answered, and what it is in words.
func fetchStatement(ctx context.Context, c *adminClient, query, format string) (file []byte, said string, err error) {
	file, header, err := c.ask(ctx, http.MethodGet, "/statements/file?"+query, nil, map[string]string{"json": "application/json", "csv": "text/csv"}[format])
	if err != nil {
		return nil, "", err
	}
	what := header.Get(rest.HeaderStatement)
	switch what {
	case "draft":
		what = "draft: what a close now would issue"
	case "issued":
		what = "issued as " + header.Get(rest.HeaderNumber)
	}
	what += ", SHA-256 " + header.Get(rest.HeaderDigest)
	if at := header.Get(rest.HeaderIssuedAt); at != "" {
		what += ", issued " + at
	}
	if due := header.Get(rest.HeaderDueOn); due != "" {
		what += ", due " + due
	}
	return file, what, nil
}

func newStatementExportCmd(service *serviceFlags) *cobra.Command {
	var of statementFlags
	var dir string
	var f choice
	cmd := &cobra.Command{
		Use:   "export --period MONTH --to DIR [--cpo CC*ID] [--emsp CC*ID] [--currency CODE] | export --cpo CC*ID --emsp CC*ID --period MONTH --currency CODE",
		Short: "Write the statements of a period, a file each",
		Long: `Write the canonical form of all statements of a period that have a line to files of a
folder, which is made where it is not there: the evidence to keep outside the store.
Files of the same name are replaced; other files of the folder stay, and are named on
standard error. Without --to one statement goes to standard output,
as "show" has it.`,
		Example: `  roamclear statement export --period 2019-06 --to statements/2019-06 --data data
  roamclear statement export --cpo NL*TNM --emsp DE*EMP --period 2019-06 --currency EUR > statement.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" && (of.cpo == "" || of.emsp == "" || of.currency == "") {
				return wrongUsage("give --to, a folder for all statements of the period, or --cpo, --emsp and --currency of one")
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			if dir == "" {
				return showStatement(cmd, c, &of, f.value)
			}
			var list statementList
			if err := c.do(cmd.Context(), http.MethodGet, "/statements?"+of.query(), nil, &list); err != nil {
				return fmt.Errorf("export statements: %w", err)
			}
			return exportStatements(cmd, c, &list, dir, f.value)
		},
	}
	of.register(cmd, service, false)
	cmd.Flags().StringVar(&dir, "to", "", "the folder")
	must(cmd.MarkFlagDirname("to"))
	f.register(cmd, "format", "json or csv", "json", "csv")
	return cmd
}

// exportStatements writes the statements of a list that have lines to a folder, and says
// which files of it are not theirs: of an earlier export, say, that had one more.
func exportStatements(cmd *cobra.Command, c *adminClient, list *statementList, dir, format string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var problems error
	written := map[string]bool{}
	for _, s := range list.Statements {
		if s.Problem != nil {
			problems = errors.Join(problems, errors.New(*s.Problem))
		}
		if s.Lines == 0 {
			continue
		}
		q := url.Values{"cpo": {s.CPO}, "emsp": {s.EMSP}, "period": {s.Period}, "currency": {s.Currency}}
		file, said, err := fetchStatement(cmd.Context(), c, q.Encode(), format)
		if err != nil {
			return fmt.Errorf("export the statement of %s to %s in %s: %w", s.CPO, s.EMSP, s.Currency, err)
		}
		cpo, _ := ocpi.ParseParty(s.CPO)
		emsp, _ := ocpi.ParseParty(s.EMSP)
		period, _ := ocpi.ParseMonth(s.Period)
		name := rest.StatementName(cpo, emsp, period, s.Currency) + "." + format
		path := filepath.Join(dir, name)
		if err := writeWhole(path, file); err != nil {
			return err
		}
		written[name] = true
		cmd.PrintErrf("%s: %s\n", path, said)
	}
	others, err := otherFiles(dir, written)
	for _, name := range others {
		cmd.PrintErrf("%s: not of this export\n", filepath.Join(dir, name))
	}
	return errors.Join(problems, err)
}

// otherFiles are the files of a folder that were not written, in order.
func otherFiles(dir string, written map[string]bool) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() && !written[e.Name()] {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// writeWhole writes a file that is there as a whole, or as it was.
func writeWhole(path string, content []byte) error {
	part := path + ".part"
	if err := os.WriteFile(part, content, 0o644); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// printable is a text as it is, or quoted where a terminal would do something by it.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
