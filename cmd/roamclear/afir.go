package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
)

// newAFIRCmd says what Locations lack of what operators have to make available.
func newAFIRCmd() *cobra.Command {
	var service serviceFlags
	var cpo, missing, cursor string
	var f format
	limit := 20
	cmd := &cobra.Command{
		Use:   "afir --cpo CC*ID",
		Short: "Say what Locations of a CPO lack of what operators make available in the EU",
		Long: `Hold the Locations of a CPO against the kinds of data that operators of publicly accessible
recharging points make available (Regulation (EU) 2023/1804, Article 20(2)), by the numbers
of tables A, B and F in the annex of Implementing Regulation (EU) 2025/655: how many
Locations or EVSEs lack each, how many are in a version of OCPI that cannot say it, and which
Locations lack something.

The service is found through its data directory (--data), or by --url. An API key in
` + apiKeyVariable + ` (of scope finance:read) opens it too, else it is the admin token.`,
		Example: `  roamclear afir --cpo NL*TNM --data data
  roamclear afir --cpo NL*TNM --missing B1 --limit 1000 --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.keyClient()
			if err != nil {
				return err
			}
			q := url.Values{"cpo": {cpo}, "limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"missing": missing, "cursor": cursor} {
				if value != "" {
					q.Set(name, value)
				}
			}
			var r rest.PublicDataReport
			if err := c.do(cmd.Context(), http.MethodGet, "/reports/afir?"+q.Encode(), nil, &r); err != nil {
				return fmt.Errorf("show what Locations lack: %w", err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			return printPublicData(cmd.OutOrStdout(), &r)
		},
	}
	service.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&cpo, "cpo", "", "the CPO, such as NL*TNM")
	must(cmd.RegisterFlagCompletionFunc("cpo", completeParty(&service)))
	must(cmd.MarkFlagRequired("cpo"))
	flags.StringVar(&missing, "missing", "", "list only Locations that lack this, such as B1")
	flags.IntVar(&limit, "limit", limit, "how many Locations to list, up to 1000")
	flags.StringVar(&cursor, "cursor", "", "go on behind a page")
	f.register(cmd)
	return cmd
}

func printPublicData(out io.Writer, r *rest.PublicDataReport) error {
	rows := [][]string{{"DATA", "MISSING", "OF", "CANNOT SAY", "WHAT"}}
	for _, d := range r.Rows {
		each := "Locations"
		if d.Each == "evse" {
			each = "EVSEs"
		}
		what := d.What
		if d.Members != nil {
			what += " (" + *d.Members + ")"
		}
		rows = append(rows, []string{d.Code, strconv.Itoa(d.Missing), strconv.Itoa(d.Of) + " " + each, strconv.Itoa(d.Unsayable), what})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	if len(r.Lacking) == 0 {
		_, err := fmt.Fprintln(out, "\nNo Location lacks what it could say.")
		return err
	}
	rows = [][]string{{"LOCATION", "EVSES", "LACKS"}}
	for _, l := range r.Lacking {
		codes := make([]string, len(l.Missing))
		for i, m := range l.Missing {
			codes[i] = m.Code
			if n := len(m.EVSEs) + m.More; n > 0 && n < l.EVSEs {
				codes[i] += fmt.Sprintf(" (%d)", n)
			}
		}
		rows = append(rows, []string{l.ID, strconv.Itoa(l.EVSEs), strings.Join(codes, ", ")})
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return err
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	if r.Next != nil {
		_, err := fmt.Fprintf(out, "There are more: --cursor %s\n", *r.Next)
		return err
	}
	return nil
}
