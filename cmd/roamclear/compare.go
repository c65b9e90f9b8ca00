package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/spf13/cobra"
)

func newStatementCompareCmd(service *serviceFlags) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "compare FILE",
		Short: "Hold a partner's statement against what is here",
		Long: `Hold a statement, in its canonical form, against the one of the same parties, period
and currency here. Exit code 0: the same bytes. 1: they differ; lines that only one has,
and what differs in the others, are listed, each with the reason as far as it is known
here: not received, came after the close, another copy counts, held or rejected and by
whom, of another debtor, currency or statement, another price, another agreement. 2: FILE is
no statement; where, is said.`,
		Example: "  roamclear statement compare NL-TNM_DE-EMP_2019-06_EUR.json --data data",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			theirs, raw, err := readStatement(args[0])
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("%s is no statement: %w", args[0], err)}
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			q := url.Values{"cpo": {theirs.CPO.String()}, "emsp": {theirs.EMSP.String()}, "period": {theirs.Period.String()}, "currency": {theirs.Currency}}
			file, said, err := fetchStatement(cmd.Context(), c, q.Encode(), "json")
			if errors.Is(err, errNothingThere) || errors.Is(err, errPeriodClosed) { // then each line of the file is missing here
				cmd.PrintErrf("here: %v\n", err)
				none := *theirs
				none.Lines = nil
				return differs(cmd, c, &f, &none, theirs)
			}
			if err != nil {
				return fmt.Errorf("compare with the statement here: %w", err)
			}
			cmd.PrintErrf("here: %s\n", said)
			if bytes.Equal(file, raw) {
				cmd.PrintErrln("the same, byte for byte")
				return nil
			}
			ours, err := statement.Parse(bytes.NewReader(file))
			if err != nil {
				return fmt.Errorf("the answer of %s is no statement: %w", c.url, err)
			}
			return differs(cmd, c, &f, ours, theirs)
		},
	}
	f.register(cmd)
	return cmd
}

func readStatement(path string) (*statement.Statement, []byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	s, err := statement.Parse(bytes.NewReader(raw))
	return s, raw, err
}

