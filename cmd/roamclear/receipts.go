package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
)

// newReceiptsCmd shows what was received, day by day.
func newReceiptsCmd() *cobra.Command {
	var service serviceFlags
	var scope scopeFlags
	var from, to dayFlag
	var f format
	cmd := &cobra.Command{
		Use:   "receipts --cpo CC*ID [--emsp CC*ID] --from DAY --to DAY",
		Short: "Show how many CDRs of a CPO are here, day by day, with a digest to compare",
		Long: `Show how many CDRs of a CPO are here, by the day on which the charge ended (UTC), and a
digest of each day's: a partner who has the same CDRs computes the same, with sort and
sha256sum alone (docs/receipts.md). At most 92 days; a day without CDRs is left out. With
an eMSP, of those for it. What differs on a day is told by "reconcile".

The service is found through its data directory (--data), or by --url. An API key in
` + apiKeyVariable + ` (of scope finance:read) opens it too, else it is the admin token.`,
		Example: `  roamclear receipts --cpo NL*TNM --from 2019-06-01 --to 2019-06-30 --data data
  roamclear receipts --cpo NL*TNM --emsp DE*EMP --from 2019-06-01 --to 2019-06-30 --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.keyClient()
			if err != nil {
				return err
			}
			var days rest.ReceiptDays
			q := scope.add(url.Values{"from": {from.String()}, "to": {to.String()}})
			if err := c.do(cmd.Context(), http.MethodGet, "/receipts?"+q.Encode(), nil, &days); err != nil {
				return fmt.Errorf("show receipts: %w", err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), days)
			}
			rows := [][]string{{"DAY", "COUNT", "DIGEST"}}
			for _, d := range days.Rows {
				rows = append(rows, []string{d.Day, fmt.Sprint(d.Count), d.Digest})
			}
			return printTable(cmd.OutOrStdout(), rows)
		},
	}
	service.register(cmd)
	scope.register(cmd, &service, "for all its eMSPs", "")
	cmd.Flags().Var(&from, "from", "the first day, such as 2019-06-01")
	cmd.Flags().Var(&to, "to", "the last day, inclusive")
	for _, name := range []string{"cpo", "from", "to"} {
		must(cmd.MarkFlagRequired(name))
	}
	f.register(cmd)
	return cmd
}

// dayFlag is a flag that takes a day, as the text it is written as. Another value is wrong
// usage, told before the command does anything.
type dayFlag struct{ text string }

// String implements pflag.Value.
func (f *dayFlag) String() string { return f.text }

// Type implements pflag.Value.
func (*dayFlag) Type() string { return "day" }

// Set implements pflag.Value.
func (f *dayFlag) Set(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return errors.New("want a day such as 2019-06-01")
	}
	f.text = s
	return nil
}
