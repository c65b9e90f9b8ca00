package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/spf13/cobra"
)

// newAgreementCmd administers by what pairs settle.
func newAgreementCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "agreement",
		Short: "Say by what pairs settle: what is owed, zone, rules, tax",
		Long: `Administer the agreements of a running service: by what a CDR is settled, from a
period on. A value is set for a pair (--cpo and --emsp), for all pairs of a party (one
of them), or for the house (neither). Key by key the first of pair, CPO, eMSP and
house that says something wins, and of what one of them says that which began last.

A period that any of these pairs has closed keeps what it was closed by.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newAgreementSetCmd(&service), newAgreementShowCmd(&service), newAgreementListCmd(&service), newAgreementHistoryCmd(&service))
	return cmd
}

// scopeFlags name a pair, one of its sides, or neither.
type scopeFlags struct{ cpo, emsp string }

func (f *scopeFlags) register(cmd *cobra.Command, service *serviceFlags, one, neither string) {
	cmd.Flags().StringVar(&f.cpo, "cpo", "", "the CPO, such as NL*TNM; alone "+one+"; neither: "+neither)
	cmd.Flags().StringVar(&f.emsp, "emsp", "", "the eMSP, such as DE*EMP")
	for _, name := range []string{"cpo", "emsp"} {
		must(cmd.RegisterFlagCompletionFunc(name, completeParty(service)))
	}
}

// add adds the parties to a query.
func (f *scopeFlags) add(q url.Values) url.Values {
	for name, party := range map[string]string{"cpo": f.cpo, "emsp": f.emsp} {
		if party != "" {
			q.Set(name, party)
		}
	}
	return q
}

// scopeName is a scope that an answer names.
func scopeName(cpo, emsp *string) string {
	var s clearing.Scope
	if cpo != nil {
		s.CPO, _ = ocpi.ParseParty(*cpo)
	}
	if emsp != nil {
		s.EMSP, _ = ocpi.ParseParty(*emsp)
	}
	return s.String()
}

// monthFlag is a flag that takes a month. Another value is wrong usage, told before the
// command does anything.
type monthFlag struct{ ocpi.Month }

// Type implements pflag.Value.
func (*monthFlag) Type() string { return "month" }

// Set implements pflag.Value.
func (f *monthFlag) Set(s string) (err error) {
	f.Month, err = ocpi.ParseMonth(s)
	return err
}

// thisMonth is what a flag --at has where it is not given.
func thisMonth() monthFlag { return monthFlag{ocpi.TimeOf(time.Now()).Month()} }

func newAgreementSetCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	var from monthFlag
	var f format
	cmd := &cobra.Command{
		Use:   "set [--cpo CC*ID] [--emsp CC*ID] --from MONTH KEY=VALUE...",
		Short: "Agree on values from a period on",
		Long: `Agree on values from a period on, the first day of a month that no pair concerned has
closed. KEY= withdraws a value: then what wider scopes say holds.

` + keysHelp(clearing.AgreementKeys()) + `
CODE and PARAM are those of a rule, such as ` + clearing.RuleKeys()[1] + `.`,
		Example: `  roamclear agreement set --from 2026-01 pack=strict days_to_pay=30
  roamclear agreement set --cpo NL*TNM --from 2026-01 zone=Europe/Amsterdam
  roamclear agreement set --cpo NL*TNM --emsp DE*EMP --from 2026-01 owed=lower tax.category=standard tax.rate=21
  roamclear agreement set --cpo NL*TNM --emsp DE*EMP --from 2026-06 owed=`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: completeAgreement,
		RunE: func(cmd *cobra.Command, args []string) error {
			q := admin.AgreementRequest{CPO: scope.cpo, EMSP: scope.emsp, From: from.String()}
			var err error
			if q.Values, err = keyValues(args); err != nil {
				return err
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			var set rest.SettingList
			if err := c.do(cmd.Context(), http.MethodPost, "/agreements", q, &set); err != nil {
				return fmt.Errorf("set agreement: %w", err)
			}
			tellAgreement(cmd, &set, service.data)
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), set)
			}
			return nil
		},
	}
	scope.register(cmd, service, "all its pairs", "the house")
	cmd.Flags().Var(&from, "from", "the first period that it holds for, such as 2026-01")
	must(cmd.MarkFlagRequired("from"))
	f.register(cmd)
	return cmd
}

// keysHelp says of each key what it is, what it may be, and what holds without one.
func keysHelp(keys []clearing.Key) string {
	var b strings.Builder
	for _, k := range keys {
		wants := cmp.Or(k.Wants, strings.Join(k.Values, ", "))
		only := ""
		if k.House {
			only = "; for the house alone"
		}
		fmt.Fprintf(&b, "  %s\n      %s%s\n      %s (default: %s)\n", k.Name, k.Says, only, wants, cmp.Or(k.Default, k.Absent))
	}
	return b.String()
}

// keyValues reads KEY=VALUE arguments; a key twice is wrong usage.
func keyValues(args []string) (map[string]*string, error) {
	values := make(map[string]*string, len(args))
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return nil, wrongUsage("%q: want KEY=VALUE, such as owed=lower", arg)
		}
		if _, twice := values[key]; twice {
			return nil, wrongUsage("%s is given twice", key)
		}
		values[key] = &value
	}
	return values, nil
}

// tellAgreement says what was agreed, and what is left to do.
func tellAgreement(cmd *cobra.Command, set *rest.SettingList, data string) {
	said := make([]string, len(set.Settings))
	for i, s := range set.Settings {
		said[i] = s.Key + " withdrawn"
		if s.Value != nil {
			said[i] = s.Key + "=" + *s.Value
		}
	}
	if len(set.Settings) == 0 {
		return // a service that answers otherwise
	}
	first := set.Settings[0]
	cmd.PrintErrf("For %s from %s: %s.\n", scopeName(first.CPO, first.EMSP), first.From, strings.Join(said, ", "))
	for _, s := range set.Settings {
		if s.Key == "profile" {
			cmd.PrintErrf("This prices nothing anew. CDRs that are here already are priced under it by\n  %s\n", repriceLine(&s, data))
		}
	}
}

// repriceLine is the command that prices by a changed profile. It knows one party, so of
// a pair it prices all CDRs of the CPO: it reports first, and --apply is left to who has
// seen that.
func repriceLine(s *rest.Setting, data string) string {
	line := "roamclear reprice --data " + data + " --from " + s.From + " --to " + max(s.From, thisMonth().String())
	switch {
	case s.CPO != nil:
		line += " --party " + strings.ReplaceAll(*s.CPO, "*", "/")
	case s.EMSP != nil:
		line += " --party " + strings.ReplaceAll(*s.EMSP, "*", "/")
	}
	if s.Value != nil {
		line += " --profile " + *s.Value
	}
	if s.CPO != nil && s.EMSP != nil {
		return line + "\nwhich takes all CDRs of " + *s.CPO + ", not this pair's alone. --apply makes it count."
	}
	return line + "\n--apply makes it count."
}

func newAgreementShowCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	at := thisMonth()
	cmd := newShowCmd(service, &cobra.Command{
		Use:   "show [--cpo CC*ID] [--emsp CC*ID] [--at MONTH]",
		Short: "Show by what a pair settles, and who said so",
		Long: `Show by what a pair settles in a period: each value, and which scope and record it
