package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
)

// queueFlags select what waits.
type queueFlags struct {
	scopeFlags
	period   monthFlag
	currency string
	ground   string
}

func (f *queueFlags) register(cmd *cobra.Command, service *serviceFlags) {
	f.scopeFlags.register(cmd, service, "all its pairs", "all pairs")
	cmd.Flags().Var(&f.period, "period", "what a close of this period would meet, such as 2019-06 (default all there is)")
	cmd.Flags().StringVar(&f.currency, "currency", "", "only in this currency, such as EUR")
	cmd.Flags().StringVar(&f.ground, "ground", "", "only what waits by this: a rule, or decision for what a person holds")
	complete(cmd, "ground", rest.Grounds()...)
}

func (f *queueFlags) query() url.Values {
	q := f.add(url.Values{})
	if !f.period.IsZero() {
		q.Set("period", f.period.String())
	}
	if f.currency != "" {
		q.Set("currency", f.currency)
	}
	if f.ground != "" {
		q.Set("ground", f.ground)
	}
	return q
}

// newQueueCmd shows what waits.
func newQueueCmd() *cobra.Command {
	var service serviceFlags
	var of queueFlags
	var f choice
	cmd := &cobra.Command{
		Use:   "queue [--cpo CC*ID] [--emsp CC*ID] [--period MONTH] [--ground CODE] [--currency CODE]",
		Short: "Show what waits for a decision, by cause and partner",
		Long: `Show the CDRs that are held: for a person, or for their cause to go. By ground, pair
and currency: how many, what they claim before tax, and the first period that one of
them belongs to. One that waits by several grounds is counted with each.

--format csv and jsonl write each CDR: what waits, why, claimed, computed and their
difference, and by what a partner looks it up.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Example: `  roamclear queue --period 2019-06 --data data
  roamclear queue --ground difference --cpo NL*TNM --emsp DE*EMP --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			if accept := map[string]string{"csv": "text/csv", "jsonl": "application/jsonl"}[f.value]; accept != "" {
				file, _, err := c.ask(cmd.Context(), http.MethodGet, "/queue/cdrs?"+of.query().Encode(), nil, accept)
				if err != nil {
					return fmt.Errorf("list queue: %w", err)
				}
				_, err = cmd.OutOrStdout().Write(file)
				return err
			}
			var queue rest.Queue
			if err := c.do(cmd.Context(), http.MethodGet, "/queue?"+of.query().Encode(), nil, &queue); err != nil {
				return fmt.Errorf("show queue: %w", err)
			}
			if f.value == "json" {
				return writeJSON(cmd.OutOrStdout(), queue)
			}
			return printTable(cmd.OutOrStdout(), queueRows(&queue))
		},
	}
	service.register(cmd)
	of.register(cmd, &service)
	f.register(cmd, "format", "text or json: by cause and partner; csv or jsonl: each CDR", "text", "json", "csv", "jsonl")
	return cmd
}

func queueRows(q *rest.Queue) [][]string {
	rows := [][]string{{"GROUND", "CPO", "EMSP", "CURRENCY", "COUNT", "CLAIMED", "OLDEST", "DIGEST"}}
	for _, g := range q.Groups {
		rows = append(rows, []string{g.Ground, g.CPO, orDash(g.EMSP), g.Currency, fmt.Sprint(g.Count), g.Claimed, orDash(g.Oldest), g.Digest})
	}
	for _, t := range q.Totals {
		rows = append(rows, []string{"in all", "", "", t.Currency, fmt.Sprint(t.Count), t.Claimed, ""})
	}
	for _, p := range q.Problems {
		rows = append(rows, []string{p})
	}
	if q.AsOf != nil && q.AsOf.Behind {
		rows = append(rows, []string{"as of " + q.AsOf.At + ", with all that was decided since: more has come, and is being read"})
	}
	return rows
}
