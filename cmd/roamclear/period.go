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
		Short: "Close months and list those that are closed",
		Long: `Administer the settlement periods of a running service: calendar months, UTC.

What re-pricing finds out about a closed month is a correction in the first month
that is open, never a change.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newPeriodCloseCmd(&service), newPeriodListCmd(&service))
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
		Use: "list", Short: "List the closed months",
		Example: "  roamclear period list --data data\n  roamclear period list --format json",
	}, "/periods", periodRows)
}

func periodRows(list *admin.PeriodList) [][]string {
	rows := [][]string{{"CLOSED"}}
	for _, m := range list.Closed {
		rows = append(rows, []string{m.String()})
	}
	return rows
}
