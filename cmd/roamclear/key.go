package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/spf13/cobra"
)

// newKeyCmd administers the API keys of a running service.
func newKeyCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Add, list and remove API keys for reports",
		Long: `Administer the API keys of a running service: who may read reports.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newKeyAddCmd(&service), newKeyListCmd(&service), newKeyRemoveCmd(&service))
	return cmd
}

func newKeyAddCmd(service *serviceFlags) *cobra.Command {
	var q admin.KeyRequest
	cmd := &cobra.Command{
		Use:   "add --scope SCOPE [--party CC/ID] [--name NAME]",
		Short: "Add an API key and print it",
		Long: `Add an API key and print it, alone, on standard output. It is shown this once;
only its hash is kept. It is sent as "Authorization: Bearer …". With --party it
sees only what concerns that party, as CPO or as eMSP.`,
		Example: `  roamclear key add --data data --scope finance:read
  roamclear key add --data data --scope finance:read --party GB/DUN --name "Dundee's books"
  curl -H "Authorization: Bearer $(roamclear key add --scope finance:read)" \
    'http://127.0.0.1:8080/api/v1/reports/settlement?from=2019-01&to=2019-03'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var added admin.KeySecret
			if err := c.do(cmd.Context(), http.MethodPost, "/keys", q, &added); err != nil {
				return fmt.Errorf("add key: %w", err)
			}
			cmd.PrintErrf("Key %s added. This is its secret, shown once:\n", added.Key.ID)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), added.Secret)
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&q.Scopes, "scope", nil, "what the key may do: finance:read; several are separated by commas")
	f.StringVar(&q.Party, "party", "", "restrict the key to this party, such as GB/DUN (default everything)")
	f.StringVar(&q.Name, "name", "", "name of the key for people (default its id)")
	must(cmd.MarkFlagRequired("scope"))
	complete(cmd, "scope", control.Scopes()...)
	must(cmd.RegisterFlagCompletionFunc("party", completeParty(service)))
	return cmd
}

func newKeyListCmd(service *serviceFlags) *cobra.Command {
	return newListCmd(service, &cobra.Command{
		Use: "list", Short: "List the API keys",
		Example: "  roamclear key list --data data\n  roamclear key list --format json",
	}, "/keys", keyRows)
}

func keyRows(list *admin.KeyList) [][]string {
	rows := [][]string{{"ID", "NAME", "SCOPES", "PARTY"}}
	for _, k := range list.Keys {
		rows = append(rows, []string{k.ID, k.Name, strings.Join(k.Scopes, ", "), cmp.Or(k.Party, "all")})
	}
	return rows
}

func newKeyRemoveCmd(service *serviceFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "remove ID",
		Short:   "Remove an API key: it ends at once",
		Example: "  roamclear key remove key-0123456789 --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeKey(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			if err := c.do(cmd.Context(), http.MethodDelete, "/keys/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return fmt.Errorf("remove key %s: %w", args[0], err)
			}
			cmd.PrintErrf("Key %s removed.\n", args[0])
			return nil
		},
	}
}
