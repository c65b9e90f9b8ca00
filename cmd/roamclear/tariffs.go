package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
)

// newTariffsCmd tells of the tariffs that partners pushed.
func newTariffsCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "tariffs", Short: "Say how the tariffs of a CPO changed, and what that came to"}
	cmd.AddCommand(newTariffChangesCmd())
	return cmd
}

func newTariffChangesCmd() *cobra.Command {
	var service serviceFlags
	var cpo, tariffID, location, evse, recipient, cursor string
	var from, to dayFlag
	var f format
	limit := 50
	cmd := &cobra.Command{
		Use:   "changes --cpo CC*ID --from DAY --to DAY",
		Short: "Show the changes of a CPO's tariffs on a time line",
		Long: `Show the changes of a CPO's tariffs that came into force, or came here, on some days (UTC):
what is different from the version before, on how many EVSEs that tariff is charged, and
what the CDRs since come to by the one less by the other. Of a change 1,000 CDRs are
priced both ways at most (100 changes share 5,000); beyond that it is a sample, and says so.

Whose doing it is: the CPO's (cpo), who may have left last_updated as it was (unsaid); a copy
that came over an hour late (copy); or CDRs that carry another tariff than was pushed
(cdr), which are listed behind the others.

The service is found through its data directory (--data), or by --url. An API key in
` + apiKeyVariable + ` (of scope finance:read) opens it too, else it is the admin token.`,
		Example: `  roamclear tariffs changes --cpo NL*TNM --from 2026-01-01 --to 2026-01-31 --data data
  roamclear tariffs changes --cpo NL*TNM --from 2026-01-01 --to 2026-12-31 --location L1 --evse E1 --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.keyClient()
			if err != nil {
				return err
			}
			q := url.Values{"cpo": {cpo}, "from": {from.String()}, "to": {to.String()}, "limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"tariff": tariffID, "location": location, "evse": evse, "recipient": recipient, "cursor": cursor} {
				if value != "" {
					q.Set(name, value)
				}
			}
			var changes rest.TariffChanges
			if err := c.do(cmd.Context(), http.MethodGet, "/tariffs/changes?"+q.Encode(), nil, &changes); err != nil {
				return fmt.Errorf("show changes of tariffs: %w", err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), changes)
			}
			return printTariffChanges(cmd.OutOrStdout(), &changes)
		},
	}
	service.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&cpo, "cpo", "", "the CPO, such as NL*TNM")
	must(cmd.RegisterFlagCompletionFunc("cpo", completeParty(&service)))
	flags.Var(&from, "from", "the first day, such as 2026-01-01")
	flags.Var(&to, "to", "the last day, inclusive; at most 366 days")
	flags.StringVar(&tariffID, "tariff", "", "only this tariff, by its id")
	flags.StringVar(&location, "location", "", "only tariffs that connectors of this Location name now")
	flags.StringVar(&evse, "evse", "", "of that Location only this EVSE, by its uid or EVSE id")
	flags.StringVar(&recipient, "recipient", "", "only tariffs that were pushed for this party alone, such as DE*EMP")
	must(cmd.RegisterFlagCompletionFunc("recipient", completeParty(&service)))
	flags.IntVar(&limit, "limit", limit, "how many at most, up to 100")
	flags.StringVar(&cursor, "cursor", "", "go on behind a page")
	for _, name := range []string{"cpo", "from", "to"} {
		must(cmd.MarkFlagRequired(name))
	}
	f.register(cmd)
	return cmd
}

func printTariffChanges(out io.Writer, changes *rest.TariffChanges) error {
	rows := [][]string{{"SINCE", "TARIFF", "BY", "WHAT"}}
	for _, list := range [][]rest.TariffChange{changes.Changes, changes.Carried} {
		for i := range list {
			c := &list[i]
			id := c.Tariff
			if c.Recipient != nil {
				id += " for " + *c.Recipient
			}
			rows = append(rows, []string{c.Since, id, c.Origin, c.Text})
		}
	}
	if len(rows) == 1 {
		_, err := fmt.Fprintln(out, "No tariff changed on these days.")
		return err
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	if changes.CarriedCut {
		if _, err := fmt.Fprintln(out, "CDRs carry more tariffs than were looked at: ask for fewer days, or for one tariff."); err != nil {
			return err
		}
	}
	if changes.Next != nil {
		_, err := fmt.Fprintf(out, "There are more: --cursor %s\n", *changes.Next)
		return err
	}
	return nil
}
