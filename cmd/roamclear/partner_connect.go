package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/spf13/cobra"
)

// connectWithin is how long a handshake may take: each of its calls as long as a
// partner may.
const connectWithin = 5 * time.Minute

// newPartnerConnectCmd registers us with a partner.
func newPartnerConnectCmd(service *serviceFlags) *cobra.Command {
	var (
		role, country, party string
		q                    admin.ConnectRequest
		f                    format
	)
	cmd := &cobra.Command{
		Use:   "connect URL --token A [--role ROLE --country CC --party ID] [--version VERSION] [--name NAME]",
		Short: "Register us with a partner by a token that it gave us, and print what it offers",
		Long: `Register us with a partner (OCPI credentials), by the URL of its versions and a
token A that it gave us, and print what it offers. Without --role, --country and
--party the partner is who it says it is; what it offers beyond them is pending
until "partner role add" grants it, and so is that it is a hub, which speaks for
others: give --role HUB where it is to be one. OCPI 2.1.1 does not say which role a
partner has: --role does. --version chooses another than the best that both speak.

Then its lists are read, and again from time to time (see "partner pull").`,
		Example: `  roamclear partner connect https://cpo.example/ocpi/versions --token A --data data
  roamclear partner connect https://cpo.example/ocpi/versions --token A --role CPO --country NL --party TNM --version 2.1.1`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.URL = args[0]
			switch {
			case (country == "") != (party == "") || country != "" && role == "":
				return wrongUsage("--country and --party go together, and with --role")
			case country != "":
				q.Roles = []control.Role{control.NewRole(role, country, party)}
			default:
				q.Role = role
			}
			return connect(cmd, service, &q, f.json())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Token, "token", "", "token A that the partner gave us")
	flags.StringVar(&role, "role", "", "role of the partner: CPO, EMSP, HUB, NAP, NSP, OTHER or SCSP (default what it says)")
	flags.StringVar(&country, "country", "", "country_code of its party, two letters (default what it says)")
	flags.StringVar(&party, "party", "", "party_id of its party, up to three characters (default what it says)")
	flags.StringVar(&q.Version, "version", "", "version of OCPI: 2.1.1, 2.2.1 or 2.3.0 (default the best)")
	flags.StringVar(&q.Name, "name", "", "name of the partner for people (default what it says)")
	f.register(cmd)
	complete(cmd, "role", control.RoleNames()...)
	complete(cmd, "version", "2.1.1", "2.2.1", "2.3.0")
	must(cmd.MarkFlagRequired("token"))
	return cmd
}

func connect(cmd *cobra.Command, service *serviceFlags, q *admin.ConnectRequest, asJSON bool) error {
	c, err := service.client()
	if err != nil {
		return err
	}
	c.http.Timeout = connectWithin
	var got admin.Connected
	if err := c.do(cmd.Context(), http.MethodPost, "/connections", q, &got); err != nil {
		return fmt.Errorf("connect to %s: %w", q.URL, err)
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), got)
	}
	p := &got.Partner
	cmd.PrintErrf("Registered with %s. It offers:\n", p.ID)
	rows := [][]string{
		{"PARTNER", p.ID + " (" + p.Name + ")"},
		{"VERSION", p.Peer.Version + " of " + strings.Join(got.Versions, ", ")},
		{"ROLES", roleList(p.Roles)},
	}
	if len(p.Pending) > 0 {
		rows = append(rows, []string{"PENDING", roleList(p.Pending)})
	}
	for _, e := range p.Peer.Endpoints {
		rows = append(rows, []string{e.Module, strings.TrimSpace(string(e.Role) + " " + e.URL)})
	}
	return printTable(cmd.OutOrStdout(), rows)
}
