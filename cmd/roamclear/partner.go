package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/spf13/cobra"
)

// newPartnerCmd administers the partners of a running service.
func newPartnerCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "partner",
		Short: "Add, list, rotate and remove the partners that push OCPI",
		Long: `Administer the partners of a running service: who may push what.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newPartnerAddCmd(&service), newPartnerListCmd(&service), newPartnerRotateCmd(&service),
		newPartnerRoleCmd(&service), newPartnerRemoveCmd(&service))
	return cmd
}

func newPartnerAddCmd(service *serviceFlags) *cobra.Command {
	var (
		roles          []string
		country, party string
		q              admin.PartnerRequest
		encoding       choice
	)
	cmd := &cobra.Command{
		Use:   "add --role ROLE --country CC --party ID [--name NAME] [--token TOKEN] [--profile PROFILE]",
		Short: "Add a partner and print its token",
		Long: `Add a partner and print its token, alone, on standard output. The token is
shown this once; only its hash is kept. The partner sends it as
"Authorization: Token …", as it is or in Base64.

A platform with several parties has one token: with --token and the token of a
partner that exists, the roles are added to that partner (as by "partner role
add").`,
		Example: `  roamclear partner add --data data --role CPO --country GB --party DUN --name "Dundee City Council"
  roamclear partner add --role EMSP --country NL --party EXW --token my-own-secret-token
  ROAMCLEAR_ADMIN_TOKEN=… roamclear partner add --url https://roam.example --role CPO --country US --party BOU`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := tariff.ProfileByName(q.Profile); !ok {
				return wrongUsage("--profile %q: want one of %s", q.Profile, profileNames())
			}
			for _, role := range roles {
				q.Roles = append(q.Roles, control.NewRole(role, country, party))
			}
			if q.Name == "" {
				q.Name = q.Roles[0].Party().String()
			}
			q.Encoding = control.TokenEncoding(encoding.value)
			c, err := service.client()
			if err != nil {
				return err
			}
			var added admin.PartnerToken
			if err := c.do(cmd.Context(), http.MethodPost, "/partners", q, &added); err != nil {
				return fmt.Errorf("add partner: %w", err)
			}
			if added.Partner.Version == 1 {
				cmd.PrintErrf("Partner %s added. This is its token, shown once:\n", added.Partner.ID)
			} else {
				cmd.PrintErrf("The token is that of partner %s, which now has the roles %s. It goes on with it:\n", added.Partner.ID, roleList(added.Partner.Roles))
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), added.Token)
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&roles, "role", nil, "role of the party: CPO, EMSP, HUB, NAP, NSP, OTHER or SCSP; several are separated by commas")
	f.StringVar(&country, "country", "", "country_code of the party, two letters")
	f.StringVar(&party, "party", "", "party_id of the party, up to three characters")
	f.StringVar(&q.Name, "name", "", `name of the partner for people (default the party, as "GB*DUN")`)
	f.StringVar(&q.Token, "token", "", "the token, 8 to 64 characters (default a new random one)")
	f.StringVar(&q.Profile, "profile", "", "how the rules are read for this CPO's CDRs (default "+tariff.Default.Name+")")
	encoding.register(cmd, "token-encoding", "how the partner sends its token: raw, base64, or auto for either",
		string(control.EncodingAuto), string(control.EncodingRaw), string(control.EncodingBase64))
	complete(cmd, "role", control.RoleNames()...)
	completeProfile(cmd)
	for _, name := range []string{"role", "country", "party"} {
		must(cmd.MarkFlagRequired(name))
	}
	return cmd
}

// must is for errors that only a mistake in this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func newPartnerListCmd(service *serviceFlags) *cobra.Command {
	return newListCmd(service, &cobra.Command{
		Use: "list", Short: "List the partners",
		Example: "  roamclear partner list --data data\n  roamclear partner list --format json",
	}, "/partners", partnerRows)
}

func partnerRows(list *admin.PartnerList) [][]string {
	rows := [][]string{{"ID", "NAME", "ROLES", "TOKEN"}}
	for _, p := range list.Partners {
		token := "one"
		if p.RotationUntil != "" {
			token = "rotating, old one until " + p.RotationUntil
		}
		rows = append(rows, []string{p.ID, p.Name, roleList(p.Roles), token})
	}
	return rows
}

func newPartnerRotateCmd(service *serviceFlags) *cobra.Command {
	var q admin.RotateRequest
	cmd := &cobra.Command{
		Use:   "rotate ID [--token TOKEN] [--now]",
		Short: "Give a partner a new token and print it",
		Long: `Give a partner a new token and print it, alone, on standard output. The old
one works until the new one is first used, at most for 7 days. --now ends it at
once, and any other the partner has: for a token that has leaked. Until the
partner uses the new one, all it sends is refused.`,
		Example: "  roamclear partner rotate gb-dun-cpo --data data\n  roamclear partner rotate gb-dun-cpo --now",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var rotated admin.PartnerToken
			if err := c.do(cmd.Context(), http.MethodPost, "/partners/"+url.PathEscape(args[0])+"/rotate", q, &rotated); err != nil {
				return fmt.Errorf("rotate token of %s: %w", args[0], err)
			}
			ends := "ends when this is used, or at " + rotated.Partner.RotationUntil
			if q.Now {
				ends = "has ended"
			}
			cmd.PrintErrf("New token of %s, shown once. The old one %s:\n", args[0], ends)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), rotated.Token)
			return err
		},
	}
	cmd.Flags().StringVar(&q.Token, "token", "", "the new token, 8 to 64 characters (default a new random one)")
	cmd.Flags().BoolVar(&q.Now, "now", false, "end the old token at once, because it has leaked")
	return cmd
}

func newPartnerRemoveCmd(service *serviceFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "remove ID",
		Short:   "Remove a partner: its tokens end at once, what it sent stays",
		Example: "  roamclear partner remove gb-dun-cpo --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			if err := c.do(cmd.Context(), http.MethodDelete, "/partners/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return fmt.Errorf("remove partner %s: %w", args[0], err)
			}
			cmd.PrintErrf("Partner %s removed.\n", args[0])
			return nil
		},
	}
}
