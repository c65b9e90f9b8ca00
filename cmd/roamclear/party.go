package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/spf13/cobra"
)

// newPartyCmd administers what parties are called on statements.
func newPartyCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "party",
		Short: "Say what parties are called on statements",
		Long: `Administer what the parties of a running service are called on statements: legal name,
address and VAT id, from a period on. They stand in the envelope of a statement alone,
never in what both sides compute.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newPartySetCmd(&service), newPartyShowCmd(&service), newPartyListCmd(&service))
	return cmd
}

func newPartySetCmd(service *serviceFlags) *cobra.Command {
	var from monthFlag
	var f format
	cmd := &cobra.Command{
		Use:   "set CC*ID --from MONTH [--name NAME] [--address TEXT] [--vat-id ID] [--addressee CC*ID]",
		Short: "Say what a party is called from a period on",
		Long: `Say what a party is called on the statements of a period and those after it. What is
not given stays as it was; an empty value withdraws it.

A party that was merged into another one keeps its id, its CDRs and its statements:
these go to the addressee from then on, under the addressee's name.`,
		Example: `  roamclear party set NL*TNM --from 2026-01 --name "The New Motion B.V." --address "Rigakade 20, Amsterdam" --vat-id NL818161000B01
  roamclear party set NL*TNM --from 2026-04 --addressee NL*SHR`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: onlyFirst(completeParty(service)),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := admin.PartyRequest{Party: args[0], From: from.String(), Values: map[string]*string{}}
			var names []string
			for _, k := range clearing.PartyKeys() {
				flag := cmd.Flags().Lookup(flagOf(k))
				names = append(names, "--"+flag.Name)
				if flag.Changed {
					value := flag.Value.String()
					q.Values[k.Name] = &value
				}
			}
			if len(q.Values) == 0 {
				return wrongUsage("nothing to set: give %s", enumerate(names))
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			var set rest.PartySettingList
			if err := c.do(cmd.Context(), http.MethodPost, "/parties", q, &set); err != nil {
				return fmt.Errorf("set party: %w", err)
			}
			for _, s := range set.Settings {
				cells := settingCells(s.Key, s.Value, s.From, s.DecidedAt, s.By, s.Replaced)
				cmd.PrintErrf("%s of %s from %s: %s\n", s.Key, s.Party, s.From, cells[1])
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), set)
			}
			return nil
		},
	}
	cmd.Flags().Var(&from, "from", "the first period whose statements carry it, such as 2026-01")
	must(cmd.MarkFlagRequired("from"))
	for _, k := range clearing.PartyKeys() {
		cmd.Flags().String(flagOf(k), "", k.Says+" (default: "+cmp.Or(k.Default, k.Absent)+")")
	}
	must(cmd.RegisterFlagCompletionFunc("addressee", completeParty(service)))
	f.register(cmd)
	return cmd
}

// flagOf is the flag that takes what is said of a party.
func flagOf(k clearing.Key) string { return strings.ReplaceAll(k.Name, "_", "-") }

func newPartyShowCmd(service *serviceFlags) *cobra.Command {
	at := thisMonth()
	cmd := newShowCmd(service, &cobra.Command{
		Use:     "show CC*ID [--at MONTH]",
		Short:   "Show what a party is called in a period",
		Example: "  roamclear party show NL*TNM --at 2026-03 --data data",
		Args:    aParty, ValidArgsFunction: onlyFirst(completeParty(service)),
	}, func(args []string) string {
		p, _ := ocpi.ParseParty(args[0]) // by aParty
		return "/parties/" + url.PathEscape(p.Country) + "/" + url.PathEscape(p.ID) + "?at=" + at.String()
	}, partyNameRows)
	cmd.Flags().Var(&at, "at", "the period, such as 2026-03 (default this month, UTC)")
	return cmd
}

// aParty wants one argument, a party.
func aParty(cmd *cobra.Command, args []string) error {
	if err := cobra.ExactArgs(1)(cmd, args); err != nil {
		return err
	}
	if _, ok := ocpi.ParseParty(args[0]); !ok {
		return fmt.Errorf("%q: want a country and a party, such as NL*TNM", args[0])
	}
	return nil
}

func partyNameRows(n *rest.PartyNames) [][]string {
	rows := [][]string{{"PARTY", n.Party}, {"AT", n.At}}
	for _, k := range []struct {
		name  string
		value *string
	}{{"NAME", n.Name}, {"ADDRESS", n.Address}, {"VAT ID", n.VATID}, {"ADDRESSEE", &n.Addressee}} {
		value := "–"
		if k.value != nil {
			value = strings.ReplaceAll(*k.value, "\n", ", ")
		}
		rows = append(rows, []string{k.name, value})
	}
	return rows
}

func newPartyListCmd(service *serviceFlags) *cobra.Command {
	var history bool
	cmd := newShowCmd(service, &cobra.Command{
		Use: "list", Short: "List what parties are called",
		Example: "  roamclear party list --data data\n  roamclear party list --history --format json",
		Args:    cobra.NoArgs,
	}, func([]string) string {
		if history {
			return "/parties?history=true"
		}
		return "/parties"
	}, partyRows)
	cmd.Flags().BoolVar(&history, "history", false, "all that was ever said, in the order it was decided")
	return cmd
}

func partyRows(list *rest.PartySettingList) [][]string {
	rows := [][]string{{"PARTY", "KEY", "VALUE", "FROM", "DECIDED", "BY", ""}}
	for _, s := range list.Settings {
		rows = append(rows, append([]string{s.Party}, settingCells(s.Key, s.Value, s.From, s.DecidedAt, s.By, s.Replaced)...))
	}
	return rows
}
