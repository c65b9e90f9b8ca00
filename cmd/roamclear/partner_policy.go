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

// newPartnerPolicyCmd says what is done with what departs from OCPI.
func newPartnerPolicyCmd(service *serviceFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Say what is done with what a partner sends although it departs from OCPI",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newPartnerPolicySetCmd(service))
	return cmd
}

func newPartnerPolicySetCmd(service *serviceFlags) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "set ID KIND accept|refuse",
		Short: "Accept or refuse what has a kind of finding, when this partner sends it",
		Long: `Accept or refuse what has a kind of finding, when this partner sends it. KIND is
a finding's code, such as missing_field or total_differs: lists, reports and the
answers to pushes show them. A CDR is priced before it is accepted where there is
such a policy, so that what its price finds counts too. What is refused is answered with 2001 that names the
finding, and kept among the refused bodies. Without a policy all is accepted, and
its findings are listed. What is found only after the answer, such as a Session that two
CDRs bill, cannot be refused.`,
		Example: "  roamclear partner policy set gb-dun-cpo missing_field refuse --data data\n  roamclear partner policy set gb-dun-cpo missing_field accept",
		Args:    cobra.ExactArgs(3), ValidArgsFunction: completePolicy(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, kind, policy := args[0], args[1], args[2]
			if words := []string{control.PolicyAccept, control.PolicyRefuse}; !slices.Contains(words, policy) {
				return wrongUsage("policy %q: want %s", policy, enumerate(words))
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			var changed admin.Partner
			path := "/partners/" + url.PathEscape(id) + "/policies/" + url.PathEscape(kind)
			if err := c.do(cmd.Context(), http.MethodPut, path, admin.PolicyRequest{Policy: policy}, &changed); err != nil {
				return fmt.Errorf("set policy of %s: %w", id, err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), changed)
			}
			cmd.PrintErrf("What %s sends with the finding %s is %s.\n", changed.ID, kind, map[string]string{control.PolicyAccept: "accepted", control.PolicyRefuse: "refused"}[policy])
			return nil
		},
	}
	f.register(cmd)
	return cmd
}