comes from. With one party, or none, what holds for pairs that have nothing of their
own.`,
		Example: "  roamclear agreement show --cpo NL*TNM --emsp DE*EMP --at 2026-03 --data data\n  roamclear agreement show --format json",
		Args:    cobra.NoArgs,
	}, func([]string) string {
		return "/agreements/terms?" + scope.add(url.Values{"at": {at.String()}}).Encode()
	}, termRows)
	scope.register(cmd, service, "what holds for its pairs that have nothing of their own", "for pairs of parties that have nothing either")
	cmd.Flags().Var(&at, "at", "the period, such as 2026-03 (default this month, UTC)")
	return cmd
}

func termRows(t *rest.Terms) [][]string {
	rows := [][]string{{"KEY", "VALUE", "SAID BY", "FROM", "DECIDED", "BY"}}
	for _, v := range t.Values {
		row := []string{v.Key, "–", v.Scope, "", "", v.By}
		for i, text := range map[int]*string{1: v.Value, 3: v.From, 4: v.DecidedAt} {
			if text != nil {
				row[i] = *text
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func newAgreementListCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	cmd := newShowCmd(service, &cobra.Command{
		Use: "list [--cpo CC*ID] [--emsp CC*ID]", Short: "List what is set for the house, parties and pairs",
		Example: "  roamclear agreement list --data data\n  roamclear agreement list --cpo NL*TNM --format json",
		Args:    cobra.NoArgs,
	}, func([]string) string { return "/agreements?" + scope.add(url.Values{}).Encode() }, settingRows)
	scope.register(cmd, service, "what can bear on its pairs", "everything")
	return cmd
}

func newAgreementHistoryCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	cmd := newShowCmd(service, &cobra.Command{
		Use: "history [--cpo CC*ID] [--emsp CC*ID]", Short: "List all that was ever set, in the order it was decided",
		Example: "  roamclear agreement history --cpo NL*TNM --emsp DE*EMP --data data",
		Args:    cobra.NoArgs,
	}, func([]string) string {
		return "/agreements?" + scope.add(url.Values{"history": {"true"}}).Encode()
	}, settingRows)
	scope.register(cmd, service, "what can bear on its pairs", "everything")
	return cmd
}

func settingRows(list *rest.SettingList) [][]string {
	rows := [][]string{{"FOR", "KEY", "VALUE", "FROM", "DECIDED", "BY", ""}}
	for _, s := range list.Settings {
		rows = append(rows, append([]string{scopeName(s.CPO, s.EMSP)}, settingCells(s.Key, s.Value, s.From, s.DecidedAt, s.By, s.Replaced)...))
	}
	return rows
}

func settingCells(key string, value *string, from, decided, by string, replaced bool) []string {
	cells := []string{key, "withdrawn", from, decided, by, ""}
	if value != nil {
		cells[1] = strings.ReplaceAll(*value, "\n", ", ")
	}
	if replaced {
		cells[5] = "replaced"
	}
	return cells
}

// completeAgreement offers keys, then the values that a key may have.
func completeAgreement(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var offers []cobra.Completion
	if key, _, ok := strings.Cut(toComplete, "="); ok {
		for _, v := range clearing.AgreementValues(key) {
			offers = append(offers, key+"="+v)
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
	for _, k := range clearing.AgreementKeys() {
		if !strings.Contains(k.Name, "CODE") {
			offers = append(offers, cobra.CompletionWithDesc(k.Name+"=", k.Says))
		}
	}
	for _, key := range clearing.RuleKeys() {
		offers = append(offers, key+"=")
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
