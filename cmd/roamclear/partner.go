package main

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

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
		Short: "Invite, add, list, rotate and remove the partners that talk OCPI",
		Long: `Administer the partners of a running service: who may push what.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newPartnerInviteCmd(&service), newPartnerAddCmd(&service), newPartnerListCmd(&service), newPartnerRotateCmd(&service),
		newPartnerRoleCmd(&service), newPartnerPolicyCmd(&service), newPartnerListByCmd(&service), newPartnerFindingsCmd(&service), newPartnerHealthCmd(&service), newPartnerRemoveCmd(&service), newPartnerConnectCmd(&service), newPartnerPullCmd(&service), newPartnerCertCmd(&service))
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
	rows := [][]string{{"ID", "NAME", "REGISTRATION", "ROLES", "PENDING", "TOKEN", "REFUSES"}}
	for _, p := range list.Partners {
		rows = append(rows, []string{
			p.ID, p.Name, registration(&p), roleList(p.Roles), cmp.Or(roleList(p.Pending), "-"), tokens(&p), cmp.Or(strings.Join(p.Refuses, ", "), "-"),
		})
	}
	return rows
}

// registration says how far a partner has come: the version that it is called in,
// once it has registered.
func registration(p *admin.Partner) string {
	text := string(p.Stage)
	switch {
	case p.Peer != nil:
		text = "OCPI " + p.Peer.Version
	case p.InvitedUntil != "":
		text += " until " + p.InvitedUntil
	}
	if p.Counterparty != "" {
		text += " with " + p.Counterparty
	}
	return text
}

func tokens(p *admin.Partner) string {
	switch {
	case p.Stage == control.StageUnregistered:
		return "none"
	case p.RotationUntil != "":
		return "rotating, old one until " + p.RotationUntil
	}
	return "one"
}
