package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/spf13/cobra"
)

// newPartnerListByCmd says what dates bound in the lists of CDRs and Sessions that a partner reads.
func newPartnerListByCmd(service *serviceFlags) *cobra.Command {
	var f format
	words := []string{control.ListByUpdated, control.ListByReceived}
	cmd := &cobra.Command{
		Use:   "list-by ID last_updated|received",
		Short: "Say what date_from and date_to bound in the lists of CDRs and Sessions that a partner reads",
		Long: `Say what date_from and date_to bound in the lists of CDRs and Sessions that a partner reads:
their last_updated, as OCPI has it, or when they came here. A hub never changes
last_updated, so who asks for one window after the other does not meet a CDR that
came when its window had been asked for already; by received it does. The query
parameter list_by says it for one list.`,
		Example: "  roamclear partner list-by nl-exw-emsp received --data data",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: completeWords(completePartner(service), words),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, by := args[0], args[1]
			if !slices.Contains(words, by) {
				return wrongUsage("list by %q: want %s", by, enumerate(words))
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			var changed admin.Partner
			if err := c.do(cmd.Context(), http.MethodPut, "/partners/"+url.PathEscape(id)+"/list_by", admin.ListByRequest{ListBy: by}, &changed); err != nil {
				return fmt.Errorf("set what lists of %s are by: %w", id, err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), changed)
			}
			cmd.PrintErrf("Dates in the lists of CDRs and Sessions that %s reads are %s.\n", changed.ID, map[string]string{
				control.ListByUpdated: "their last_updated", control.ListByReceived: "when they came here",
			}[by])
			return nil
		},
	}
	f.register(cmd)
	return cmd
}
