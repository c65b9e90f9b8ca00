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
		Short: "Add, list, rotate and remove API keys",
		Long: `Administer the API keys of a running service: who may read reports
(finance:read), decide about CDRs (finance:decide), approve closes (finance:approve),
use the simple calls as an eMSP (app), report as a CPO (cpo), unlock connectors
(helpdesk), and read what is exchanged with partners (ops:read).

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newKeyAddCmd(&service), newKeyListCmd(&service), newKeyRotateCmd(&service), newKeyRemoveCmd(&service), newKeyCertCmd(&service))
	return cmd
}

func newKeyAddCmd(service *serviceFlags) *cobra.Command {
	var q admin.KeyRequest
	var f format
	cmd := &cobra.Command{
		Use:   "add --scope SCOPE [--party CC/ID] [--name NAME] [--expires 90d]",
		Short: "Add an API key and print it",
		Long: `Add an API key and print it, alone, on standard output. It is shown this once;
only its hash is kept. It is sent as "Authorization: Bearer …".

  finance:read  reads reports; with --party only what concerns that party, as CPO
                or as eMSP
  finance:decide   decides about CDRs; with --party about those of its pairs
  finance:approve  approves a close that another key asked for
  app           finds stations, starts and follows charges, as the eMSP --party
  cpo           reports Sessions and CDRs, as the CPO --party
  helpdesk      unlocks connectors; with --party for that party alone
  ops:read      reads what is exchanged with partners (docs/messages.md)`,
		Example: `  roamclear key add --data data --scope finance:read
  roamclear key add --data data --scope finance:read --party GB/DUN --name "Dundee's books"
  roamclear key add --data data --scope app --party SE/EMP --expires 90d
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
			return printSecret(cmd, &f, &added, "Key %s added. This is its secret, shown once:\n", added.Key.ID)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&q.Scopes, "scope", nil, "what the key may do: "+enumerate(control.Scopes())+"; several are separated by commas")
	flags.StringVar(&q.Party, "party", "", "bind the key to this party, such as GB/DUN (default everything); app and cpo need one")
	flags.StringVar(&q.Name, "name", "", "name of the key for people (default its id)")
	flags.StringVar(&q.Expires, "expires", "", "how long the key works, such as 90d or 12h, or until when, such as 2027-01-31T00:00:00Z (default without end)")
	f.register(cmd)
	must(cmd.MarkFlagRequired("scope"))
	complete(cmd, "scope", control.Scopes()...)
	must(cmd.RegisterFlagCompletionFunc("party", completeParty(service)))
	return cmd
}

// printSecret prints a key's secret alone on standard output, or all of the answer as
// JSON. What is said beside it goes to standard error.
func printSecret(cmd *cobra.Command, f *format, k *admin.KeySecret, says string, args ...any) error {
	if f.json() {
		return writeJSON(cmd.OutOrStdout(), k)
	}
	cmd.PrintErrf(says, args...)
	_, err := fmt.Fprintln(cmd.OutOrStdout(), k.Secret)
	return err
}

func newKeyListCmd(service *serviceFlags) *cobra.Command {
	return newListCmd(service, &cobra.Command{
		Use: "list", Short: "List the API keys",
		Example: "  roamclear key list --data data\n  roamclear key list --format json",
	}, "/keys", keyRows)
}

func keyRows(list *admin.KeyList) [][]string {
	rows := [][]string{{"ID", "NAME", "SCOPES", "PARTY", "EXPIRES", "SECRET"}}
	for _, k := range list.Keys {
		secret := "one"
		if k.RotationUntil != "" {
			secret = "rotating, old one until " + k.RotationUntil
		}
		rows = append(rows, []string{k.ID, k.Name, strings.Join(k.Scopes, ", "), cmp.Or(k.Party, "all"), cmp.Or(k.Expires, "never"), secret})
	}
	return rows
}

func newKeyRotateCmd(service *serviceFlags) *cobra.Command {
	var q admin.KeyRotateRequest
	var f format
	cmd := &cobra.Command{
		Use:   "rotate ID [--now] [--expires 90d]",
		Short: "Give an API key a new secret and print it",
		Long: `Give an API key a new secret and print it, alone, on standard output. The old
one works for 7 days beside it, for the instances of an app that have not changed
it yet, and no longer than the key did. --now ends it at once: it has leaked.
One that is older still ends in any case.`,
		Example: "  roamclear key rotate key-0123456789 --data data\n  roamclear key rotate key-0123456789 --now --expires 90d",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeKey(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var rotated admin.KeySecret
			if err := c.do(cmd.Context(), http.MethodPost, "/keys/"+url.PathEscape(args[0])+"/rotate", q, &rotated); err != nil {
				return fmt.Errorf("rotate key %s: %w", args[0], err)
			}
			ends := "has ended"
			if rotated.Key.RotationUntil != "" {
				ends = "ends at " + rotated.Key.RotationUntil
			}
			return printSecret(cmd, &f, &rotated, "New secret of key %s, shown once. The old one %s:\n", args[0], ends)
		},
	}
	cmd.Flags().BoolVar(&q.Now, "now", false, "end the old secret at once, because it has leaked")
	cmd.Flags().StringVar(&q.Expires, "expires", "", "a new end of the key, such as 90d or 2027-01-31T00:00:00Z (default as it was)")
	f.register(cmd)
	return cmd
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
