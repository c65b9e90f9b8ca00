package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/spf13/cobra"
)

// grantCmds administer which SCSPs read the Sessions of which CPOs.
func grantCmds(service *serviceFlags) []*cobra.Command {
	list := newListCmd(service, &cobra.Command{
		Use: "grants", Short: "List the SCSPs that read the Sessions of CPOs",
		Example: "  roamclear pair grants --data data\n  roamclear pair grants --format json",
	}, "/grants", grantRows)
	return []*cobra.Command{newGrantCmd(service), list, newRevokeCmd(service)}
}

func grantRows(list *admin.GrantList) [][]string {
	rows := [][]string{{"CPO", "SCSP"}}
	for _, g := range list.Grants {
		rows = append(rows, []string{g.CPO, g.SCSP})
	}
	return rows
}

func newGrantCmd(service *serviceFlags) *cobra.Command {
	var g admin.Grant
	cmd := &cobra.Command{
		Use:     "grant --cpo CC/ID --scsp CC/ID",
		Short:   "Let an SCSP read the Sessions of a CPO, in OCPI 2.2.1 and later",
		Example: "  roamclear pair grant --scsp NL/SMA --cpo NL/TNM --data data",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var added admin.Grant
			if err := c.do(cmd.Context(), http.MethodPost, "/grants", g, &added); err != nil {
				return fmt.Errorf("grant Sessions: %w", err)
			}
			cmd.PrintErrf("%s reads the Sessions of %s.\n", added.SCSP, added.CPO)
			return nil
		},
	}
	grantFlags(cmd, service, &g)
	return cmd
}

func newRevokeCmd(service *serviceFlags) *cobra.Command {
	var g admin.Grant
	cmd := &cobra.Command{
		Use:     "revoke --cpo CC/ID --scsp CC/ID",
		Short:   "End a grant: the SCSP sees none of these Sessions any more",
		Example: "  roamclear pair revoke --scsp NL/SMA --cpo NL/TNM --data data",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			if err := c.do(cmd.Context(), http.MethodDelete, "/grants/"+url.PathEscape(g.CPO)+"/"+url.PathEscape(g.SCSP), nil, nil); err != nil {
				return fmt.Errorf("revoke grant: %w", err)
			}
			cmd.PrintErrf("%s reads the Sessions of %s no more.\n", g.SCSP, g.CPO)
			return nil
		},
	}
	grantFlags(cmd, service, &g)
	return cmd
}

// grantFlags name the two parties.
func grantFlags(cmd *cobra.Command, service *serviceFlags, g *admin.Grant) {
	cmd.Flags().StringVar(&g.CPO, "cpo", "", "the party whose Sessions they are, such as NL/TNM")
	cmd.Flags().StringVar(&g.SCSP, "scsp", "", "the party that reads them, such as NL/SMA")
	for _, name := range []string{"cpo", "scsp"} {
		must(cmd.MarkFlagRequired(name))
		must(cmd.RegisterFlagCompletionFunc(name, completeParty(service)))
	}
}
