package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/spf13/cobra"
)

// newPartnerRoleCmd changes which parties a partner speaks for.
func newPartnerRoleCmd(service *serviceFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "role",
		Short: "Add and remove the roles of a partner: one platform may serve several parties",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newPartnerRoleAddCmd(service), newPartnerRoleRemoveCmd(service))
	return cmd
}

// roleFlags name one role of one party.
type roleFlags struct{ role, country, party string }

func (f *roleFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.role, "role", "", "role of the party: CPO, EMSP, HUB, NAP, NSP, OTHER or SCSP")
	cmd.Flags().StringVar(&f.country, "country", "", "country_code of the party, two letters")
	cmd.Flags().StringVar(&f.party, "party", "", "party_id of the party, up to three characters")
	for _, name := range []string{"role", "country", "party"} {
		must(cmd.MarkFlagRequired(name))
	}
	complete(cmd, "role", control.RoleNames()...)
}

func (f *roleFlags) named() control.Role { return control.NewRole(f.role, f.country, f.party) }

func newPartnerRoleAddCmd(service *serviceFlags) *cobra.Command {
	var flags roleFlags
	cmd := &cobra.Command{
		Use:   "add ID --role ROLE --country CC --party ID",
		Short: "Add a role to a partner: it pushes for that party with the token it has",
		Example: `  roamclear partner role add nl-zqa-cpo --role CPO --country NL --party ZQB --data data
  roamclear partner role add nl-zqa-cpo --role EMSP --country DE --party EMP`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var changed admin.Partner
			if err := c.do(cmd.Context(), http.MethodPost, "/partners/"+url.PathEscape(args[0])+"/roles", flags.named(), &changed); err != nil {
				return fmt.Errorf("add role %s to %s: %w", flags.named(), args[0], err)
			}
			cmd.PrintErrf("Partner %s has the roles %s.\n", changed.ID, roleList(changed.Roles))
			return nil
		},
	}
	flags.register(cmd)
	return cmd
}

func newPartnerRoleRemoveCmd(service *serviceFlags) *cobra.Command {
	var flags roleFlags
	cmd := &cobra.Command{
		Use:   "remove ID --role ROLE --country CC --party ID",
		Short: "Remove a role of a partner: what it sent under it stays",
		Long: `Remove a role of a partner. What it sent under it stays, and what was priced
for that party stays payable. The last role cannot be removed: remove the partner.`,
		Example: "  roamclear partner role remove nl-zqa-cpo --role CPO --country NL --party ZQB --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			role := flags.named()
			path := "/partners/" + url.PathEscape(args[0]) + "/roles/" + url.PathEscape(role.Role) + "/" + url.PathEscape(role.Country) + "/" + url.PathEscape(role.PartyID)
			var changed admin.Partner
			if err := c.do(cmd.Context(), http.MethodDelete, path, nil, &changed); err != nil {
				return fmt.Errorf("remove role %s of %s: %w", role, args[0], err)
			}
			cmd.PrintErrf("Partner %s has the roles %s.\n", changed.ID, roleList(changed.Roles))
			return nil
		},
	}
	flags.register(cmd)
	return cmd
}

// roleList writes roles as "CPO NL*ZQA, CPO NL*ZQB".
func roleList(roles []control.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = r.String()
	}
	return strings.Join(words, ", ")
}