// statementDifference is one thing in which two statements differ.
type statementDifference struct {
	CDR    string `json:"cdr"` // "" of the statement itself
	Member string `json:"member"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
	// Reasons stand with the first difference of a CDR, as far as they are asked for.
	Reasons []statement.Reason `json:"reasons,omitempty"`
}

// differs lists in what two statements differ and why, and is the error that says they do.
func differs(cmd *cobra.Command, c *adminClient, f *format, ours, theirs *statement.Statement) error {
	lines := statement.Compare(ours.Lines, theirs.Lines)
	terms := statement.CompareTerms(ours, theirs)
	why, err := reasonsOf(cmd.Context(), c, ours, lines, terms)
	if err != nil {
		return fmt.Errorf("ask why the statements differ: %w", err)
	}
	if err := tellDifferences(cmd.OutOrStdout(), f, lines, terms, why); err != nil {
		return err
	}
	only, missing := 0, 0
	for _, d := range lines {
		if d.Theirs == nil {
			only++
		}
		if d.Ours == nil {
			missing++
		}
	}
	here, there := ours.Totals().Net, theirs.Totals().Net
	cmd.PrintErrf("%d CDRs differ: %d only here, %d only in the file. Net here %s, in the file %s %s, difference %s.\n", len(lines), only, missing, here, there, ours.Currency, here.Sub(there))
	if more := len(lines) - statement.MaxExplained; more > 0 {
		cmd.PrintErrf("The reasons of the first %d are told, not of the other %d.\n", statement.MaxExplained, more)
	}
	return &exitError{1, nil}
}

// reasonsOf asks why statements differ in CDRs, the first ones. What an agreement says
// otherwise needs no asking.
func reasonsOf(ctx context.Context, c *adminClient, ours *statement.Statement, lines []statement.Difference, terms []statement.Member) (map[string][]statement.Reason, error) {
	why := map[string][]statement.Reason{}
	q := rest.ReasonsRequest{CPO: ours.CPO.String(), EMSP: ours.EMSP.String(), Period: ours.Period.String(), Currency: ours.Currency}
	for i := range lines[:min(len(lines), statement.MaxExplained)] {
		d := &lines[i]
		cdr, others := cdrOf(d), false
		for _, m := range d.Members() {
			key := map[string]string{"net": "terms.owed", "tax": "terms.tax", "category": "terms.tax", "rate": "terms.rate"}[m.Name]
			i := slices.IndexFunc(terms, func(t statement.Member) bool { return t.Name == key })
			if i < 0 || m.Name == "net" {
				others = true
			}
			if i >= 0 {
				why[cdr] = appendReason(why[cdr], agreementDiffers(&terms[i]))
			}
		}
		if !others && len(d.Members()) > 0 {
			continue
		}
		line := rest.UnlikeLine{CDR: cdr, Ours: d.Ours != nil}
		if d.Theirs != nil {
			net := d.Theirs.Net.String()
			line.Theirs = &net
		}
		q.Lines = append(q.Lines, line)
	}
	if len(q.Lines) == 0 {
		return why, nil
	}
	var answer rest.ReasonsAnswer
	if err := c.do(ctx, http.MethodPost, "/statements/reasons", q, &answer); err != nil {
		return nil, err
	}
	for _, l := range answer.Lines {
		for _, r := range l.Reasons {
			if r.Code != statement.NotKnown || len(why[l.CDR]) == 0 {
				why[l.CDR] = appendReason(why[l.CDR], r)
			}
		}
	}
	return why, nil
}

// agreementDiffers is the reason that an agreement says something else.
func agreementDiffers(m *statement.Member) statement.Reason {
	key := map[string]string{"zone": "zone", "terms.owed": "owed", "terms.tax": "tax.category", "terms.rate": "tax.rate"}[m.Name]
	return statement.Reason{Code: statement.AgreementDiffers, Text: fmt.Sprintf("the agreement differs in %s: %s here, %s in the file", key, orNothing(m.Ours), orNothing(m.Theirs))}
}

func orNothing(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func appendReason(list []statement.Reason, r statement.Reason) []statement.Reason {
	if slices.Contains(list, r) {
		return list
	}
	return append(list, r)
}

func cdrOf(d *statement.Difference) string {
	if d.Ours != nil {
		return d.Ours.CDR
	}
	return d.Theirs.CDR
}

// tellDifferences lists in what two statements differ.
func tellDifferences(out io.Writer, f *format, lines []statement.Difference, terms []statement.Member, why map[string][]statement.Reason) error {
	list := []statementDifference{}
	for _, m := range terms {
		list = append(list, statementDifference{"", m.Name, m.Ours, m.Theirs, []statement.Reason{agreementDiffers(&m)}})
	}
	for _, d := range lines {
		first := len(list)
		switch {
		case d.Theirs == nil:
			list = append(list, statementDifference{CDR: d.Ours.CDR, Member: "line", Ours: d.Ours.Net.String(), Theirs: "missing"})
		case d.Ours == nil:
			list = append(list, statementDifference{CDR: d.Theirs.CDR, Member: "line", Ours: "missing", Theirs: d.Theirs.Net.String()})
		}
		for _, m := range d.Members() {
			list = append(list, statementDifference{CDR: d.Ours.CDR, Member: m.Name, Ours: m.Ours, Theirs: m.Theirs})
		}
		list[first].Reasons = why[list[first].CDR]
	}
	if f.json() {
		return writeJSON(out, map[string]any{"differences": list})
	}
	rows := [][]string{{"CDR", "MEMBER", "HERE", "IN THE FILE", "WHY"}}
	for _, d := range list {
		row := []string{printable(d.CDR), d.Member, printable(d.Ours), printable(d.Theirs)}
		for _, r := range d.Reasons {
			rows = append(rows, append(row, printable(r.Text)))
			row = make([]string, len(row))
		}
		if len(d.Reasons) == 0 {
			rows = append(rows, row)
		}
	}
	return printTable(out, rows)
}
