package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/admin"
)

func newPeriodCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "period",
		Short: "Begin settlement, close months and list them",
		Long: `Administer the settlement periods of a running service: calendar months.

What re-pricing finds out about a closed month is a correction in the first month
that is open, never a change.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newPeriodBeginCmd(&service), newPeriodCheckCmd(&service), newPeriodCloseCmd(&service), newPeriodListCmd(&service))
	return cmd
}

func newPeriodCloseCmd(service *serviceFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "close YYYY-MM",
		Short:   "Close a month, for good",
		Example: "  roamclear period close 2019-01 --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			if err := c.do(cmd.Context(), http.MethodPost, "/periods", admin.PeriodRequest{Month: args[0]}, nil); err != nil {
				return fmt.Errorf("close period: %w", err)
			}
			cmd.PrintErrf("%s is closed.\n", args[0])
			return nil
		},
	}
}

func newPeriodListCmd(service *serviceFlags) *cobra.Command {
	return newListCmd(service, &cobra.Command{
		Use: "list", Short: "List the closed months, and with which settlement begins",
		Example: "  roamclear period list --data data\n  roamclear period list --format json",
	}, "/periods", periodRows)
}

func periodRows(list *admin.PeriodList) [][]string {
	rows := [][]string{{"CLOSED"}}
	for _, m := range list.Closed {
		rows = append(rows, []string{m.String()})
	}
	if len(list.Begun) > 0 {
		rows = append(rows, []string{""}, []string{"BEGINS", "FOR", "DECIDED", "BY"})
	}
	for _, b := range list.Begun {
		rows = append(rows, []string{b.Month.String(), scopeName(&b.CPO, &b.EMSP), b.DecidedAt, b.By})
	}
	return rows
}

func newPeriodBeginCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	cmd := &cobra.Command{
		Use:   "begin YYYY-MM [--cpo CC*ID] [--emsp CC*ID]",
		Short: "Begin settlement with a month: what belongs before is settled elsewhere",
		Long: `Begin the settlement of a pair, of all pairs of a party, or of the house with a month.
What belongs before it is settled elsewhere: it is shown and counted, and never on a
statement. The last begin of a pair, party or house counts, so that a wrong one can be
put right until a period is closed.`,
		Example: "  roamclear period begin 2026-01 --data data\n  roamclear period begin 2026-04 --cpo NL*TNM --emsp DE*EMP --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			q := admin.BeginRequest{CPO: scope.cpo, EMSP: scope.emsp, Month: args[0]}
			if err := c.do(cmd.Context(), http.MethodPost, "/periods/begins", q, nil); err != nil {
				return fmt.Errorf("begin period: %w", err)
			}
			cmd.PrintErrf("The settlement of %s begins with %s.\n", scopeName(&scope.cpo, &scope.emsp), args[0])
			return nil
		},
	}
	scope.register(cmd, service, "all its pairs", "the house")
	return cmd
}
