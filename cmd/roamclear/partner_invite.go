package main

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/spf13/cobra"
)

// newPartnerInviteCmd lets a partner register itself.
func newPartnerInviteCmd(service *serviceFlags) *cobra.Command {
	var (
		roles          []string
		counterparties []string
		country, party string
		q              admin.InvitationRequest
		f              format
	)
	cmd := &cobra.Command{
		Use:   "invite --role ROLE --country CC --party ID [--version VERSION] [--counterparty CC/ID] [--name NAME]",
		Short: "Let a partner register itself, and print the token to do so with",
		Long: `Let a partner register itself (OCPI credentials), and print the token to do so
with, alone, on standard output: CREDENTIALS_TOKEN_A. Give it to the partner
together with the URL of our versions, which is /ocpi/versions. It is shown this
once, opens versions and credentials alone, and ends after 30 days or with the
registration; an invitation of the same role again makes a new one.

The invitation fixes the roles: what the partner offers beyond them is pending,
and shown by "partner list", until "partner role add" grants it.

OCPI 2.1.1 has one party on each side. With --counterparty we are that party to
the partner, and our lists hold only what is between the two; without it we are
ourselves, which is enough to push CDRs. A connection has one counterparty. Who
is to see several goes without: its lists hold what it may see of all, but for an
id that two of them share, and Tariffs that it sends are for everybody. With
roaming.open false that is those of its pairs, see "roamclear pair add".`,
		Example: `  roamclear partner invite --role CPO --country NL --party TNM --data data
  roamclear partner invite --role EMSP --country DE --party EMP --version 2.1.1 --counterparty NL/TNM --data data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := tariff.ProfileByName(q.Profile); !ok {
				return wrongUsage("--profile %q: want one of %s", q.Profile, profileNames())
			}
			switch len(counterparties) {
			case 0:
			case 1:
				q.Counterparty = counterparties[0]
				q.Version = cmp.Or(q.Version, ocpi.V211.String())
			default:
				return wrongUsage("--counterparty is given %d times: OCPI 2.1.1 has one party on each side, so a connection has one counterparty. Leave it out for who is to see several", len(counterparties))
			}
			for _, role := range roles {
				q.Roles = append(q.Roles, control.NewRole(role, country, party))
			}
			if q.Name == "" {
				q.Name = q.Roles[0].Party().String()
			}
			return invite(cmd, service, &q, f.json())
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&roles, "role", nil, "role of the party: CPO, EMSP, HUB, NAP, NSP, OTHER or SCSP; several are separated by commas")
	flags.StringVar(&country, "country", "", "country_code of the party, two letters")
	flags.StringVar(&party, "party", "", "party_id of the party, up to three characters")
	flags.StringVar(&q.Version, "version", "", "the version of OCPI that it must register with: 2.1.1, 2.2.1 or 2.3.0 (default any)")
	flags.StringArrayVar(&counterparties, "counterparty", nil, "the party that we are to it in OCPI 2.1.1, such as DE/EMP (default our own)")
	flags.StringVar(&q.Name, "name", "", "name of the partner for people (default what it says itself)")
	flags.StringVar(&q.Profile, "profile", "", "how the rules are read for this CPO's CDRs (default "+tariff.Default.Name+")")
	f.register(cmd)
	complete(cmd, "role", control.RoleNames()...)
	complete(cmd, "version", ocpi.V211.String(), ocpi.V221.String(), ocpi.V230.String())
	must(cmd.RegisterFlagCompletionFunc("counterparty", completeParty(service)))
	completeProfile(cmd)
	for _, name := range []string{"role", "country", "party"} {
		must(cmd.MarkFlagRequired(name))
	}
	return cmd
}

func invite(cmd *cobra.Command, service *serviceFlags, q *admin.InvitationRequest, asJSON bool) error {
	c, err := service.client()
	if err != nil {
		return err
	}
	var invited admin.PartnerToken
	if err := c.do(cmd.Context(), http.MethodPost, "/invitations", q, &invited); err != nil {
		return fmt.Errorf("invite partner: %w", err)
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), invited)
	}
	cmd.PrintErrf("Partner %s is invited until %s. This is its token to register with, shown once:\n", invited.Partner.ID, invited.Partner.InvitedUntil)
	_, err = fmt.Fprintln(cmd.OutOrStdout(), invited.Token)
	return err
}
