package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/spf13/cobra"
)

// newPairCmd administers who roams with whom.
func newPairCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "pair",
		Short: "Say which parties roam with each other, and which SCSPs read Sessions",
		Long: `Administer which parties of a running service roam with each other. Pairs matter
where the setting roaming.open is false: then a party sees the Locations, Tariffs
and Tokens of those that it is paired with, and of no others. Sessions and CDRs are
always seen by their two parties. An SCSP is none of the two: it reads the Sessions of
the CPOs that grant it.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	list := newListCmd(&service, &cobra.Command{
		Use: "list", Short: "List the pairs",
		Example: "  roamclear pair list --data data\n  roamclear pair list --format json",
	}, "/pairs", pairRows)
	cmd.AddCommand(newPairAddCmd(&service), list, newPairRemoveCmd(&service))
	cmd.AddCommand(grantCmds(&service)...)
	return cmd
}

func pairRows(list *admin.PairList) [][]string {
	rows := [][]string{{"CPO", "EMSP"}}
	for _, p := range list.Pairs {
		rows = append(rows, []string{p.CPO, p.EMSP})
	}
	return rows
}

// pairFlags name the two parties.
func pairFlags(cmd *cobra.Command, service *serviceFlags, p *admin.Pair) {
	cmd.Flags().StringVar(&p.CPO, "cpo", "", "the party that charges, such as NL/TNM")
	cmd.Flags().StringVar(&p.EMSP, "emsp", "", "the party whose drivers charge, or who reads Locations, such as DE/EMP")
	for _, name := range []string{"cpo", "emsp"} {
		must(cmd.MarkFlagRequired(name))
		must(cmd.RegisterFlagCompletionFunc(name, completeParty(service)))
	}
}

func newPairAddCmd(service *serviceFlags) *cobra.Command {
	var p admin.Pair
	cmd := &cobra.Command{
		Use:     "add --cpo CC/ID --emsp CC/ID",
		Short:   "Let two parties roam with each other",
		Example: "  roamclear pair add --cpo NL/TNM --emsp DE/EMP --data data",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var added admin.Pair
			if err := c.do(cmd.Context(), http.MethodPost, "/pairs", p, &added); err != nil {
				return fmt.Errorf("add pair: %w", err)
			}
			cmd.PrintErrf("%s and %s roam with each other.\n", added.CPO, added.EMSP)
			return nil
		},
	}
	pairFlags(cmd, service, &p)
	return cmd
}

func newPairRemoveCmd(service *serviceFlags) *cobra.Command {
	var p admin.Pair
	cmd := &cobra.Command{
		Use:     "remove --cpo CC/ID --emsp CC/ID",
		Short:   "End a pair: Sessions and CDRs between the two stay theirs",
		Example: "  roamclear pair remove --cpo NL/TNM --emsp DE/EMP --data data",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			if err := c.do(cmd.Context(), http.MethodDelete, "/pairs/"+url.PathEscape(p.CPO)+"/"+url.PathEscape(p.EMSP), nil, nil); err != nil {
				return fmt.Errorf("remove pair: %w", err)
			}
			cmd.PrintErrf("%s and %s roam with each other no more.\n", p.CPO, p.EMSP)
			return nil
		},
	}
	pairFlags(cmd, service, &p)
	return cmd
}
