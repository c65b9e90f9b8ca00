package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// newRulesTryCmd shows what another pack would do.
func newRulesTryCmd() *cobra.Command {
	var service serviceFlags
	var scope scopeFlags
	var from, to monthFlag
	var f format
	cmd := &cobra.Command{
		Use:   "try PACK --from MONTH --to MONTH [--cpo CC*ID] [--emsp CC*ID]",
		Short: "Show what a pack would do with the CDRs of some periods, beside what is in force",
		Long: `Show, beside the packs in force, how many CDRs of some periods each rule of a pack would
strike, what these claim before tax, and how many more or fewer would be held, zeroed or
rejected. It is reckoned as if nothing of these periods were issued, with what agreements
change of single rules, and nothing of it is kept.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Example: `  roamclear rules try strict --from 2019-05 --to 2019-06 --data data
  roamclear rules try hubject --from 2019-06 --to 2019-06 --cpo NL*TNM --format json`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: onlyFirst(completePacks),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			q := scope.add(url.Values{"pack": {args[0]}, "from": {from.String()}, "to": {to.String()}})
			var trial rest.Trial
			if err := c.do(cmd.Context(), http.MethodGet, "/rules/try?"+q.Encode(), nil, &trial); err != nil {
				return fmt.Errorf("try pack: %w", err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), trial)
			}
			return printTable(cmd.OutOrStdout(), trialRows(&trial))
		},
	}
	service.register(cmd)
	scope.register(cmd, &service, "all its pairs", "all pairs")
	cmd.Flags().Var(&from, "from", "the first period, such as 2019-05")
	cmd.Flags().Var(&to, "to", "the last period, inclusive")
	for _, name := range []string{"from", "to"} {
		must(cmd.MarkFlagRequired(name))
	}
	f.register(cmd)
	return cmd
}

// trialRows are what each rule strikes, then what becomes of CDRs.
func trialRows(t *rest.Trial) [][]string {
	rows := [][]string{{"RULE", "EFFECT", "CURRENCY", "NOW", "CLAIM", "UNDER " + t.Pack, "CLAIM"}}
	for _, r := range t.Rules {
		rows = append(rows, []string{r.Rule, r.Effect.String(), r.Currency, fmt.Sprint(r.InForce.Count), r.InForce.Claimed, fmt.Sprint(r.Tried.Count), r.Tried.Claimed})
	}
	rows = append(rows, []string{""}, []string{"STATE", "", "CURRENCY", "NOW", "CLAIM", "UNDER " + t.Pack, "CLAIM", "CHANGE", "CLAIM"})
	for _, s := range t.States {
		rows = append(rows, []string{s.State.String(), "", s.Currency, fmt.Sprint(s.InForce.Count), s.InForce.Claimed, fmt.Sprint(s.Tried.Count), s.Tried.Claimed, fmt.Sprintf("%+d", s.Change.Count), s.Change.Claimed})
	}
	for _, p := range t.Problems {
		rows = append(rows, []string{p})
	}
	return rows
}

func completePacks(*cobra.Command, []string, string) (packs []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, p := range clearing.Packs() {
		packs = append(packs, cobra.CompletionWithDesc(p.Name, p.Purpose))
	}
	return packs, cobra.ShellCompDirectiveNoFileComp
}
