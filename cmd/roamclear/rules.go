package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/settlement/clearing"
)

func newRulesCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "What CDRs are held against, and what becomes of those that a rule strikes",
		Long: `What CDRs are held against before they are owed, and what becomes of those that a
rule strikes. But for try, it needs no service: these are the rules of this program.

A pack says of every rule what it does, off, note, zero, hold or reject, and with
which values. A pair has the pack it agreed on; rule.CODE.effect and
rule.CODE.PARAM of an agreement change single ones of it. What is not known never
strikes, and the strongest effect wins.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newRulesListCmd(), newRulesShowCmd(), newRulesTryCmd())
	return cmd
}

func newRulesListCmd() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use: "list", Short: "List the rules with their effect in each pack",
		Example: "  roamclear rules list\n  roamclear rules list --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), report.Rules())
			}
			return printTable(cmd.OutOrStdout(), ruleRows())
		},
	}
	f.register(cmd)
	return cmd
}

// ruleRows are the rules with what each pack does.
func ruleRows() [][]string {
	head := []string{"RULE", "EVIDENCE"}
	packs := clearing.Packs()
	for i := range packs {
		head = append(head, strings.ToUpper(packs[i].Name))
	}
	rows, at := [][]string{head}, 0
	for _, r := range clearing.Rules() {
		row := []string{r.Code, string(r.Evidence)}
		for i := range packs {
			if r.Structural {
				row = append(row, r.Always()+", always")
				continue
			}
			row = append(row, effectWords(&packs[i].Rules[at], &r))
		}
		if !r.Structural {
			at++
		}
		rows = append(rows, row)
	}
	return rows
}

// effectWords say the effect of a rule, and values that are not its own.
func effectWords(p *clearing.PackRule, r *clearing.Rule) string {
	words := p.Effect.String()
	for i, v := range p.Values {
		if v.Value != r.Params[i].Default {
			words += " " + v.Name + "=" + v.Value
		}
	}
	return words
}

func newRulesShowCmd() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use: "show CODE|PACK", Short: "Show what a rule measures, or all that a pack does",
		Example: "  roamclear rules show below_minimum\n  roamclear rules show hubject --format json",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: onlyFirst(completeRules),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			rule, isRule := clearing.RuleOf(args[0])
			pack, isPack := clearing.PackOf(args[0])
			switch {
			case isRule && f.json():
				return writeJSON(out, rule)
			case isRule:
				return writeAll(out, func(w *bufio.Writer) { writeRule(w, rule) })
			case isPack && f.json():
				return writeJSON(out, pack)
			case isPack:
				return writeAll(out, func(w *bufio.Writer) { writePack(w, pack) })
			}
			known := []string{}
			for _, c := range ruleWords() {
				word, _, _ := strings.Cut(c, "\t")
				known = append(known, word)
			}
			return wrongUsage("there is no rule or pack %q; known are %s", args[0], strings.Join(known, ", "))
		},
	}
	f.register(cmd)
	return cmd
}

// ruleWords are the packs, then the rules, with what they are.
func ruleWords() (words []cobra.Completion) {
	for _, p := range clearing.Packs() {
		words = append(words, cobra.CompletionWithDesc(p.Name, p.Purpose))
	}
	for _, r := range clearing.Rules() {
		words = append(words, cobra.CompletionWithDesc(r.Code, r.Measure))
	}
	return words
}

func completeRules(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return ruleWords(), cobra.ShellCompDirectiveNoFileComp
}

func writeAll(out io.Writer, write func(w *bufio.Writer)) error {
	w := bufio.NewWriter(out)
	write(w)
	return w.Flush()
}

func writeRule(w *bufio.Writer, r *clearing.Rule) {
	fmt.Fprintf(w, "%s\n  measures  %s\n  says      %s\n", r.Code, r.Measure, r.Sentence)
	for _, p := range r.Params {
		fmt.Fprintf(w, "  %-9s %s = %s %s (%s to %s)\n", "value", p.Name, p.Default, p.Unit, p.Min, p.Max)
	}
	evidence := "both parties can compute it again"
	if r.Evidence == clearing.Owner {
		evidence = "one of the two parties may not be able to compute it again"
	}
	fmt.Fprintf(w, "  evidence  %s: %s\n", r.Evidence, evidence)
	if r.Credits {
		fmt.Fprint(w, "  credits   are looked at too\n")
	}
	if r.Structural {
		fmt.Fprintf(w, "  effect    %s, whatever pack and agreement say\n", r.Always())
	}
	for _, p := range clearing.Packs() {
		if i := slices.IndexFunc(p.Rules, func(x clearing.PackRule) bool { return x.Code == r.Code }); i >= 0 {
			fmt.Fprintf(w, "  %-9s %s\n", p.Name, effectWords(&p.Rules[i], r))
		}
	}
	writeSource(w, r.Source, r.Edition)
}

func writePack(w *bufio.Writer, p *clearing.Pack) {
	fmt.Fprintf(w, "%s\n  purpose   %s\n", p.Name, p.Purpose)
	writeSource(w, p.Source, p.Edition)
	for _, r := range p.Rules {
		values := ""
		for _, v := range r.Values {
			values += " " + v.Name + "=" + v.Value
		}
		fmt.Fprintf(w, "  %-9s %s%s\n", r.Effect, r.Code, values)
	}
}

func writeSource(w *bufio.Writer, d clearing.Document, edition string) {
	fmt.Fprintf(w, "  source    %s\n", d.Title)
	if d.URL != "" {
		fmt.Fprintf(w, "            %s\n", d.URL)
	}
	fmt.Fprintf(w, "  edition   %s\n", edition)
}
