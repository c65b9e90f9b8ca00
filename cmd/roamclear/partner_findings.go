package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/spf13/cobra"
)

// newPartnerFindingsCmd lists what is found in what a partner sends.
func newPartnerFindingsCmd(service *serviceFlags) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "findings ID",
		Short: "List in what a partner departs from OCPI",
		Long: `List what was found in what a partner has sent, and how it sent it: each kind of
finding by its code, which is what "partner policy set" refuses, with how often, and
where last since the service started. A service that is killed forgets less than half
of a count. What is found in the
price of a CDR stands with the CDR. absent_from_list counts what is here and the
partner's whole list lacked when it was read last: it stays here, and --format json
has the ids of the first 100.`,
		Example: "  roamclear partner findings gb-dun-cpo --data data\n  roamclear partner findings gb-dun-cpo --format json",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var list admin.FindingList
			if err := c.do(cmd.Context(), http.MethodGet, "/partners/"+url.PathEscape(args[0])+"/findings", nil, &list); err != nil {
				return fmt.Errorf("findings of %s: %w", args[0], err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			return printTable(cmd.OutOrStdout(), findingRows(&list))
		},
	}
	f.register(cmd)
	return cmd
}

func findingRows(list *admin.FindingList) [][]string {
	rows := [][]string{{"FINDING", "SEVERITY", "TIMES", "LAST", "IN", "AT", "WHAT IT IS"}}
	for _, f := range list.Findings {
		rows = append(rows, []string{f.Code, f.Severity.String(), strconv.FormatInt(f.Count, 10), f.Last, f.In, cmp.Or(f.Path, "-"), f.Detail})
	}
	return rows
}
